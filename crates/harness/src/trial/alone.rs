//! Whether a trial's scores depend on the batch: test items once more, one at a time, by the chosen program and without anything kept.
//!
//! It costs no more than seconds, which are not the trial's: they stand in no cost.

use std::time::{Duration, Instant};

use burn::module::Module as _;
use reprogram_methods::Evaluation;

use super::member::Member;
use super::{TrialError, stop_if_asked};
use crate::evaluate::Scored;
use crate::presentation::Presented;
use crate::record::BatchInvariance;

/// As many of the first test items as this.
const ITEMS: usize = 32;
/// No further item is begun after this time.
const LIMIT: Duration = Duration::from_secs(5);

/// The greatest difference between what items give alone and what they gave in their batches.
pub(super) fn batch_invariance(member: &Member<'_>, test: &Presented, scored: &Scored) -> Result<BatchInvariance, TrialError> {
    let program = member.chosen_program().valid();
    let mut evaluation = Evaluation::new(&program, member.trial.backbone);
    let started = Instant::now();
    let mut found = BatchInvariance { items: 0, max_difference: 0.0 };
    for item in 0..test.len().min(ITEMS) {
        if started.elapsed() > LIMIT {
            break;
        }
        stop_if_asked()?;
        let outputs = evaluation.forward(&test.batch(&[item]));
        let alone = Scored::gather(&test.golds.only(item), member.trial.target.n_outputs(), std::iter::once((vec![0], outputs)));
        found.items += 1;
        found.max_difference = found.max_difference.max(scored.difference(item, &alone));
    }
    Ok(found)
}
