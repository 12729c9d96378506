//! `McNemar`'s test: do two classifiers err on the same items equally often?
//!
//! Of the items on which they disagree, `b` are right with A only and `c` with B only. If neither is better, b is
//! binomial(b + c, ½).
//!
//! # Reference
//! `McNemar`, Psychometrika 12, 1947. Exact and mid-p forms: Fagerland, Lydersen and Laake, BMC Medical Research
//! Methodology 13:91, 2013, eqs. 4–6. Deviation: with no discordant item the mid-p is 1, not ½ (nothing was seen).

use statrs::function::factorial::ln_binomial;

/// Two-sided p-values of `McNemar`'s test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mcnemar {
    /// Items right with A only.
    pub only_a: u64,
    /// Items right with B only.
    pub only_b: u64,
    /// The exact conditional p-value: `min(1, 2 Σ_{i ≤ min(b, c)} C(n, i) 2⁻ⁿ)`. Conservative.
    pub exact: f64,
    /// The mid-p: outcomes as extreme as this one count half.
    pub mid_p: f64,
}

impl Mcnemar {
    /// From the two discordant counts.
    pub fn of(only_a: u64, only_b: u64) -> Self {
        let n = only_a + only_b;
        if n == 0 {
            return Self { only_a, only_b, exact: 1.0, mid_p: 1.0 };
        }
        let probability = |k: u64| (ln_binomial(n, k) - n as f64 * std::f64::consts::LN_2).exp();
        let least = only_a.min(only_b);
        let below: f64 = (0..least).map(probability).sum();
        let here = probability(least);
        let exact = (2.0 * (below + here)).min(1.0);
        // At b = c one outcome is as extreme as this one; otherwise two are, one on either side.
        let mid_p = if only_a == only_b { 1.0 - here / 2.0 } else { 2.0 * below + here };
        Self { only_a, only_b, exact, mid_p }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("mcnemar") {
            let test = Mcnemar::of(case["only_a"].as_u64().unwrap(), case["only_b"].as_u64().unwrap());
            close(test.exact, case["exact"].as_f64().unwrap(), 1e-9);
            close(test.mid_p, case["mid_p"].as_f64().unwrap(), 1e-9);
        }
    }

    #[test]
    fn no_discordant_item_shows_nothing() {
        let test = Mcnemar::of(0, 0);
        close(test.exact, 1.0, 0.0);
        close(test.mid_p, 1.0, 0.0);
    }

    proptest! {
        #[test]
        fn is_symmetric_and_ordered(b in 0..400_u64, c in 0..400_u64) {
            let (one, other) = (Mcnemar::of(b, c), Mcnemar::of(c, b));
            prop_assert!((one.exact - other.exact).abs() < 1e-15);
            prop_assert!(one.mid_p <= one.exact + 1e-12 && (0.0..=1.0).contains(&one.exact));
        }
    }
}
