//! A mean over seeds and its interval.
//!
//! # Reference
//! Student's t interval of a mean: `x̄ ± t_{n−1, .975} · s / √n`, `s² = Σ (x − x̄)² / (n − 1)`. The normal quantile 1.96
//! would be far too narrow for the handful of seeds that a sweep has (n = 3: 4.30; n = 5: 2.78).

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Confidence level of every interval of a report.
pub const LEVEL: f64 = 0.95;

/// A mean, and how far its interval reaches to either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanInterval {
    /// Values averaged.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Half the width of the t interval at [`LEVEL`]. One value says nothing about spread, so it has none.
    pub half_width: Option<f64>,
}

impl MeanInterval {
    /// Of these values; nothing where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mean = mean(values)?;
        Some(Self { n: values.len(), mean, half_width: half_width(values, mean) })
    }

    /// Of a mean and a standard deviation (`n − 1` in its denominator) as others report them.
    pub fn from_deviation(n: usize, mean: f64, deviation: f64) -> Self {
        let half_width = (n > 1).then(|| quantile(n) * deviation / (n as f64).sqrt());
        Self { n, mean, half_width }
    }

    /// Lower and upper end, where there is an interval.
    pub fn ends(&self) -> Option<(f64, f64)> {
        self.half_width.map(|half| (self.mean - half, self.mean + half))
    }
}

/// The arithmetic mean; nothing of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn half_width(values: &[f64], mean: f64) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    if values.iter().all(|value| value.to_bits() == values[0].to_bits()) {
        return Some(0.0); // exactly: their mean may be off by a rounding error
    }
    let n = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(quantile(values.len()) * (variance / n).sqrt())
}

/// t_{n−1} at the level's upper end.
fn quantile(n: usize) -> f64 {
    StudentsT::new(0.0, 1.0, n as f64 - 1.0).expect("n is at least two").inverse_cdf(0.5 + LEVEL / 2.0)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cases of one section of the reference values; `generate.py` beside the file says how they were made.
    pub(in crate::stats) fn fixture(section: &str) -> Vec<serde_json::Value> {
        let text = include_str!("../../tests/fixtures/stats/reference.json");
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases = all[section].as_array().unwrap().clone();
        assert!(!cases.is_empty(), "{section} has no cases");
        cases
    }

    /// A list of numbers of a case.
    pub(in crate::stats) fn numbers(value: &serde_json::Value) -> Vec<f64> {
        serde_json::from_value(value.clone()).unwrap()
    }

    /// A table of numbers of a case.
    pub(in crate::stats) fn rows(value: &serde_json::Value) -> Vec<Vec<f64>> {
        serde_json::from_value(value.clone()).unwrap()
    }

    pub(in crate::stats) fn close(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not within {tolerance} of {expected}");
    }

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("interval") {
            let values: Vec<f64> = serde_json::from_value(case["values"].clone()).unwrap();
            let interval = MeanInterval::of(&values).unwrap();
            close(interval.mean, case["mean"].as_f64().unwrap(), 1e-12);
            close(interval.half_width.unwrap(), case["half_width"].as_f64().unwrap(), 1e-9);
        }
    }

    #[test]
    fn a_deviation_gives_the_same_interval_as_its_values() {
        let deviation = (0.01_f64 + 0.04 + 0.01) / 2.0; // of .5, .8 and .5 around .6
        let interval = MeanInterval::from_deviation(3, 0.6, deviation.sqrt());
        close(interval.half_width.unwrap(), MeanInterval::of(&[0.5, 0.8, 0.5]).unwrap().half_width.unwrap(), 1e-12);
        assert_eq!(MeanInterval::from_deviation(1, 0.6, 0.1).half_width, None);
    }

    #[test]
    fn one_value_has_no_interval_and_none_has_no_mean() {
        assert_eq!(MeanInterval::of(&[0.7]), Some(MeanInterval { n: 1, mean: 0.7, half_width: None }));
        assert_eq!(MeanInterval::of(&[]), None);
    }

    #[test]
    fn equal_values_have_an_interval_of_exactly_no_width() {
        assert_eq!(MeanInterval::of(&[0.1; 3]).unwrap().half_width, Some(0.0));
    }

    proptest! {
        #[test]
        fn shifts_and_scales_with_its_values(
            values in prop::collection::vec(0.0..1.0_f64, 2..9), shift in -2.0..2.0_f64, scale in 0.1..10.0_f64,
        ) {
            let plain = MeanInterval::of(&values).unwrap();
            let moved = MeanInterval::of(&values.iter().map(|value| shift + scale * value).collect::<Vec<_>>()).unwrap();
            prop_assert!((moved.mean - (shift + scale * plain.mean)).abs() < 1e-9);
            prop_assert!((moved.half_width.unwrap() - scale * plain.half_width.unwrap()).abs() < 1e-7);
        }
    }
}
