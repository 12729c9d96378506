//! Run and record: computes what is missing of a plan.

use std::time::Instant;

use burn::tensor::Device;

use crate::interrupt;
use crate::plan::{Plan, PlannedTrial};
use crate::provenance;
use crate::record::{Outcome, Record, Status};
use crate::store::{Commit, ResultStore, SCHEMA, StoreError};
use crate::trial::{Finished, TrialError};

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
pub trait Watcher {
    /// A trial begins.
    fn began(&self, trial: &PlannedTrial, at: usize, of: usize);
    /// It ended with this outcome.
    fn finished(&self, trial: &PlannedTrial, outcome: &Outcome, seconds: f64);
    /// It failed.
    fn failed(&self, trial: &PlannedTrial, reason: &str);
}

/// Runs the trials that have no record yet; failed ones are tried again if asked.
pub fn run(
    plan: &Plan,
    sweep: &str,
    store: &ResultStore,
    device: &Device,
    device_name: &str,
    retry: Retry,
    watcher: &dyn Watcher,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut missing = Vec::new();
    for trial in &plan.trials {
        match store.record(&trial.key)?.map(|record| record.status) {
            Some(Status::Ok { .. }) if store.has_outcomes(&trial.key) => tally.present += 1,
            None | Some(Status::Ok { .. }) => missing.push(trial),
            Some(Status::Failed { .. }) if retry == Retry::Failed => missing.push(trial),
            Some(Status::Failed { .. }) => {
                tally.present += 1;
                tally.failed += 1;
            }
        }
    }
    let n_missing = missing.len();
    for (at, trial) in missing.into_iter().enumerate() {
        if interrupt::requested() {
            tally.interrupted = true;
            break;
        }
        watcher.began(trial, at + 1, n_missing);
        let started = Instant::now();
        let (status, examples, tensors) = match plan.trial(trial, device).run() {
            Ok(Finished { outcome, examples, tensors }) => {
                watcher.finished(trial, &outcome, started.elapsed().as_secs_f64());
                (Status::Ok { outcome }, examples, tensors)
            }
            Err(TrialError::Interrupted) => {
                tally.interrupted = true;
                break;
            }
            Err(error) => {
                watcher.failed(trial, &error.to_string());
                tally.failed += 1;
                (Status::Failed { reason: error.to_string() }, Vec::new(), Vec::new())
            }
        };
        let record = record(trial, sweep, plan, status, device_name);
        match store.commit(&record, &examples, &tensors)? {
            Commit::First | Commit::Same => {}
            Commit::Different => tally.differing += 1,
        }
        tally.ran += 1;
    }
    Ok(tally)
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
        provenance: provenance::here(device_name),
    }
}
