//! The columns of the summary and of the comparisons. A new column is one more line.

use crate::measure::Measure;
use crate::report::comparison::{Comparison, Tested};
use crate::report::number::{self, NONE};
use crate::report::summary::{Mark, Numbers, Row};
use crate::report::terms::marks;

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Align {
    Left,
    Right,
}

/// One column of a table with a row `R`.
pub(in crate::report) struct Column<R> {
    pub(in crate::report) header: &'static str,
    pub(in crate::report) align: Align,
    /// Which column a narrow terminal drops first; zero is never dropped.
    pub(in crate::report) drop: u8,
    /// Whether it stands in the LaTeX table, which has the width of a page.
    pub(in crate::report) in_paper: bool,
    pub(in crate::report) text: fn(&R) -> String,
    /// What to sort by, where that is a number.
    pub(in crate::report) sort: fn(&R) -> Option<f64>,
}

pub(super) const fn column<R>(
    header: &'static str,
    align: Align,
    drop: u8,
    in_paper: bool,
    text: fn(&R) -> String,
    sort: fn(&R) -> Option<f64>,
) -> Column<R> {
    Column { header, align, drop, in_paper, text, sort }
}

/// Of the summary, for groups that are judged by this.
pub(in crate::report) const fn columns_by(measure: Measure) -> &'static [Column<Row>] {
    match measure {
        Measure::Accuracy => COLUMNS,
        Measure::Mse => FORECAST_COLUMNS,
    }
}

/// Of the summary, from left to right.
const COLUMNS: &[Column<Row>] = &[
    column("method", Align::Left, 0, true, |row| format!("{}{}", row.method, marks(&row.notes)), |_| None),
    column(
        "accuracy %",
        Align::Right,
        0,
        true,
        |row| shown(row, |n| number::percent_interval(&n.score)),
        |row| value(row, |n| n.score.mean),
    ),
    column("vs best", Align::Right, 0, true, mark, mark_order),
    column("validation %", Align::Right, 6, false, |row| shown(row, |n| number::percent(n.validation)), |row| value(row, |n| n.validation)),
    column("loss", Align::Right, 8, false, loss, |row| row.numbers.as_ref().and_then(|n| n.loss)),
    column("trainable", Align::Right, 3, true, |row| shown(row, trainable), |row| value(row, |n| n.costs.trainable_parameters as f64)),
    column("seconds", Align::Right, 4, true, |row| shown(row, |n| number::seconds(total_seconds(n))), |row| value(row, total_seconds)),
    column("seeds", Align::Right, 5, true, seeds, |row| value(row, |n| n.score.n as f64)),
    column("paradigm", Align::Left, 7, true, paradigm, |_| None),
    column("λ · ℓ · τ → ω", Align::Left, 9, false, signature, |_| None),
];

/// The same of forecasts.
const FORECAST_COLUMNS: &[Column<Row>] = &[
    column("method", Align::Left, 0, true, |row| format!("{}{}", row.method, marks(&row.notes)), |_| None),
    column(
        "MSE",
        Align::Right,
        0,
        true,
        |row| shown(row, |n| number::score_interval(n.measure, &n.score)),
        |row| value(row, |n| n.score.mean),
    ),
    column("vs best", Align::Right, 0, true, mark, mark_order),
    column("MAE", Align::Right, 2, true, |row| absolute(row, |(mae, _)| mae), |row| row.numbers.as_ref()?.absolute.map(|(mae, _)| mae)),
    column(
        "MASE",
        Align::Right,
        2,
        true,
        |row| absolute(row, |(_, mase)| mase),
        |row| row.numbers.as_ref()?.absolute.map(|(_, mase)| mase),
    ),
    column("validation MSE", Align::Right, 6, false, |row| shown(row, |n| number::error(n.validation)), |row| value(row, |n| n.validation)),
    column("trainable", Align::Right, 3, true, |row| shown(row, trainable), |row| value(row, |n| n.costs.trainable_parameters as f64)),
    column("seconds", Align::Right, 4, true, |row| shown(row, |n| number::seconds(total_seconds(n))), |row| value(row, total_seconds)),
    column("seeds", Align::Right, 5, true, seeds, |row| value(row, |n| n.score.n as f64)),
    column("paradigm", Align::Left, 7, true, paradigm, |_| None),
    column("λ · ℓ · τ → ω", Align::Left, 9, false, signature, |_| None),
];

/// Of the comparisons.
pub(in crate::report) const COMPARISON_COLUMNS: &[Column<Comparison>] = &[
    column("backbone / data set", Align::Left, 4, true, |c| format!("{} / {}", c.backbone, c.dataset), |_| None),
    column("comparison", Align::Left, 0, true, |c| format!("{} vs {}", c.b, c.a), |_| None),
    column(
        "Δ points",
        Align::Right,
        0,
        true,
        |c| tested(c, |t| number::difference(t.measure, t.paired.difference)),
        |c| number_of(c, |t| t.paired.difference),
    ),
    column("95 % interval", Align::Right, 2, true, |c| tested(c, interval), |c| number_of(c, |t| t.paired.interval.0)),
    column("p", Align::Right, 3, false, |c| tested(c, |t| number::p_value(t.paired.p)), |c| number_of(c, |t| t.paired.p)),
    column("Holm p", Align::Right, 1, true, |c| tested(c, |t| number::p_value(t.holm_p)), |c| number_of(c, |t| t.holm_p)),
    column("verdict", Align::Left, 0, true, verdict, |_| None),
];

/// The widest columns that fit: the least important are dropped first, until `fits` says yes or only the essential are left.
pub(super) fn fitting<R>(columns: &'static [Column<R>], fits: impl Fn(&[&'static Column<R>]) -> bool) -> Vec<&'static Column<R>> {
    let mut kept: Vec<&Column<R>> = columns.iter().collect();
    while !fits(&kept) {
        let Some(least) = kept.iter().map(|column| column.drop).max().filter(|drop| *drop > 0) else { break };
        kept.retain(|column| column.drop != least);
    }
    kept
}

pub(super) fn shown(row: &Row, text: impl Fn(&Numbers) -> String) -> String {
    row.numbers.as_ref().map_or_else(|| NONE.to_owned(), text)
}

pub(super) fn value(row: &Row, number: impl Fn(&Numbers) -> f64) -> Option<f64> {
    row.numbers.as_ref().map(number)
}

fn loss(row: &Row) -> String {
    row.numbers.as_ref().and_then(|numbers| numbers.loss).map_or_else(|| NONE.to_owned(), number::loss)
}

fn absolute(row: &Row, error: fn((f64, f64)) -> f64) -> String {
    row.numbers.as_ref().and_then(|numbers| numbers.absolute).map_or_else(|| NONE.to_owned(), |errors| number::error(error(errors)))
}

fn trainable(numbers: &Numbers) -> String {
    number::count(numbers.costs.trainable_parameters)
}

fn total_seconds(numbers: &Numbers) -> f64 {
    numbers.costs.seconds_training + numbers.costs.seconds_evaluation
}

fn signature(row: &Row) -> String {
    row.signature.as_ref().map_or_else(|| NONE.to_owned(), ToString::to_string)
}

fn paradigm(row: &Row) -> String {
    row.paradigm.map_or_else(|| NONE.to_owned(), |paradigm| paradigm.to_string())
}

/// `5`, or `3 of 5` where trials failed or are missing.
fn seeds(row: &Row) -> String {
    let finished = row.numbers.as_ref().map_or(0, |numbers| numbers.score.n);
    match (finished, finished + row.failed + row.missing) {
        (_, 0) => NONE.to_owned(),
        (finished, all) if finished == all => all.to_string(),
        (finished, all) => format!("{finished} of {all}"),
    }
}

fn mark(row: &Row) -> String {
    match row.mark {
        Mark::None => String::new(),
        Mark::Best => "best".to_owned(),
        Mark::Tied { p } => format!("≈ {}", number::p_value(p)),
        Mark::Behind { p } => number::p_value(p),
        Mark::Untested => "untested".to_owned(),
    }
}

fn mark_order(row: &Row) -> Option<f64> {
    match row.mark {
        Mark::None | Mark::Untested => None,
        Mark::Best => Some(2.0),
        Mark::Tied { p } | Mark::Behind { p } => Some(p),
    }
}

fn tested(comparison: &Comparison, text: impl Fn(&Tested) -> String) -> String {
    comparison.outcome.as_ref().map_or_else(|_| NONE.to_owned(), text)
}

fn number_of(comparison: &Comparison, number: impl Fn(&Tested) -> f64) -> Option<f64> {
    comparison.outcome.as_ref().ok().map(number)
}

fn interval(tested: &Tested) -> String {
    let (low, high) = tested.paired.interval;
    format!("{} to {}", number::difference(tested.measure, low), number::difference(tested.measure, high))
}

fn verdict(comparison: &Comparison) -> String {
    match &comparison.outcome {
        Ok(tested) => tested.verdict.as_str().to_owned(),
        Err(reason) => format!("not tested: {reason}"),
    }
}
