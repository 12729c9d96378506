//! Is one method better than another over data sets? `Wilcoxon`'s signed-rank test.
//!
//! The differences are ranked by size; `W⁺` and `W⁻` are the sums of ranks of the positive and of the negative ones. Under the null
//! every sign is a fair coin. Up to 50 differences the p-value is that of the coins themselves, ties included; beyond, that
//! of a normal law with the variance corrected for ties. Differences of zero are dropped.
//!
//! # Reference
//! Wilcoxon, Biometrics Bulletin 1, 1945 (zeroes are dropped there). Demšar, JMLR 7, 2006, sec. 3.1.3. Variance with ties:
//! `n(n + 1)(2n + 1)/24 − Σ(t³ − t)/48`.

use statrs::distribution::{ContinuousCDF, Normal};

use super::ranks::{ranks, tie_term};

/// As many differences are judged by counting all patterns of signs.
const EXACT: usize = 50;

/// A two-sided test of differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wilcoxon {
    /// Differences that are not zero.
    pub n: usize,
    /// Differences of zero, which were dropped.
    pub zeros: usize,
    /// Sum of the ranks of the positive ones.
    pub positive: f64,
    /// Sum of the ranks of the negative ones.
    pub negative: f64,
    /// Two-sided p-value; 1 where nothing is left.
    pub p: f64,
}

impl Wilcoxon {
    /// Of these differences.
    pub fn of(differences: &[f64]) -> Self {
        let kept: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
        let sizes: Vec<f64> = kept.iter().map(|difference| difference.abs()).collect();
        let ranks = ranks(&sizes);
        let sum = |wanted: fn(&f64) -> bool| kept.iter().zip(&ranks).filter(|(d, _)| wanted(d)).map(|(_, rank)| rank).sum::<f64>();
        let (positive, negative) = (sum(|d| *d > 0.0), sum(|d| *d < 0.0));
        let least = positive.min(negative);
        let p = if kept.is_empty() {
            1.0
        } else if kept.len() <= EXACT {
            exact(&ranks, least)
        } else {
            approximate(kept.len() as f64, tie_term(&sizes), least)
        };
        Self { n: kept.len(), zeros: differences.len() - kept.len(), positive, negative, p }
    }
}

/// The smallest p-value that `n` data sets can give, all of them for the same side: `2^{1−n}`. It is .0625 for five, so that five
/// can never reach .05.
pub fn smallest_p(n: usize) -> f64 {
    if n == 0 { 1.0 } else { (1.0 - n as f64).exp2() }
}

/// `min(1, 2 P(W ≤ least))`: the share of the 2ⁿ patterns of signs, counted by doubled ranks, which are whole.
fn exact(ranks: &[f64], least: f64) -> f64 {
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank).round() as usize).collect();
    let mut shares = vec![0.0; doubled.iter().sum::<usize>() + 1];
    shares[0] = 1.0;
    let mut reached = 0;
    for rank in doubled {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    let at_most: f64 = shares[..=(2.0 * least).round() as usize].iter().sum();
    (2.0 * at_most).min(1.0)
}

fn approximate(n: f64, ties: f64, least: f64) -> f64 {
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let z = (least - n * (n + 1.0) / 4.0) / variance.sqrt();
    (2.0 * Normal::standard().cdf(z)).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("wilcoxon") {
            let found = Wilcoxon::of(&numbers(&case["differences"]));
            close(found.positive.min(found.negative), case["statistic"].as_f64().unwrap(), 1e-12);
            close(found.p, case["p"].as_f64().unwrap(), 1e-9);
            assert_eq!(found.n as u64, case["n"].as_u64().unwrap());
        }
    }

    #[test]
    fn five_data_sets_can_never_reach_the_level() {
        close(Wilcoxon::of(&[0.1, 0.2, 0.3, 0.4, 0.5]).p, 0.0625, 1e-15);
        close(smallest_p(5), 0.0625, 1e-15);
        close(smallest_p(6), 0.03125, 1e-15);
        close(smallest_p(0), 1.0, 0.0);
    }

    #[test]
    fn nothing_but_zeroes_is_no_evidence() {
        let found = Wilcoxon::of(&[0.0, 0.0, -0.0]);
        assert_eq!((found.n, found.zeros), (0, 3));
        close(found.p, 1.0, 0.0);
    }

    proptest! {
        #[test]
        fn is_symmetric_and_never_below_its_bound(differences in prop::collection::vec(-4_i8..=4, 1..20)) {
            let one: Vec<f64> = differences.iter().map(|d| f64::from(*d)).collect();
            let other: Vec<f64> = one.iter().map(|d| -d).collect();
            let found = Wilcoxon::of(&one);
            prop_assert_eq!(found.p.to_bits(), Wilcoxon::of(&other).p.to_bits());
            prop_assert!(found.p >= smallest_p(found.n) - 1e-12 && found.p <= 1.0);
            let all = (found.n * (found.n + 1)) as f64 / 2.0;
            prop_assert!((found.positive + found.negative - all).abs() < 1e-9);
        }
    }
}
