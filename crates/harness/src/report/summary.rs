//! The numbers of a report: records grouped by backbone and data set, one row a method.
//!
//! A row is marked against the best mean of its group. The best mean is only that; nothing is called a winner without
//! a paired test over the test items, Holm-adjusted over the group (see [`crate::stats`]).

use std::collections::BTreeMap;

use reprogram_taxonomy::{Paradigm, Signature};

use super::comparison::{self, Comparison};
use super::footnotes::Footnotes;
use super::pairing::{Side, Unpaired, pair};
use super::results::{Cell, Results};
use crate::measure::Measure;
use crate::record::{Costs, ForecastErrors, Outcome, Record, Status};
use crate::stats::{MeanInterval, holm, mean, sign_flip_p};

/// The level of every test.
pub const ALPHA: f64 = 0.05;

/// Everything that tables and plots show.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// By backbone and data set, in the order of their names.
    pub groups: Vec<Group>,
    /// The comparisons that the sweep asks for.
    pub comparisons: Vec<Comparison>,
    /// Numbered from one; rows and comparisons point here.
    pub footnotes: Vec<String>,
}

/// One backbone on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The data set's number of classes, if any record says.
    pub n_classes: Option<usize>,
    /// In the sweep's order of methods.
    pub rows: Vec<Row>,
}

/// One method in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name in the sweep.
    pub method: String,
    /// Its coordinates, if any record says.
    pub signature: Option<Signature>,
    /// Derived from them.
    pub paradigm: Option<Paradigm>,
    /// What its finished trials measured; nothing if none finished.
    pub numbers: Option<Numbers>,
    /// Trials that broke.
    pub failed: usize,
    /// Trials that have no record.
    pub missing: usize,
    /// Against the best mean of the group.
    pub mark: Mark,
    /// Footnotes, numbered from one.
    pub notes: Vec<usize>,
}

/// Means over a row's finished trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// What the trials are judged by.
    pub measure: Measure,
    /// By that measure, on the test split; its interval is over seeds.
    pub score: MeanInterval,
    /// Test items of a trial (of the largest, should they differ).
    pub items: usize,
    /// The same on the validation split, at the chosen epoch.
    pub validation: f64,
    /// Test loss, in nats; nothing where text is generated or series are forecast.
    pub loss: Option<f64>,
    /// Mean absolute error and mean absolute scaled error of forecasts.
    pub absolute: Option<(f64, f64)>,
    /// Costs: counts of the first trial by seed, means of seconds, the greatest of the memory peaks.
    pub costs: Costs,
}

/// A row against the best mean of its group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// No other method of the group has numbers, or this one has none.
    None,
    /// The best mean, or equal to it.
    Best,
    /// Not shown to differ from the best: Holm-adjusted p at or above [`ALPHA`].
    Tied {
        /// Holm-adjusted over the group.
        p: f64,
    },
    /// Shown to differ from the best.
    Behind {
        /// Holm-adjusted over the group.
        p: f64,
    },
    /// The test was not possible; a footnote says why.
    Untested,
}

impl Group {
    /// What its trials are judged by; accuracy where none finished.
    pub fn measure(&self) -> Measure {
        self.rows.iter().find_map(|row| row.numbers.as_ref()).map_or(Measure::Accuracy, |numbers| numbers.measure)
    }
}

impl Summary {
    /// Of these results.
    pub fn of(results: &Results) -> Self {
        let mut footnotes = Footnotes::default();
        let mut groups = Vec::new();
        let mut comparisons = Vec::new();
        for (backbone, dataset) in results.groups() {
            let cells = results.cells((backbone, dataset));
            let mut rows: Vec<Row> = cells.iter().map(|(method, cell)| row(method, cell, &mut footnotes)).collect();
            let by_method: BTreeMap<&str, Side<'_>> = cells
                .iter()
                .map(|(method, cell)| (*method, Side { method, records: &cell.records, outcomes: &results.outcomes }))
                .collect();
            mark(&mut rows, &by_method, &mut footnotes);
            comparisons.extend(comparison::of_group((backbone, dataset), &cells, &by_method, &results.comparisons));
            let n_classes = cells.iter().flat_map(|(_, cell)| cell.records.values()).map(|record| record.n_classes).next();
            groups.push(Group { backbone: backbone.to_owned(), dataset: dataset.to_owned(), n_classes, rows });
        }
        comparison::judge(&mut comparisons);
        Self { groups, comparisons, footnotes: footnotes.into_texts() }
    }
}

fn row(method: &str, cell: &Cell<'_>, footnotes: &mut Footnotes) -> Row {
    let finished: Vec<(&Record, &Outcome)> = cell.records.values().filter_map(|&record| finished(record)).collect();
    let first = cell.records.values().next();
    let failed = cell.records.len() - finished.len();
    Row {
        method: method.to_owned(),
        signature: first.map(|record| record.signature.clone()),
        paradigm: first.map(|record| record.paradigm),
        numbers: numbers(&finished),
        failed,
        missing: cell.missing.len(),
        mark: Mark::None,
        notes: footnotes.of_cell(cell),
    }
}

fn finished(record: &Record) -> Option<(&Record, &Outcome)> {
    match &record.status {
        Status::Ok { outcome } => Some((record, outcome)),
        Status::Failed { .. } => None,
    }
}

fn numbers(finished: &[(&Record, &Outcome)]) -> Option<Numbers> {
    let over = |value: fn(&Outcome) -> f64| finished.iter().map(|(_, outcome)| value(outcome)).collect::<Vec<f64>>();
    let first = finished.first()?.1;
    let (measure, costs) = (first.test.measure(), first.costs);
    let errors: Vec<ForecastErrors> = finished.iter().filter_map(|(_, outcome)| outcome.test.errors).collect();
    let error = |value: fn(&ForecastErrors) -> f64| mean(&errors.iter().map(value).collect::<Vec<f64>>());
    Some(Numbers {
        measure,
        score: MeanInterval::of(&over(|outcome| outcome.test.value()))?,
        items: finished.iter().map(|(_, outcome)| outcome.test.n).max()?,
        validation: mean(&over(|outcome| outcome.validation.value()))?,
        loss: mean(&finished.iter().filter_map(|(_, outcome)| outcome.test.loss).collect::<Vec<f64>>()),
        absolute: error(|errors| errors.mae).zip(error(|errors| errors.mase)),
        costs: Costs {
            seconds_training: mean(&over(|outcome| outcome.costs.seconds_training))?,
            seconds_evaluation: mean(&over(|outcome| outcome.costs.seconds_evaluation))?,
            reused_items: finished.iter().map(|(_, outcome)| outcome.costs.reused_items).max()?,
            peak_memory_bytes: finished.iter().map(|(_, outcome)| outcome.costs.peak_memory_bytes).max()?,
            ..costs
        },
    })
}

/// Marks the rows of a group against its best mean.
fn mark(rows: &mut [Row], sides: &BTreeMap<&str, Side<'_>>, footnotes: &mut Footnotes) {
    let mean_of = |row: &Row| row.numbers.as_ref().map(|numbers| numbers.measure.sign() * numbers.score.mean);
    let Some(highest) = rows.iter().filter_map(mean_of).max_by(f64::total_cmp) else { return };
    if rows.iter().filter(|row| row.numbers.is_some()).count() < 2 {
        return;
    }
    // Equal up to the rounding of a mean.
    let is_best = |row: &Row| mean_of(row).is_some_and(|mean| highest - mean < 1e-12);
    let Some(best) = rows.iter().find(|row| is_best(row)).map(|row| row.method.clone()) else { return };

    let mut tested: Vec<(usize, f64)> = Vec::new();
    for (index, row) in rows.iter_mut().enumerate() {
        if is_best(row) {
            row.mark = Mark::Best;
        } else if row.numbers.is_some() {
            match p_against(sides[best.as_str()], sides[row.method.as_str()]) {
                Ok(p) => tested.push((index, p)),
                Err(reason) => {
                    row.mark = Mark::Untested;
                    row.notes.push(footnotes.number(format!("not tested against the best: {reason}")));
                }
            }
        }
    }
    let adjusted = holm(&tested.iter().map(|(_, p)| *p).collect::<Vec<_>>());
    for ((index, _), p) in tested.into_iter().zip(adjusted) {
        rows[index].mark = if p < ALPHA { Mark::Behind { p } } else { Mark::Tied { p } };
    }
}

fn p_against(best: Side<'_>, other: Side<'_>) -> Result<f64, Unpaired> {
    pair(best, other).map(|paired| sign_flip_p(&paired.differences))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
