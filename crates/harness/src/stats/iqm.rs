//! The interquartile mean: the mean of the middle half of all scores of a method, over data sets and seeds.
//!
//! `⌊n/4⌋` scores fall away at either end. It heeds more than the median does, and one outlier moves it less than the mean.
//!
//! # Reference
//! Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021, arXiv 2108.13264, sec. 4.3.

/// Of these scores; nothing of nothing.
pub fn interquartile_mean(scores: &[f64]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    super::mean(&sorted[cut..sorted.len() - cut])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("iqm") {
            close(interquartile_mean(&numbers(&case["scores"])).unwrap(), case["iqm"].as_f64().unwrap(), 1e-12);
        }
        assert_eq!(interquartile_mean(&[]), None);
    }

    #[test]
    fn an_outlier_does_not_move_it() {
        close(interquartile_mean(&[0.4, 0.5, 0.6, 0.5]).unwrap(), interquartile_mean(&[0.4, 0.5, 60.0, 0.5]).unwrap(), 1e-12);
    }
}
