//! Run and record: computes what is missing of a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::calibration::Calibration;
use crate::interrupt;
use crate::jobs::{self, Decision, Division, Fuse, Jobs, Work};
use crate::lookahead::Lookahead;
use crate::plan::{Plan, PlannedTrial, Site};
use crate::predicted::Predicted;
use crate::progress::say;
use crate::provenance;
use crate::record::{Outcome, Record, Status};
use crate::store::{Commit, ResultStore, SCHEMA, StoreError};
use crate::trial::{Finished, Trial, TrialError};
use crate::workers::{self, Worker, WorkerError};

/// Items by which a processor is measured.
const FEW: usize = 8;
/// Trials that go through f together where a device does not tell how much memory it has.
const BLIND: usize = 4;

/// How a run went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials whose record was there.
    pub present: usize,
    /// Trials that ran now.
    pub ran: usize,
    /// Trials that have failed, now or before.
    pub failed: usize,
    /// Records that differ from one that another process committed first.
    pub differing: usize,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// What is told while trials run.
pub trait Watcher: Sync {
    /// Trials of this backbone are about to be run, so many at a time.
    fn divided(&self, backbone: &str, decision: Decision);
    /// A trial begins.
    fn began(&self, trial: &PlannedTrial, at: usize, of: usize);
    /// It ended with this outcome.
    fn finished(&self, trial: &PlannedTrial, outcome: &Outcome, seconds: f64);
    /// It failed.
    fn failed(&self, trial: &PlannedTrial, reason: &str);
}

/// A sweep that is being run.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// What is to be run.
    pub plan: &'a Plan,
    /// The sweep's name.
    pub sweep: &'a str,
    /// Where records go.
    pub store: &'a ResultStore,
    /// Where it is computed.
    pub site: Site<'a>,
    /// Who is told.
    pub watcher: &'a dyn Watcher,
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The results cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A process that was to run trials did not.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl Runner<'_> {
    /// Runs the trials that have no record yet; failed ones are tried again if asked.
    pub fn run(&self, retry: Retry, jobs: Jobs, fuse: Fuse) -> Result<Tally, RunError> {
        let mut tally = Tally::default();
        let missing = self.missing(retry, &mut tally)?;
        let n_missing = missing.len();
        let mut begun = 0;
        let mut foretold = Foretold { lookahead: Lookahead::new(self.plan, self.site), predicted: Predicted::read(self.store.folder())? };
        for group in missing.chunk_by(|a, b| a.backbone == b.backbone) {
            let backbone = &group[0].backbone;
            let decision = self.decide(jobs, fuse, group);
            self.watcher.divided(backbone, decision);
            self.foretell(group, decision.division.threads, &mut foretold)?;
            let bundles = bundles(group, decision.together, begun);
            let queue = Queue { bundles, next: AtomicUsize::new(0), of: n_missing, tally: Mutex::new(tally) };
            if decision.division.trials == 1 {
                self.drain(&queue, |trials| Ok(self.attempt(trials)?))?;
            } else {
                self.drain_by_workers(&queue, decision.division)?;
            }
            tally = queue.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
            if tally.interrupted {
                break;
            }
            begun += group.len();
        }
        Ok(tally)
    }

    /// Writes down what trials of one backbone will take with so many threads.
    fn foretell<'p>(&'p self, trials: &[&'p PlannedTrial], threads: usize, foretold: &mut Foretold<'p>) -> Result<(), StoreError> {
        let calibration = Calibration::of(&self.plan.backbones[&trials[0].backbone], threads, self.site);
        let memory = self.site.memory_found();
        for trial in trials {
            if let Some(parts) = foretold.lookahead.of(trial, Some(&calibration), memory) {
                foretold.predicted.trials.insert(trial.key.clone(), parts);
            }
        }
        foretold.predicted.write(self.store.folder())
    }

    /// How trials of one backbone run.
    fn decide(&self, jobs: Jobs, fuse: Fuse, trials: &[&PlannedTrial]) -> Decision {
        let backbone = &self.plan.backbones[&trials[0].backbone];
        let largest = companies(trials.iter().copied()).into_values().max().unwrap_or(1);
        let batch = trials.iter().map(|trial| trial.budget.batch_size).max().unwrap_or(1);
        let most_together = match self.site.memory {
            _ if largest < 2 => 1,
            Some(memory) => largest.min((memory / 2 / (backbone.bytes_of_step() * batch as u64).max(1)) as usize).max(1),
            None => largest.min(BLIND),
        };
        // A processor is busy with a few items already.
        let n_items = match jobs {
            Jobs::Measured => batch.min(FEW),
            Jobs::Fixed(_) => batch,
        };
        jobs::decide(jobs, fuse, Work { n_trials: trials.len(), most_together, pass: &|n| backbone.pass(n * n_items) })
    }

    /// Runs trials that another process hands over.
    pub fn serve(&self) {
        workers::serve(|keys| {
            let find = |key: &&str| {
                let trial = self.plan.trials.iter().find(|trial| trial.key == *key);
                if trial.is_none() {
                    say(&format!("error: this worker knows no trial {key}: the sweep file has changed since it was started"));
                }
                trial
            };
            let trials = keys.iter().map(find).collect::<Option<Vec<_>>>()?;
            match self.attempt(&trials) {
                Ok(done) => Some(done),
                Err(error) => {
                    say(&format!("error: {error}"));
                    None
                }
            }
        });
    }

    fn missing(&self, retry: Retry, tally: &mut Tally) -> Result<Vec<&PlannedTrial>, StoreError> {
        let mut missing: Vec<&PlannedTrial> = Vec::new();
        let mut keys = BTreeSet::new();
        for trial in &self.plan.trials {
            // Where nothing is drawn, one trial stands for all seeds.
            if !keys.insert(trial.key.as_str()) {
                continue;
            }
            match self.store.record(&trial.key)?.map(|record| record.status) {
                Some(Status::Ok { .. }) if self.store.has_outcomes(&trial.key) => tally.present += 1,
                None | Some(Status::Ok { .. }) => missing.push(trial),
                Some(Status::Failed { .. }) if retry == Retry::Failed => missing.push(trial),
                Some(Status::Failed { .. }) => {
                    tally.present += 1;
                    tally.failed += 1;
                }
            }
        }
        Ok(missing)
    }

    fn drain_by_workers(&self, queue: &Queue<'_>, division: Division) -> Result<(), RunError> {
        std::thread::scope(|scope| {
            let hand_out = || -> Result<(), RunError> {
                let mut worker = Worker::start(division.threads)?;
                self.drain(queue, |trials| Ok(worker.run(&trials.iter().map(|trial| trial.key.as_str()).collect::<Vec<_>>())?))
            };
            let workers: Vec<_> = (0..division.trials).map(|_| scope.spawn(hand_out)).collect();
            // All of them end, whatever becomes of one: what they have computed is recorded.
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join().expect("a thread that only waits")).collect();
            ends.into_iter().collect()
        })
    }

    /// Takes trials from the queue until it is empty.
    fn drain(&self, queue: &Queue<'_>, mut attempt: impl FnMut(&[&PlannedTrial]) -> Result<Vec<Done>, RunError>) -> Result<(), RunError> {
        while let Some(Bundle { trials, before }) = queue.take() {
            for (i, trial) in trials.iter().enumerate() {
                self.watcher.began(trial, before + i + 1, queue.of);
            }
            for done in attempt(trials)? {
                done.count(&mut queue.tally.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        Ok(())
    }

    /// Runs trials together and records them.
    fn attempt(&self, trials: &[&PlannedTrial]) -> Result<Vec<Done>, StoreError> {
        let started = Instant::now();
        let ready: Vec<Trial<'_>> = trials.iter().map(|trial| self.plan.trial(trial, self.site)).collect();
        let ends = Trial::run_together(&ready);
        let seconds = started.elapsed().as_secs_f64() / trials.len() as f64;
        trials.iter().zip(ends).map(|(trial, end)| self.recorded(trial, end, seconds)).collect()
    }

    fn recorded(&self, trial: &PlannedTrial, end: Result<Finished, TrialError>, seconds: f64) -> Result<Done, StoreError> {
        let (status, examples, tensors) = match end {
            Ok(Finished { outcome, examples, tensors }) => {
                self.watcher.finished(trial, &outcome, seconds);
                (Status::Ok { outcome }, examples, tensors)
            }
            Err(TrialError::Interrupted) => return Ok(Done::Interrupted),
            Err(error) => {
                self.watcher.failed(trial, &error.to_string());
                (Status::Failed { reason: error.to_string() }, Vec::new(), Vec::new())
            }
        };
        let failed = matches!(status, Status::Failed { .. });
        let record = record(trial, self.sweep, self.plan, status, self.site.device_name);
        Ok(Done::Committed { failed, commit: self.store.commit(&record, &examples, &tensors)? })
    }
}

/// What is said of trials before they run.
struct Foretold<'a> {
    lookahead: Lookahead<'a>,
    predicted: Predicted,
}

/// Trials that run together.
struct Bundle<'a> {
    trials: Vec<&'a PlannedTrial>,
    /// Trials begun before.
    before: usize,
}

/// In the order of their first trials. `begun`: trials begun before all of them.
fn bundles<'a>(trials: &[&'a PlannedTrial], together: usize, begun: usize) -> Vec<Bundle<'a>> {
    let mut bundles: Vec<Vec<&PlannedTrial>> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for &trial in trials {
        let company = trial.company.as_deref();
        match company.and_then(|company| open.get(company)) {
            Some(&at) if bundles[at].len() < together => bundles[at].push(trial),
            Some(_) | None => {
                open.extend(company.map(|company| (company, bundles.len())));
                bundles.push(vec![trial]);
            }
        }
    }
    let mut before = begun;
    let counted = bundles.into_iter().map(|trials| {
        before += trials.len();
        Bundle { before: before - trials.len(), trials }
    });
    counted.collect()
}

/// How many trials could go through f together, company by company.
pub fn companies<'a>(trials: impl Iterator<Item = &'a PlannedTrial>) -> BTreeMap<&'a str, usize> {
    let mut companies = BTreeMap::new();
    for company in trials.filter_map(|trial| trial.company.as_deref()) {
        *companies.entry(company).or_default() += 1;
    }
    companies
}

/// Trials of one backbone that are still to be run.
struct Queue<'a> {
    bundles: Vec<Bundle<'a>>,
    next: AtomicUsize,
    of: usize,
    tally: Mutex<Tally>,
}

impl Queue<'_> {
    /// The next ones, unless the user wants to stop.
    fn take(&self) -> Option<&Bundle<'_>> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.interrupted |= interrupt::requested() && self.next.load(Ordering::SeqCst) < self.bundles.len();
        if tally.interrupted {
            return None;
        }
        self.bundles.get(self.next.fetch_add(1, Ordering::SeqCst))
    }
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// The user stopped it.
    Interrupted,
    /// It has a record.
    Committed {
        /// That says why there are no numbers.
        failed: bool,
        /// What became of it.
        commit: Commit,
    },
}

impl Done {
    const fn count(self, tally: &mut Tally) {
        match self {
            Self::Interrupted => tally.interrupted = true,
            Self::Committed { failed, commit } => {
                tally.ran += 1;
                tally.failed += failed as usize;
                tally.differing += matches!(commit, Commit::Different) as usize;
            }
        }
    }
}

/// Whether failed trials are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// They are.
    Failed,
    /// They stay as they are.
    Nothing,
}

fn record(trial: &PlannedTrial, sweep: &str, plan: &Plan, status: Status, device_name: &str) -> Record {
    let signature = trial.method.signature();
    Record {
        schema: SCHEMA,
        key: trial.key.clone(),
        sweep: sweep.to_owned(),
        method: trial.method_name.clone(),
        paradigm: trial.method.paradigm(),
        signature,
        backbone: trial.backbone.clone(),
        dataset: trial.dataset.clone(),
        n_classes: plan.datasets[&trial.dataset].target.n_classes(),
        seed: trial.seed,
        config: trial.config.clone(),
        status,
        searched: trial.searched.clone(),
        provenance: provenance::here(device_name),
    }
}
