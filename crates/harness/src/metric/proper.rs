//! Proper scores of one item's probabilities: nothing is gained by saying another probability than the one believed.
//!
//! `−ln p_gold`, and `Σ_k (p_k − 1[k = gold])²`, which lies between 0 and 2.
//!
//! # Reference
//! Good, Rational Decisions, JRSS B 14, 1952. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78,
//! 1950: the sum over classes, not half of it.

use super::{Unscored, probabilities, scored};
use crate::record::ExampleOutcome;

/// Negative log-probability of the gold class, in nats.
pub fn negative_log_likelihood(outcome: &ExampleOutcome) -> Result<f64, Unscored> {
    let scored = scored(outcome)?;
    let found = scored.log_probabilities.get(scored.gold);
    found.map(|value| -f64::from(*value)).ok_or_else(|| Unscored::NoProbability { id: outcome.id.clone() })
}

/// Squared distance of the probabilities from the gold class.
pub fn brier(outcome: &ExampleOutcome) -> Result<f64, Unscored> {
    let gold = scored(outcome)?.gold;
    let distance = |(class, p): (usize, f64)| if class == gold { (p - 1.0).powi(2) } else { p * p };
    Ok(probabilities(outcome)?.into_iter().enumerate().map(distance).sum())
}
