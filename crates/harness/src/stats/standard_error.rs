//! The standard error of a mean, of items that are independent, or of items that come in clusters.
//!
//! `s / √n` for independent items. Where items share a passage, a speaker or a template, their errors go together:
//! `√(Σ_c (Σ_{i ∈ c} (dᵢ − d̄))²) / n` adds them within a cluster before they are squared.
//!
//! # Reference
//! Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, sec. 2.2; Liang and Zeger, Biometrika 73, 1986. No correction for few
//! clusters is made, as there.

use std::collections::BTreeMap;

use super::mean;

/// `s / √n`; fewer than two values have none.
pub fn standard_error(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let n = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some((variance / n).sqrt())
}

/// With one cluster's name an item; fewer than two clusters have none.
///
/// # Panics
/// If there is not one cluster an item.
pub fn clustered_standard_error<C: Ord>(values: &[f64], clusters: &[C]) -> Option<f64> {
    assert_eq!(values.len(), clusters.len(), "one cluster an item");
    let mean = mean(values)?;
    let mut sums = BTreeMap::<&C, f64>::new();
    for (value, cluster) in values.iter().zip(clusters) {
        *sums.entry(cluster).or_default() += value - mean;
    }
    let squares: f64 = sums.values().map(|sum| sum * sum).sum();
    (sums.len() > 1).then(|| squares.sqrt() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("standard_error") {
            let (values, clusters) = (numbers(&case["values"]), numbers(&case["clusters"]));
            let clusters: Vec<u64> = clusters.into_iter().map(|cluster| cluster as u64).collect();
            close(standard_error(&values).unwrap(), case["plain"].as_f64().unwrap(), 1e-12);
            close(clustered_standard_error(&values, &clusters).unwrap(), case["clustered"].as_f64().unwrap(), 1e-12);
        }
    }

    #[test]
    fn one_cluster_says_nothing_about_spread() {
        assert_eq!(clustered_standard_error(&[0.0, 1.0, 1.0], &["a", "a", "a"]), None);
        assert_eq!(standard_error(&[1.0]), None);
    }

    #[test]
    fn clusters_of_one_item_differ_from_items_by_the_correction_of_the_variance_alone() {
        let values: [f64; 5] = [0.0, 1.0, 1.0, 0.25, 0.5];
        let plain = standard_error(&values).unwrap() * (4.0_f64 / 5.0).sqrt();
        close(clustered_standard_error(&values, &[0, 1, 2, 3, 4]).unwrap(), plain, 1e-15);
    }
}
