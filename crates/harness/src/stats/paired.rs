//! Two methods on the same items: the mean difference, its bootstrap interval, and a sign-flip test.
//!
//! Each item gives one difference, B's correctness minus A's, averaged over their common seeds. The items are the
//! sample: interval and test say what another draw of *items* would show, with the trained programs as they are.
//!
//! # Reference
//! Interval: see [`bca`](super::bca). Sign-flip (paired permutation) test: Fisher, 1935; its
//! Monte Carlo p-value `(1 + #{|T*| ≥ |T|}) / (1 + R)`: Phipson and Smyth, 2010. Under the null an item's difference is
//! as likely to have the other sign.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::bca::bca_interval;
use super::mean;
use super::resample::named_rng;

/// Bootstrap replicates, and sign-flip draws.
pub const REPLICATES: usize = 10_000;

/// B against A over their common items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedComparison {
    /// Items compared.
    pub n: usize,
    /// Mean of B − A.
    pub difference: f64,
    /// `BCa` bootstrap interval of that mean at [`LEVEL`](super::LEVEL), over items.
    pub interval: (f64, f64),
    /// Two-sided sign-flip p-value.
    pub p: f64,
}

impl PairedComparison {
    /// Of the items' differences, in a fixed order; nothing where there are no items.
    pub fn of(differences: &[f64]) -> Option<Self> {
        let difference = mean(differences)?;
        let interval = bca_interval(differences).unwrap_or((difference, difference)); // one item says nothing about spread
        Some(Self { n: differences.len(), difference, interval, p: sign_flip_p(differences) })
    }
}

/// Two-sided p-value of the sign-flip test of a mean of zero. No difference anywhere, or no item: 1.
pub fn sign_flip_p(differences: &[f64]) -> f64 {
    let sizes = sizes(differences);
    let observed = differences.iter().sum::<f64>().abs();
    // Sums of averages like ⅓ carry rounding errors; a draw that ties with the data must count as one.
    let observed = observed - 1e-9 * sizes.iter().map(|&(size, count)| size * count as f64).sum::<f64>();
    let mut rng = named_rng("reprogram/stats/paired/sign-flip");
    let as_extreme = (0..REPLICATES)
        .filter(|_| {
            let sum: f64 = sizes.iter().map(|&(size, count)| size * signed_count(&mut rng, count)).sum();
            sum.abs() >= observed
        })
        .count();
    (1 + as_extreme) as f64 / (1 + REPLICATES) as f64
}

/// How often each non-zero size of a difference occurs. Correctness averaged over few seeds takes few values.
fn sizes(differences: &[f64]) -> Vec<(f64, usize)> {
    let mut counts = BTreeMap::<u64, usize>::new();
    for difference in differences.iter().filter(|difference| **difference != 0.0) {
        *counts.entry(difference.abs().to_bits()).or_default() += 1;
    }
    counts.into_iter().map(|(bits, count)| (f64::from_bits(bits), count)).collect()
}

/// The sum of `count` fair signs, 64 coins at a time.
fn signed_count(rng: &mut ChaCha8Rng, count: usize) -> f64 {
    let mut heads = 0_u64;
    let mut left = count;
    while left > 0 {
        let coins = left.min(64);
        heads += u64::from((rng.next_u64() >> (64 - coins)).count_ones());
        left -= coins;
    }
    2.0 * heads as f64 - count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("paired") {
            let differences: Vec<f64> = serde_json::from_value(case["differences"].clone()).unwrap();
            let paired = PairedComparison::of(&differences).unwrap();
            let value = |name: &str| case[name].as_f64().unwrap();
            close(paired.difference, value("mean"), 1e-12);
            close(paired.p, value("p"), 0.02); // 10,000 draws have a standard error of at most .005
        }
    }

    #[test]
    fn the_same_differences_give_the_same_bits() {
        let differences: Vec<f64> = (0..97).map(|i| f64::from(i % 5 - 2) / 3.0).collect();
        assert_eq!(PairedComparison::of(&differences), PairedComparison::of(&differences));
    }

    #[test]
    fn no_difference_is_no_evidence() {
        let paired = PairedComparison::of(&[0.0; 40]).unwrap();
        assert_eq!(paired, PairedComparison { n: 40, difference: 0.0, interval: (0.0, 0.0), p: 1.0 });
        assert_eq!(PairedComparison::of(&[]), None);
    }

    #[test]
    fn the_smallest_p_is_one_over_all_draws() {
        close(sign_flip_p(&[1.0; 200]), 1.0 / 10_001.0, 1e-15);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn does_not_depend_on_who_is_called_a(differences in prop::collection::vec(-3_i32..=3, 1..60)) {
            let one: Vec<f64> = differences.iter().map(|d| f64::from(*d) / 3.0).collect();
            let other: Vec<f64> = one.iter().map(|d| -d).collect();
            prop_assert_eq!(sign_flip_p(&one).to_bits(), sign_flip_p(&other).to_bits());
        }

        #[test]
        fn the_interval_stays_within_the_differences(differences in prop::collection::vec(-1.0..=1.0_f64, 1..40)) {
            let (low, high) = PairedComparison::of(&differences).unwrap().interval;
            let least = differences.iter().copied().fold(f64::INFINITY, f64::min);
            let most = differences.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-12 <= low && low <= high && high <= most + 1e-12);
        }
    }
}
