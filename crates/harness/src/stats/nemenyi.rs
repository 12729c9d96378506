//! How far apart two mean ranks have to be: the critical difference of Nemenyi's test.
//!
//! `CD = q_α √(k(k + 1) / 6N)`, where `√2 q_α` is the quantile of the studentised range of `k` normal values. Whether a pair
//! passes depends on which other methods stand in the pool, so that pairs are judged by Wilcoxon's test with Holm's
//! correction (see [`wilcoxon`](super::wilcoxon)); the critical difference gives the scale.
//!
//! # Reference
//! Nemenyi, 1963; Demšar, JMLR 7, 2006, sec. 3.2.2 and table 5. On the pool: Benavoli, Corani and Mangili, JMLR 17, 2016. The range's
//! law: `P(R ≤ q) = k ∫ φ(z) (Φ(z) − Φ(z − q))^{k−1} dz`, here by Simpson's rule.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// The critical difference of mean ranks at a level, for `k` methods over `n` data sets.
pub fn critical_difference(k: usize, n: usize, level: f64) -> f64 {
    let (methods, sets) = (k as f64, n as f64);
    range_quantile(k, 1.0 - level) / std::f64::consts::SQRT_2 * (methods * (methods + 1.0) / (6.0 * sets)).sqrt()
}

/// The quantile of the range of `k` standard normal values, by bisection.
fn range_quantile(k: usize, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if range_cdf(middle, k) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

fn range_cdf(q: f64, k: usize) -> f64 {
    const STEPS: usize = 800;
    let normal = Normal::standard();
    let density = |z: f64| normal.pdf(z) * (normal.cdf(z) - normal.cdf(z - q)).powi(k as i32 - 1);
    let (from, to) = (-8.5, 8.5);
    let step = (to - from) / STEPS as f64;
    let weight = |i: usize| match i {
        0 | STEPS => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    k as f64 * step / 3.0 * (0..=STEPS).map(|i| weight(i) * density(from + i as f64 * step)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("nemenyi") {
            let count = |name: &str| case[name].as_u64().unwrap() as usize;
            let found = critical_difference(count("k"), count("n"), case["level"].as_f64().unwrap());
            close(found, case["difference"].as_f64().unwrap(), 1e-6);
        }
    }

    /// Demšar's table 5 (a): q at .05 for two to ten methods.
    #[test]
    fn agrees_with_the_published_table() {
        for (k, q) in [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164].into_iter().enumerate().map(|(i, q)| (i + 2, q)) {
            close(range_quantile(k, 0.95) / std::f64::consts::SQRT_2, q, 0.0011);
        }
    }
}
