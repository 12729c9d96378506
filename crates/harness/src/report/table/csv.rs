//! `table.csv` and `comparisons.csv`: raw numbers in full precision, one row a method or comparison.
//!
//! # Reference
//! RFC 4180, with `\n` as the line end.

use crate::measure::Measure;
use crate::report::comparison::Comparison;
use crate::report::results::Results;
use crate::report::summary::{Group, Mark, Row, Summary};

const HEADER: &[&str] = &[
    "sweep",
    "backbone",
    "dataset",
    "n_classes",
    "method",
    "paradigm",
    "signature",
    "seeds",
    "failed",
    "missing",
    "test_items",
    "test_accuracy",
    "test_accuracy_half_width",
    "test_loss",
    "validation_accuracy",
    "test_mse",
    "test_mse_half_width",
    "test_mae",
    "test_mase",
    "validation_mse",
    "trainable_parameters",
    "stored_parameters",
    "forward_items_training",
    "forward_items_evaluation",
    "reused_items",
    "generated_tokens",
    "backward_items",
    "steps",
    "seconds_training",
    "seconds_evaluation",
    "peak_memory_bytes",
    "mark",
    "holm_p_vs_best",
    "notes",
];

const COMPARISON_HEADER: &[&str] = &[
    "sweep",
    "backbone",
    "dataset",
    "a",
    "b",
    "seeds",
    "items",
    "measure",
    "difference",
    "low",
    "high",
    "p",
    "holm_p",
    "verdict",
    "only_a_right",
    "only_b_right",
    "mcnemar_exact_p",
    "mcnemar_mid_p",
    "reason",
];

/// One row a method. An empty field is a number that does not exist.
pub fn csv(results: &Results, summary: &Summary) -> String {
    let mut text = line(HEADER.iter().map(|name| (*name).to_owned()));
    for group in &summary.groups {
        for row in &group.rows {
            text.push_str(&line(fields(results, summary, group, row)));
        }
    }
    text
}

/// One row a comparison. `difference` is B − A: a share, or of mean squared errors, of which less is better.
pub fn comparisons_csv(results: &Results, summary: &Summary) -> String {
    let mut text = line(COMPARISON_HEADER.iter().map(|name| (*name).to_owned()));
    for comparison in &summary.comparisons {
        text.push_str(&line(comparison_fields(results, comparison)));
    }
    text
}

fn fields(results: &Results, summary: &Summary, group: &Group, row: &Row) -> Vec<String> {
    let numbers = row.numbers.as_ref();
    let by = |measure: Measure| numbers.filter(|numbers| numbers.measure == measure);
    let costs = numbers.map(|numbers| &numbers.costs);
    let (mark, p) = match row.mark {
        Mark::None => ("", None),
        Mark::Best => ("best", None),
        Mark::Tied { p } => ("tied", Some(p)),
        Mark::Behind { p } => ("behind", Some(p)),
        Mark::Untested => ("untested", None),
    };
    let notes: Vec<&str> = row.notes.iter().map(|number| summary.footnotes[number - 1].as_str()).collect();
    vec![
        results.sweep.clone(),
        group.backbone.clone(),
        group.dataset.clone(),
        text(group.n_classes),
        row.method.clone(),
        text(row.paradigm),
        text(row.signature.as_ref()),
        numbers.map_or(0, |numbers| numbers.score.n).to_string(),
        row.failed.to_string(),
        row.missing.to_string(),
        text(numbers.map(|numbers| numbers.items)),
        text(by(Measure::Accuracy).map(|numbers| numbers.score.mean)),
        text(by(Measure::Accuracy).and_then(|numbers| numbers.score.half_width)),
        text(numbers.and_then(|numbers| numbers.loss)),
        text(by(Measure::Accuracy).map(|numbers| numbers.validation)),
        text(by(Measure::Mse).map(|numbers| numbers.score.mean)),
        text(by(Measure::Mse).and_then(|numbers| numbers.score.half_width)),
        text(numbers.and_then(|numbers| numbers.absolute).map(|(mae, _)| mae)),
        text(numbers.and_then(|numbers| numbers.absolute).map(|(_, mase)| mase)),
        text(by(Measure::Mse).map(|numbers| numbers.validation)),
        text(costs.map(|costs| costs.trainable_parameters)),
        text(costs.map(|costs| costs.stored_parameters)),
        text(costs.map(|costs| costs.forward_items_training)),
        text(costs.map(|costs| costs.forward_items_evaluation)),
        text(costs.map(|costs| costs.reused_items)),
        text(costs.map(|costs| costs.generated_tokens)),
        text(costs.map(|costs| costs.backward_items)),
        text(costs.map(|costs| costs.steps)),
        text(costs.map(|costs| costs.seconds_training)),
        text(costs.map(|costs| costs.seconds_evaluation)),
        text(costs.map(|costs| costs.peak_memory_bytes)),
        mark.to_owned(),
        text(p),
        notes.join("; "),
    ]
}

fn comparison_fields(results: &Results, comparison: &Comparison) -> Vec<String> {
    let tested = comparison.outcome.as_ref().ok();
    let paired = tested.map(|tested| &tested.paired);
    let mcnemar = tested.and_then(|tested| tested.mcnemar.as_ref());
    vec![
        results.sweep.clone(),
        comparison.backbone.clone(),
        comparison.dataset.clone(),
        comparison.a.clone(),
        comparison.b.clone(),
        text(tested.map(|tested| tested.seeds)),
        text(paired.map(|paired| paired.n)),
        text(tested.map(|tested| tested.measure)),
        text(paired.map(|paired| paired.difference)),
        text(paired.map(|paired| paired.interval.0)),
        text(paired.map(|paired| paired.interval.1)),
        text(paired.map(|paired| paired.p)),
        text(tested.map(|tested| tested.holm_p)),
        text(tested.map(|tested| tested.verdict.as_str())),
        text(mcnemar.map(|test| test.only_a)),
        text(mcnemar.map(|test| test.only_b)),
        text(mcnemar.map(|test| test.exact)),
        text(mcnemar.map(|test| test.mid_p)),
        text(comparison.outcome.as_ref().err()),
    ]
}

pub(in crate::report) fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(in crate::report) fn line(fields: impl IntoIterator<Item = String>) -> String {
    let mut line = fields.into_iter().map(quote).collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

fn quote(field: String) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}
