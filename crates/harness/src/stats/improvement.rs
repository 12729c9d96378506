//! How likely one method is ahead of another on a data set drawn at random: the probability of improvement.
//!
//! `P(X > Y) = 1/T Σ_t U_t / (R_X R_Y)`: over `T` data sets, the share of pairs of seeds in which X is ahead; equal scores count half.
//!
//! # Reference
//! Agarwal et al., NeurIPS 2021, arXiv 2108.13264, sec. 4.3; `U` is Mann and Whitney's statistic.

use super::stratified::{Scores, stratified_interval};

/// A probability of improvement and its interval over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Improvement {
    /// P(X > Y).
    pub probability: f64,
    /// Stratified bootstrap interval at [`LEVEL`](super::LEVEL).
    pub interval: (f64, f64),
}

impl Improvement {
    /// Of X over Y on the same data sets; nothing without data sets, or where one has no score.
    ///
    /// # Panics
    /// If they have scores on different numbers of data sets.
    pub fn of(x: &Scores, y: &Scores) -> Option<Self> {
        assert_eq!(x.len(), y.len(), "scores on the same data sets");
        if x.is_empty() || x.iter().chain(y).any(Vec::is_empty) {
            return None;
        }
        let interval = stratified_interval("improvement", &[x, y], |drawn| probability(&drawn[0], &drawn[1]));
        Some(Self { probability: probability(x, y), interval })
    }
}

fn probability(x: &Scores, y: &Scores) -> f64 {
    x.iter().zip(y).map(|(x, y)| ahead(x, y)).sum::<f64>() / x.len() as f64
}

fn ahead(x: &[f64], y: &[f64]) -> f64 {
    let point = |a: f64, b: f64| {
        if a > b {
            1.0
        } else if a < b {
            0.0
        } else {
            0.5
        }
    };
    x.iter().flat_map(|&a| y.iter().map(move |&b| point(a, b))).sum::<f64>() / (x.len() * y.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, rows};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("improvement") {
            let found = Improvement::of(&rows(&case["x"]), &rows(&case["y"])).unwrap();
            close(found.probability, case["probability"].as_f64().unwrap(), 1e-12);
            let tolerance = case["tolerance"].as_f64().unwrap();
            close(found.interval.0, case["low"].as_f64().unwrap(), tolerance);
            close(found.interval.1, case["high"].as_f64().unwrap(), tolerance);
        }
    }

    #[test]
    fn a_method_is_not_ahead_of_itself() {
        let scores = vec![vec![0.5, 0.7, 0.7], vec![0.1, 0.1, 0.1]];
        close(Improvement::of(&scores, &scores).unwrap().probability, 0.5, 1e-12);
        assert_eq!(Improvement::of(&vec![], &vec![]), None);
    }
}
