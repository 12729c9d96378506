//! How often a method reaches a score: its performance profile over data sets and seeds.
//!
//! `F(τ) = 1/RT Σ 1[x > τ]`: the share of all runs whose score lies above τ. Where one method's curve lies above another's
//! everywhere, it is better whatever is asked for.
//!
//! # Reference
//! Agarwal et al., NeurIPS 2021, arXiv 2108.13264, sec. 4.2 (score distributions with a pointwise stratified bootstrap band).

use super::stratified::{Scores, ends, replicates};

/// The share of runs above each of some scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// One a score.
    pub points: Vec<ProfilePoint>,
}

/// The share of runs above one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfilePoint {
    /// The score.
    pub tau: f64,
    /// Share of runs above it.
    pub share: f64,
    /// Its interval over seeds.
    pub interval: (f64, f64),
}

impl Profile {
    /// At these scores; nothing where there is no run.
    pub fn of(scores: &Scores, at: &[f64]) -> Option<Self> {
        if scores.is_empty() || scores.iter().any(Vec::is_empty) {
            return None;
        }
        let shares = |scores: &Scores| at.iter().map(|&tau| above(scores, tau)).collect::<Vec<f64>>();
        let drawn = replicates("profile", &[scores], |drawn| shares(&drawn[0]));
        let point =
            |(index, (&tau, share))| ProfilePoint { tau, share, interval: ends(drawn.iter().map(|shares| shares[index]).collect()) };
        Some(Self { points: at.iter().zip(shares(scores)).enumerate().map(point).collect() })
    }
}

/// Each data set counts alike, however many seeds it has.
fn above(scores: &Scores, tau: f64) -> f64 {
    let share = |seeds: &Vec<f64>| seeds.iter().filter(|score| **score > tau).count() as f64 / seeds.len() as f64;
    scores.iter().map(share).sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers, rows};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("profile") {
            let found = Profile::of(&rows(&case["scores"]), &numbers(&case["at"])).unwrap();
            let tolerance = case["tolerance"].as_f64().unwrap();
            let expected = numbers(&case["shares"]).into_iter().zip(numbers(&case["low"])).zip(numbers(&case["high"]));
            for (point, ((share, low), high)) in found.points.into_iter().zip(expected) {
                close(point.share, share, 1e-12);
                close(point.interval.0, low, tolerance);
                close(point.interval.1, high, tolerance);
            }
        }
    }

    #[test]
    fn a_profile_falls_from_one_to_zero() {
        let found = Profile::of(&vec![vec![0.2, 0.4], vec![0.6, 0.8]], &[0.0, 0.3, 0.5, 0.8]).unwrap();
        let shares: Vec<f64> = found.points.iter().map(|point| point.share).collect();
        assert_eq!(shares, [1.0, 0.75, 0.5, 0.0]);
        assert_eq!(Profile::of(&vec![], &[0.5]), None);
    }
}
