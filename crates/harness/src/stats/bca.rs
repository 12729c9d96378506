//! The bias-corrected and accelerated bootstrap interval of a mean: over items, or over whole clusters of items.
//!
//! The ends are quantiles of the replicates at `Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z)))` for `z = ±z_{.975}`: `z₀ = Φ⁻¹` of the
//! share of replicates below the estimate (ties count half), and `a = Σ (θ̄ − θ₍ᵢ₎)³ / 6 (Σ (θ̄ − θ₍ᵢ₎)²)^{3/2}` over the
//! estimates that leave one unit out. With `z₀ = a = 0` it is the percentile interval.
//!
//! # Reference
//! Efron, Better Bootstrap Confidence Intervals, JASA 82, 1987. Efron and Tibshirani, 1993, ch. 14.3. Clusters are drawn whole, as
//! in Field and Welsh, Bootstrapping Clustered Data, JRSS B 69, 2007.

use std::collections::BTreeMap;

use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

use super::resample::{named_rng, quantile};
use super::{LEVEL, REPLICATES};

/// What is drawn together: an item, or a cluster of items.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    sum: f64,
    n: f64,
}

/// The interval of the mean at [`LEVEL`], over items. Fewer than two items have none.
pub fn bca_interval(differences: &[f64]) -> Option<(f64, f64)> {
    of_units(&differences.iter().map(|&sum| Unit { sum, n: 1.0 }).collect::<Vec<_>>())
}

/// The same where items come in clusters: one cluster's name an item. Fewer than two clusters have none.
///
/// # Panics
/// If there is not one cluster an item.
pub fn bca_interval_clustered<C: Ord>(differences: &[f64], clusters: &[C]) -> Option<(f64, f64)> {
    assert_eq!(differences.len(), clusters.len(), "one cluster an item");
    let mut units = BTreeMap::<&C, Unit>::new();
    for (difference, cluster) in differences.iter().zip(clusters) {
        let unit = units.entry(cluster).or_default();
        unit.sum += difference;
        unit.n += 1.0;
    }
    of_units(&units.into_values().collect::<Vec<_>>())
}

fn of_units(units: &[Unit]) -> Option<(f64, f64)> {
    if units.len() < 2 {
        return None;
    }
    let n = u32::try_from(units.len()).expect("fewer than 2³² units");
    let total = sum_of(units.iter());
    let mut rng = named_rng("reprogram/stats/bca");
    let mut replicates: Vec<f64> =
        (0..REPLICATES).map(|_| mean_of(sum_of((0..n).map(|_| &units[rng.random_range(0..n) as usize])))).collect();
    replicates.sort_by(f64::total_cmp);
    let left_out: Vec<f64> = units.iter().map(|unit| mean_of(Unit { sum: total.sum - unit.sum, n: total.n - unit.n })).collect();
    Some(ends(mean_of(total), &replicates, &left_out))
}

/// The ends, given the estimate, sorted replicates of it, and the estimates that leave one unit out.
fn ends(estimate: f64, replicates: &[f64], left_out: &[f64]) -> (f64, f64) {
    // Sums in another order differ by rounding; a replicate that ties with the estimate must count as one.
    let nearly = 1e-12 * (1.0 + estimate.abs());
    let below = replicates.partition_point(|&replicate| replicate < estimate - nearly);
    let not_above = replicates.partition_point(|&replicate| replicate <= estimate + nearly);
    if below == 0 && not_above == replicates.len() {
        return (estimate, estimate);
    }
    let n = replicates.len() as f64;
    let normal = Normal::standard();
    let share = ((below + not_above) as f64 / (2.0 * n)).clamp(0.5 / n, 1.0 - 0.5 / n);
    let bias = normal.inverse_cdf(share);
    let acceleration = acceleration(left_out);
    let end = |z: f64| {
        let moved = bias + (bias + z) / (1.0 - acceleration * (bias + z));
        quantile(replicates, normal.cdf(moved))
    };
    let z = normal.inverse_cdf(0.5 + LEVEL / 2.0);
    (end(-z), end(z))
}

fn acceleration(left_out: &[f64]) -> f64 {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |exponent: i32| left_out.iter().map(|value| (mean - value).powi(exponent)).sum::<f64>();
    let scale = 6.0 * power(2).powf(1.5);
    if scale > 0.0 { power(3) / scale } else { 0.0 }
}

fn sum_of<'a>(units: impl Iterator<Item = &'a Unit>) -> Unit {
    units.fold(Unit::default(), |total, unit| Unit { sum: total.sum + unit.sum, n: total.n + unit.n })
}

fn mean_of(unit: Unit) -> f64 {
    unit.sum / unit.n
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    /// The same replicates give the same ends: nothing is left to chance.
    #[test]
    fn the_ends_agree_with_the_reference() {
        for case in fixture("bca_ends") {
            let mut replicates = numbers(&case["replicates"]);
            replicates.sort_by(f64::total_cmp);
            let (low, high) = ends(case["estimate"].as_f64().unwrap(), &replicates, &numbers(&case["left_out"]));
            close(low, case["low"].as_f64().unwrap(), 1e-9);
            close(high, case["high"].as_f64().unwrap(), 1e-9);
        }
    }

    #[test]
    fn intervals_agree_with_the_reference() {
        for case in fixture("bca") {
            let differences = numbers(&case["differences"]);
            let (low, high) = match case["clusters"].as_array() {
                None => bca_interval(&differences).unwrap(),
                Some(clusters) => {
                    let clusters: Vec<u64> = clusters.iter().map(|cluster| cluster.as_u64().unwrap()).collect();
                    bca_interval_clustered(&differences, &clusters).unwrap()
                }
            };
            let tolerance = case["tolerance"].as_f64().unwrap();
            close(low, case["low"].as_f64().unwrap(), tolerance);
            close(high, case["high"].as_f64().unwrap(), tolerance);
        }
    }

    #[test]
    fn one_unit_has_no_interval() {
        assert_eq!(bca_interval(&[]), None);
        assert_eq!(bca_interval(&[0.5]), None);
        assert_eq!(bca_interval_clustered(&[0.5, 0.25, 1.0], &["a", "a", "a"]), None);
    }

    #[test]
    fn equal_differences_have_an_interval_of_no_width() {
        let (low, high) = bca_interval(&[1.0 / 3.0; 30]).unwrap();
        close(low, 1.0 / 3.0, 1e-15);
        close(high, 1.0 / 3.0, 1e-15);
    }

    #[test]
    fn items_that_agree_within_clusters_make_the_interval_wider() {
        let differences: Vec<f64> = (0..120).map(|i| f64::from(i / 10 % 2)).collect();
        let clusters: Vec<u32> = (0..120).map(|i| i / 10).collect();
        let width = |(low, high): (f64, f64)| high - low;
        assert!(
            width(bca_interval_clustered(&differences, &clusters).unwrap()) > 2.0 * width(bca_interval(&differences).unwrap()),
            "12 clusters are not 120 items"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn clusters_of_one_item_are_items(differences in prop::collection::vec(-1.0..=1.0_f64, 2..30)) {
            let clusters: Vec<usize> = (0..differences.len()).collect();
            prop_assert_eq!(bca_interval(&differences), bca_interval_clustered(&differences, &clusters));
        }
    }
}
