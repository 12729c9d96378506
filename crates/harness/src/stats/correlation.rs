//! Do two lists of numbers order the same things alike? Rank correlations of `Spearman` and `Kendall`.
//!
//! ρ is the correlation of the ranks. `τ_b = (C − D) / √((n₀ − n₁)(n₀ − n₂))`: pairs ordered alike minus pairs ordered otherwise, `n₀ = n(n − 1)/2`
//! pairs, less those tied in either list. Up to eight things the two-sided p-values count all orders; with more there
//! is none here, for the lists that are compared are short.
//!
//! # Reference
//! Spearman, American Journal of Psychology 15, 1904. Kendall, Biometrika 30, 1938; ties: Biometrika 33, 1945. Exact p: the share of
//! permutations whose |correlation| is as large; with n = 3 it is never below ⅓, with n = 4 never below 1/12.

use super::ranks::ranks;

/// As many things are judged by counting all orders.
const EXACT: usize = 8;

/// Agreement of two orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankCorrelation {
    /// Things that both lists have a number for.
    pub n: usize,
    /// Spearman's ρ.
    pub rho: f64,
    /// Its two-sided p, where it can be counted.
    pub rho_p: Option<f64>,
    /// Kendall's `τ_b`.
    pub tau: f64,
    /// Its two-sided p, where it can be counted.
    pub tau_p: Option<f64>,
}

impl RankCorrelation {
    /// Of paired numbers. Nothing for fewer than three, or where one list is the same number throughout.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let (x, y) = (ranks(&x), ranks(&y));
        let (rho, tau) = (rho(&x, &y)?, tau(&x, &y)?);
        if pairs.len() < 3 {
            return None;
        }
        let (mut n_orders, mut as_large) = (0_u32, (0_u32, 0_u32));
        if pairs.len() <= EXACT {
            let mut order = y.clone();
            for_each_order(&mut order, 0, &mut |order| {
                let is_as_large = |found: Option<f64>, observed: f64| found.is_some_and(|found| found.abs() >= observed.abs() - 1e-9);
                n_orders += 1;
                as_large.0 += u32::from(is_as_large(self::rho(&x, order), rho));
                as_large.1 += u32::from(is_as_large(self::tau(&x, order), tau));
            });
        }
        let share = |count: u32| (n_orders > 0).then(|| f64::from(count) / f64::from(n_orders));
        Some(Self { n: pairs.len(), rho, rho_p: share(as_large.0), tau, tau_p: share(as_large.1) })
    }
}

fn rho(x: &[f64], y: &[f64]) -> Option<f64> {
    let middle = (x.len() + 1) as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (product(x, x) * product(y, y)).sqrt();
    (scale > 0.0).then(|| product(x, y) / scale)
}

fn tau(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mut agreed, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
    for i in 0..x.len() {
        for j in 0..i {
            let (a, b) = (order_of(x[i], x[j]), order_of(y[i], y[j]));
            agreed += a * b;
            in_x += a.abs();
            in_y += b.abs();
        }
    }
    let scale: f64 = in_x * in_y;
    (scale > 0.0).then(|| agreed / scale.sqrt())
}

fn order_of(a: f64, b: f64) -> f64 {
    if a > b {
        1.0
    } else if a < b {
        -1.0
    } else {
        0.0
    }
}

/// All orders of a list, each once.
fn for_each_order(list: &mut [f64], from: usize, visit: &mut impl FnMut(&[f64])) {
    if from + 1 >= list.len() {
        visit(list);
        return;
    }
    for i in from..list.len() {
        list.swap(from, i);
        for_each_order(list, from + 1, visit);
        list.swap(from, i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("correlation") {
            let pairs: Vec<(f64, f64)> = numbers(&case["x"]).into_iter().zip(numbers(&case["y"])).collect();
            let found = RankCorrelation::of(&pairs).unwrap();
            close(found.rho, case["rho"].as_f64().unwrap(), 1e-12);
            close(found.tau, case["tau"].as_f64().unwrap(), 1e-12);
            for (found, expected) in [(found.rho_p, &case["rho_p"]), (found.tau_p, &case["tau_p"])] {
                match expected.as_f64() {
                    Some(expected) => close(found.unwrap(), expected, 1e-12),
                    None => assert_eq!(found, None),
                }
            }
        }
    }

    #[test]
    fn two_things_or_equal_numbers_have_no_correlation() {
        assert_eq!(RankCorrelation::of(&[(1.0, 2.0), (2.0, 3.0)]), None);
        assert_eq!(RankCorrelation::of(&[(1.0, 2.0), (1.0, 3.0), (1.0, 4.0)]), None);
        assert_eq!(RankCorrelation::of(&[]), None);
    }

    #[test]
    fn three_things_can_never_show_anything() {
        let found = RankCorrelation::of(&[(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)]).unwrap();
        close(found.rho, 1.0, 1e-12);
        close(found.rho_p.unwrap(), 1.0 / 3.0, 1e-12);
    }
}
