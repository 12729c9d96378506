//! Trials of one key whose items were answered otherwise: what changed stands in no configuration.
//!
//! The same key is the same question, and one machine answers it twice with the same numbers; another one with other rounding, which
//! training can make larger. Whether the answers became worse is for the tests to say: this only says that they are others.

use super::matching::{By, Pair};
use crate::record::ExampleOutcome;
use crate::report::Results;

/// Log-probabilities that are further apart, in nats, are not the same number rounded otherwise.
const ROUNDING: f32 = 1e-3;

/// What is not the same under the same keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    /// Trials of the same key in both.
    pub trials: usize,
    /// Of them, those with an item whose answer or log-probabilities are others.
    pub changed: usize,
    /// Items of the changed ones whose answers are others.
    pub answers: usize,
    /// Items of the changed ones.
    pub items: usize,
}

/// Of a cell's trials.
pub(super) fn of(a: &Results, b: &Results, pairs: &[Pair<'_>]) -> Drift {
    let mut drift = Drift::default();
    for pair in pairs.iter().filter(|pair| pair.by == By::Key) {
        let (Some(in_a), Some(in_b)) = (a.outcomes.get(&pair.a.key), b.outcomes.get(&pair.b.key)) else { continue };
        drift.trials += 1;
        if in_a.len() != in_b.len() || in_a.iter().zip(in_b).any(|(one, other)| !is_same(one, other)) {
            drift.changed += 1;
            drift.items += in_a.len();
            drift.answers += in_a.iter().zip(in_b).filter(|(one, other)| !answers_same(one, other)).count();
        }
    }
    drift
}

fn is_same(one: &ExampleOutcome, other: &ExampleOutcome) -> bool {
    let near = match (one.scored(), other.scored()) {
        (Some(one), Some(other)) => {
            let (one, other) = (one.log_probabilities, other.log_probabilities);
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() <= ROUNDING)
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    near && one.id == other.id && answers_same(one, other)
}

fn answers_same(one: &ExampleOutcome, other: &ExampleOutcome) -> bool {
    match (one.scored(), other.scored()) {
        (Some(one), Some(other)) => one.prediction == other.prediction,
        (None, None) => one.reading == other.reading,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
