//! Are items that were predicted with probability p right as often as that? The expected calibration error.
//!
//! Items are put into `B` bins of equal width by the probability of their prediction, `((b − 1)/B, b/B]`:
//! `ECE = Σ_b n_b/n · |accuracy_b − mean probability_b|`. It depends on the bins, so that it is comparable only for equal ones.
//!
//! # Reference
//! Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3, with 15 bins as there.

use super::{Unscored, probabilities, scored};
use crate::record::ExampleOutcome;

/// Bins of [`Metric::Ece`](super::Metric::Ece).
pub const BINS: usize = 15;

/// Over bins of equal width.
///
/// # Panics
/// If there is no bin.
pub fn expected_calibration_error(outcomes: &[ExampleOutcome], n_bins: usize) -> Result<f64, Unscored> {
    assert!(n_bins > 0, "items are put into bins");
    let mut bins = vec![(0.0, 0.0); n_bins]; // right answers, and probabilities of the predictions
    for outcome in outcomes {
        let confidence = probabilities(outcome)?
            .get(scored(outcome)?.prediction)
            .copied()
            .ok_or_else(|| Unscored::NoProbability { id: outcome.id.clone() })?;
        let bin = (confidence * n_bins as f64).ceil() as usize;
        let (right, confidences) = &mut bins[bin.clamp(1, n_bins) - 1];
        *right += f64::from(u8::from(outcome.is_right() == Some(true)));
        *confidences += confidence;
    }
    let gaps: f64 = bins.iter().map(|(right, confidences): &(f64, f64)| (right - confidences).abs()).sum();
    Ok(gaps / outcomes.len() as f64)
}
