//! Trials of one key whose items were answered otherwise: what changed stands in no configuration.
//!
//! The same key is the same question, and one machine answers it twice with the same numbers; another one with other rounding, which
//! training can make larger. Whether the answers became worse is for the tests to say: this only says that they are others.

use super::matching::{By, Pair};
use crate::record::{ExampleOutcome, ItemReading};
use crate::report::Results;

/// Log-probabilities, in nats, and forecasts, in deviations of their training rows, that are further apart are not the same number rounded
/// otherwise.
const ROUNDING: f32 = 1e-3;

/// What is not the same under the same keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    /// Trials of the same key in both.
    pub trials: usize,
    /// Of them, those with an item whose answer, log-probabilities or forecast are others.
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
        (Some(one), Some(other)) => all_near(one.log_probabilities, other.log_probabilities),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    near && one.id == other.id && answers_same(one, other)
}

/// A forecast's answer is the forecast, up to rounding.
fn answers_same(one: &ExampleOutcome, other: &ExampleOutcome) -> bool {
    use ItemReading::{Forecast, Generated, Scored};
    match (&one.reading, &other.reading) {
        (Scored { prediction: one, .. }, Scored { prediction: other, .. }) => one == other,
        (Generated { .. }, Generated { .. }) => one.reading == other.reading,
        (Forecast { gold, forecast, errors: _ }, Forecast { gold: other_gold, forecast: other_forecast, errors: _ }) => {
            gold == other_gold && all_near(forecast, other_forecast)
        }
        (Scored { .. }, Generated { .. } | Forecast { .. })
        | (Generated { .. }, Scored { .. } | Forecast { .. })
        | (Forecast { .. }, Scored { .. } | Generated { .. }) => false,
    }
}

/// Whether values are each other's, rounded otherwise: within the bound, or, where they are greater than one, within that share of them.
fn all_near(one: &[f32], other: &[f32]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() <= ROUNDING * a.abs().max(1.0))
}
