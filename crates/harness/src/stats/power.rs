//! What a number of items can show: the least difference of two accuracies on the same items that a test would notice.
//!
//! With a share `q` of items on which the two methods disagree, a difference `δ` is noticed with probability `1 − β` by about
//! `n = (z_{1−α/2} √q + z_{1−β} √(q − δ²))² / δ²` items. And below any difference of [`least_discordant`]` / n` there is nothing to notice at all:
//! even if all items on which they disagree speak for the same method, there are too few.
//!
//! # Reference
//! Connor, Sample Size for Testing Differences in Proportions for the Paired-Sample Design, Biometrics 43, 1987; Miller, arXiv 2411.00640,
//! 2024, sec. 5.

use statrs::distribution::{ContinuousCDF, Normal};

/// Probability with which a difference is to be noticed.
pub const POWER: f64 = 0.8;

/// The least difference that `n` items show at a level with probability [`POWER`], if the methods disagree on a share `discordance`
/// of them. Nothing where even a difference of all of that share would not be noticed.
pub fn detectable(n: usize, discordance: f64, level: f64) -> Option<f64> {
    if n == 0 || !(0.0..=1.0).contains(&discordance) || items_for(discordance, discordance, level) > n as f64 {
        return None;
    }
    let (mut low, mut high) = (0.0, discordance);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if items_for(middle, discordance, level) > n as f64 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// How many items, all for the same side, the exact test of a level needs at least: the least `b` with `2 · 2^{−b} ≤ level`.
pub fn least_discordant(level: f64) -> usize {
    (1.0 - level.log2()).ceil() as usize
}

fn items_for(difference: f64, discordance: f64, level: f64) -> f64 {
    if difference <= 0.0 {
        return f64::INFINITY;
    }
    let normal = Normal::standard();
    let (z_level, z_power) = (normal.inverse_cdf(1.0 - level / 2.0), normal.inverse_cdf(POWER));
    let reach = z_level * discordance.sqrt() + z_power * (discordance - difference * difference).max(0.0).sqrt();
    (reach / difference).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Mcnemar;
    use crate::stats::interval::tests::{close, fixture};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("power") {
            let value = |name: &str| case[name].as_f64().unwrap();
            let found = detectable(value("n") as usize, value("discordance"), value("level"));
            match case["difference"].as_f64() {
                Some(expected) => close(found.unwrap(), expected, 1e-9),
                None => assert_eq!(found, None),
            }
        }
    }

    #[test]
    fn four_thousand_items_show_two_points() {
        close(detectable(3_920, 0.2, 0.05).unwrap(), 0.02, 1e-4);
    }

    #[test]
    fn fewer_items_of_one_side_pass_no_exact_test() {
        for level in [0.05, 0.01, 0.005, 0.001] {
            let least = least_discordant(level) as u64;
            assert!(Mcnemar::of(0, least).exact <= level && Mcnemar::of(0, least - 1).exact > level, "{level}: {least}");
        }
    }

    #[test]
    fn more_items_show_less() {
        let found: Vec<f64> = [200, 600, 2_000, 10_000].into_iter().map(|n| detectable(n, 0.2, 0.05).unwrap()).collect();
        assert!(found.windows(2).all(|pair| pair[1] < pair[0]), "{found:?}");
        assert_eq!(detectable(20, 0.05, 0.05), None);
    }
}
