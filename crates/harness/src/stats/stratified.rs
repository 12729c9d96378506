//! Intervals of what is computed over data sets and seeds: seeds are drawn again within each data set.
//!
//! The data sets stay as they are: the interval says what other seeds would show on them. With three seeds a data set has ten
//! different draws only, and the interval is too narrow: see [`ENOUGH_SEEDS`].
//!
//! # Reference
//! Agarwal et al., NeurIPS 2021, arXiv 2108.13264, sec. 4.1: stratified bootstrap, percentile interval. Every call draws from a generator
//! whose seed is the caller's name, so that the same scores give the same bits.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::resample::{named_rng, quantile};
use super::{LEVEL, REPLICATES};

/// Fewer seeds than these give an interval that is too narrow to be trusted.
pub const ENOUGH_SEEDS: usize = 5;

/// One list of scores, one a seed, for each data set.
pub type Scores = Vec<Vec<f64>>;

/// The percentile interval at [`LEVEL`] of a statistic of several methods' scores.
///
/// # Panics
/// If a data set has no score.
pub fn stratified_interval(purpose: &str, methods: &[&Scores], statistic: impl Fn(&[Scores]) -> f64) -> (f64, f64) {
    ends(replicates(purpose, methods, statistic))
}

/// A statistic, which may be several numbers, of as many draws as there are replicates.
pub(super) fn replicates<T>(purpose: &str, methods: &[&Scores], statistic: impl Fn(&[Scores]) -> T) -> Vec<T> {
    let mut rng = named_rng(&format!("reprogram/stats/stratified/{purpose}"));
    (0..REPLICATES).map(|_| statistic(&methods.iter().map(|scores| drawn(&mut rng, scores)).collect::<Vec<_>>())).collect()
}

/// Of replicates of one number: the percentiles that an interval ends at.
pub(super) fn ends(mut replicates: Vec<f64>) -> (f64, f64) {
    replicates.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    (quantile(&replicates, tail), quantile(&replicates, 1.0 - tail))
}

/// As many seeds, with replacement, within each data set.
fn drawn(rng: &mut ChaCha8Rng, scores: &Scores) -> Scores {
    let one = |seeds: &Vec<f64>| {
        let n = u32::try_from(seeds.len()).expect("fewer than 2³² seeds");
        (0..n).map(|_| seeds[rng.random_range(0..n) as usize]).collect()
    };
    scores.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, rows};
    use crate::stats::iqm::interquartile_mean;

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("stratified_iqm") {
            let iqm = |drawn: &[Scores]| interquartile_mean(&drawn[0].concat()).unwrap();
            let (low, high) = stratified_interval("test", &[&rows(&case["scores"])], iqm);
            let tolerance = case["tolerance"].as_f64().unwrap();
            close(low, case["low"].as_f64().unwrap(), tolerance);
            close(high, case["high"].as_f64().unwrap(), tolerance);
        }
    }

    #[test]
    fn a_name_is_a_seed() {
        let scores = vec![vec![0.1, 0.5, 0.9, 0.3, 0.77], vec![0.2, 0.25, 0.7, 0.6, 0.1]];
        let mean = |drawn: &[Scores]| drawn[0].concat().iter().sum::<f64>() / 10.0;
        assert_eq!(stratified_interval("a", &[&scores], mean), stratified_interval("a", &[&scores], mean));
        assert_ne!(stratified_interval("a", &[&scores], mean), stratified_interval("b", &[&scores], mean));
    }

    #[test]
    fn seeds_are_never_drawn_across_data_sets() {
        let scores = vec![vec![0.1, 0.1], vec![0.9, 0.9]];
        let mean = |drawn: &[Scores]| drawn[0].concat().iter().sum::<f64>() / 4.0;
        let (low, high) = stratified_interval("a", &[&scores], mean);
        close(low, 0.5, 1e-15);
        close(high, 0.5, 1e-15);
    }
}
