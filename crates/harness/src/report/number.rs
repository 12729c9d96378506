//! How numbers are written in a report. One rule a kind, for every table and plot.

use crate::measure::Measure;
use crate::stats::MeanInterval;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// A share in percent, one decimal, no sign: `44.3`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", zero(share * 100.0, 0.05))
}

/// A mean share and the half width of its interval, in percent: `44.3 ± 1.2`. Without an interval: `44.3`.
pub(super) fn percent_interval(interval: &MeanInterval) -> String {
    match interval.half_width {
        Some(half) => format!("{} ± {}", percent(interval.mean), percent(half)),
        None => percent(interval.mean),
    }
}

/// A difference of shares in percentage points, with its sign: `+23.4`, `−1.2`, `0.0`.
pub(super) fn points(difference: f64) -> String {
    signed(zero(difference * 100.0, 0.05), 1)
}

/// With its sign, zero without one.
fn signed(value: f64, decimals: usize) -> String {
    let sign = if value > 0.0 {
        "+"
    } else if value < 0.0 {
        "−"
    } else {
        ""
    };
    format!("{sign}{:.decimals$}", value.abs())
}

/// A p-value, three decimals, no leading zero: `.012`, `<.001`, `1`.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 {
        return "<.001".to_owned();
    }
    let text = format!("{p:.3}");
    text.strip_prefix('0').map_or_else(|| "1".to_owned(), str::to_owned)
}

/// A count, thousands apart: `1,176`.
pub(super) fn count(n: usize) -> String {
    crate::assets::grouped(n as u64)
}

/// Seconds: one decimal below a hundred, whole above.
pub(super) fn seconds(value: f64) -> String {
    if value < 99.95 { format!("{value:.1}") } else { count(value.round() as usize) }
}

/// Bytes in MiB, whole; nothing where the system did not say.
pub(super) fn mebibytes(bytes: u64) -> String {
    if bytes == 0 { NONE.to_owned() } else { count((bytes >> 20) as usize) }
}

/// By a measure: a share in percent, or an error.
pub(super) fn score(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Accuracy => percent(value),
        Measure::Mse => error(value),
    }
}

/// A mean by a measure, and the half width of its interval where there is one.
pub(super) fn score_interval(measure: Measure, interval: &MeanInterval) -> String {
    match (measure, interval.half_width) {
        (Measure::Accuracy, _) => percent_interval(interval),
        (Measure::Mse, Some(half)) => format!("{} ± {}", error(interval.mean), error(half)),
        (Measure::Mse, None) => error(interval.mean),
    }
}

/// A difference by a measure, with its sign: percentage points, or errors as `−0.012 MSE`.
pub(super) fn difference(measure: Measure, difference: f64) -> String {
    match measure {
        Measure::Accuracy => points(difference),
        Measure::Mse => format!("{} MSE", signed(zero(difference, 0.0005), 3)),
    }
}

/// An error of forecasts.
pub(super) fn error(value: f64) -> String {
    format!("{value:.3}")
}

/// A loss in nats.
pub(super) fn loss(value: f64) -> String {
    format!("{value:.3}")
}

/// Seeds as a list: `0, 1 and 2`.
pub(super) fn list(values: impl IntoIterator<Item = u64>) -> String {
    let words: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Plain zero for what would be written as zero, so that no text says `-0.0`.
fn zero(value: f64, half_a_unit: f64) -> f64 {
    if value.abs() < half_a_unit { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_documented() {
        assert_eq!(percent(0.4432), "44.3");
        assert_eq!(percent(-1e-9), "0.0");
        assert_eq!(percent_interval(&MeanInterval { n: 3, mean: 0.5, half_width: Some(0.0123) }), "50.0 ± 1.2");
        assert_eq!([points(0.234), points(-0.0121), points(-0.0001)], ["+23.4", "−1.2", "0.0"]);
        assert_eq!([p_value(0.0001), p_value(0.0123), p_value(0.05), p_value(0.9999)], ["<.001", ".012", ".050", "1"]);
        assert_eq!([count(7), count(1176), count(1_234_567)], ["7", "1,176", "1,234,567"]);
        assert_eq!([seconds(0.04), seconds(99.96), seconds(1234.4)], ["0.0", "100", "1,234"]);
        assert_eq!([list([]), list([4]), list([1, 2, 5])], ["", "4", "1, 2 and 5"]);
    }
}
