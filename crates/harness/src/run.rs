//! Run and record: computes what is missing of a plan.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::interrupt;
use crate::jobs::{self, Decision, Division, Jobs};
use crate::plan::{Plan, PlannedTrial, Site};
use crate::progress::say;
use crate::provenance;
use crate::record::{Outcome, Record, Status};
use crate::store::{Commit, ResultStore, SCHEMA, StoreError};
use crate::trial::{Finished, TrialError};
use crate::workers::{self, Worker, WorkerError};

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
    pub fn run(&self, retry: Retry, jobs: Jobs) -> Result<Tally, RunError> {
        let mut tally = Tally::default();
        let missing = self.missing(retry, &mut tally)?;
        let n_missing = missing.len();
        let mut begun = 0;
        for group in missing.chunk_by(|a, b| a.backbone == b.backbone) {
            let backbone = &group[0].backbone;
            let decision = jobs::decide(jobs, group.len(), &|| self.plan.backbones[backbone].pass());
            self.watcher.divided(backbone, decision);
            let queue = Queue { trials: group, next: AtomicUsize::new(0), begun, of: n_missing, tally: Mutex::new(tally) };
            if decision.division.trials == 1 {
                self.drain(&queue, |trial| Ok(self.attempt(trial)?))?;
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

    /// Runs trials that another process hands over.
    pub fn serve(&self) {
        workers::serve(|key| {
            let trial = self.plan.trials.iter().find(|trial| trial.key == key);
            let done = trial.map(|trial| self.attempt(trial));
            match done {
                Some(Ok(done)) => Some(done),
                Some(Err(error)) => {
                    say(&format!("error: {error}"));
                    None
                }
                None => {
                    say(&format!("error: this worker knows no trial {key}: the sweep file has changed since it was started"));
                    None
                }
            }
        });
    }

    fn missing(&self, retry: Retry, tally: &mut Tally) -> Result<Vec<&PlannedTrial>, StoreError> {
        let mut missing = Vec::new();
        for trial in &self.plan.trials {
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
                self.drain(queue, |trial| Ok(worker.run(&trial.key)?))
            };
            let workers: Vec<_> = (0..division.trials).map(|_| scope.spawn(hand_out)).collect();
            // All of them end, whatever becomes of one: what they have computed is recorded.
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join().expect("a thread that only waits")).collect();
            ends.into_iter().collect()
        })
    }

    /// Takes trials from the queue until it is empty.
    fn drain(&self, queue: &Queue<'_>, mut attempt: impl FnMut(&PlannedTrial) -> Result<Done, RunError>) -> Result<(), RunError> {
        while let Some(at) = queue.take() {
            let trial = queue.trials[at];
            self.watcher.began(trial, queue.begun + at + 1, queue.of);
            let done = attempt(trial)?;
            done.count(&mut queue.tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    /// Runs one trial and records it.
    fn attempt(&self, trial: &PlannedTrial) -> Result<Done, StoreError> {
        let started = Instant::now();
        let (status, examples, tensors) = match self.plan.trial(trial, self.site).run() {
            Ok(Finished { outcome, examples, tensors }) => {
                self.watcher.finished(trial, &outcome, started.elapsed().as_secs_f64());
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

/// Trials of one backbone that are still to be run.
struct Queue<'a> {
    trials: &'a [&'a PlannedTrial],
    next: AtomicUsize,
    /// Trials begun before.
    begun: usize,
    of: usize,
    tally: Mutex<Tally>,
}

impl Queue<'_> {
    /// The next one's place, unless the user wants to stop.
    fn take(&self) -> Option<usize> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.interrupted |= interrupt::requested() && self.next.load(Ordering::SeqCst) < self.trials.len();
        if tally.interrupted {
            return None;
        }
        Some(self.next.fetch_add(1, Ordering::SeqCst)).filter(|&at| at < self.trials.len())
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
        paradigm: signature.paradigm(),
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
