//! Do several methods differ over several data sets? The test of `Friedman`, and the sharper one of Iman and Davenport.
//!
//! Within each of `N` data sets the `k` methods are ranked, the best first; `R̄ⱼ` is a method's mean rank.
//! `χ² = 12N / k(k + 1) · (Σ R̄ⱼ² − k(k + 1)²/4)`, divided by `1 − Σ(t³ − t) / N(k³ − k)` over ties, has about `k − 1` degrees of freedom.
//! `F = (N − 1)χ² / (N(k − 1) − χ²)` has about `(k − 1, (k − 1)(N − 1))`.
//!
//! # Reference
//! Friedman, JASA 32, 1937. Iman and Davenport, Communications in Statistics 9, 1980. Demšar, JMLR 7, 2006, sec. 3.2.2. Where all data
//! sets rank alike, F is infinite and p is `(1/k!)^{N−1}`: Conover, Practical Nonparametric Statistics, 1999, sec. 5.8.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};
use statrs::function::factorial::ln_factorial;

use super::ranks::{ranks, tie_term};

/// What ranks over data sets show.
#[derive(Debug, Clone, PartialEq)]
pub struct Friedman {
    /// Data sets.
    pub n: usize,
    /// Methods.
    pub k: usize,
    /// A method's mean rank over data sets; one is the best.
    pub mean_ranks: Vec<f64>,
    /// χ², corrected for ties.
    pub chi_squared: f64,
    /// Its p-value.
    pub chi_squared_p: f64,
    /// F of Iman and Davenport; infinite where all data sets rank alike.
    pub f: f64,
    /// Its p-value.
    pub f_p: f64,
}

impl Friedman {
    /// Of scores, higher is better: one row a data set, one column a method. Nothing for fewer than two of either.
    ///
    /// # Panics
    /// If the rows differ in length.
    pub fn of(scores: &[Vec<f64>]) -> Option<Self> {
        let (n, k) = (scores.len(), scores.first()?.len());
        assert!(scores.iter().all(|row| row.len() == k), "every data set has a score of every method");
        if n < 2 || k < 2 {
            return None;
        }
        let mut mean_ranks = vec![0.0; k];
        for row in scores {
            let falling: Vec<f64> = row.iter().map(|score| -score).collect();
            for (mean, rank) in mean_ranks.iter_mut().zip(ranks(&falling)) {
                *mean += rank / n as f64;
            }
        }
        let (sets, methods) = (n as f64, k as f64);
        let spread: f64 = mean_ranks.iter().map(|rank| (rank - f64::midpoint(methods, 1.0)).powi(2)).sum();
        let ties = 1.0 - scores.iter().map(|row| tie_term(row)).sum::<f64>() / (sets * (methods.powi(3) - methods));
        if ties <= 0.0 {
            return Some(Self { n, k, mean_ranks, chi_squared: 0.0, chi_squared_p: 1.0, f: 0.0, f_p: 1.0 });
        }
        let chi_squared = 12.0 * sets / (methods * (methods + 1.0)) * spread / ties;
        let chi_squared_p = ChiSquared::new(methods - 1.0).expect("two methods at least").sf(chi_squared);
        let left = sets * (methods - 1.0) - chi_squared;
        let (f, f_p) = if left <= 1e-9 * chi_squared {
            (f64::INFINITY, (-(sets - 1.0) * ln_factorial(k as u64)).exp())
        } else {
            let f = (sets - 1.0) * chi_squared / left;
            let law = FisherSnedecor::new(methods - 1.0, (methods - 1.0) * (sets - 1.0)).expect("two of each at least");
            (f, law.sf(f))
        };
        Some(Self { n, k, mean_ranks, chi_squared, chi_squared_p, f, f_p })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers, rows};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("friedman") {
            let found = Friedman::of(&rows(&case["scores"])).unwrap();
            let value = |name: &str| case[name].as_f64().unwrap();
            for (rank, expected) in found.mean_ranks.iter().zip(numbers(&case["mean_ranks"])) {
                close(*rank, expected, 1e-12);
            }
            close(found.chi_squared, value("chi_squared"), 1e-9);
            close(found.chi_squared_p, value("chi_squared_p"), 1e-9);
            close(found.f, value("f"), 1e-7);
            close(found.f_p, value("f_p"), 1e-9);
        }
    }

    #[test]
    fn methods_that_are_equal_everywhere_show_nothing() {
        let found = Friedman::of(&[vec![0.5; 3], vec![0.7; 3]]).unwrap();
        assert_eq!(found.mean_ranks, [2.0; 3]);
        close(found.chi_squared_p, 1.0, 0.0);
        close(found.f_p, 1.0, 0.0);
    }

    #[test]
    fn data_sets_that_rank_alike_have_the_exact_p() {
        let found = Friedman::of(&[vec![0.1, 0.2, 0.3], vec![0.2, 0.5, 0.9], vec![0.0, 0.4, 0.5]]).unwrap();
        assert!(found.f.is_infinite());
        close(found.f_p, 1.0 / 36.0, 1e-12);
    }

    #[test]
    fn one_data_set_or_one_method_is_no_comparison() {
        assert_eq!(Friedman::of(&[]), None);
        assert_eq!(Friedman::of(&[vec![0.1, 0.2]]), None);
        assert_eq!(Friedman::of(&[vec![0.1], vec![0.2]]), None);
    }

    proptest! {
        #[test]
        fn mean_ranks_sum_to_the_same(scores in prop::collection::vec(prop::collection::vec(0_u8..5, 4), 2..9)) {
            let scores: Vec<Vec<f64>> = scores.iter().map(|row| row.iter().map(|score| f64::from(*score)).collect()).collect();
            let found = Friedman::of(&scores).unwrap();
            prop_assert!((found.mean_ranks.iter().sum::<f64>() - 10.0).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&found.f_p) && (0.0..=1.0).contains(&found.chi_squared_p));
        }
    }
}
