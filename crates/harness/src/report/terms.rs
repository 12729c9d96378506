//! The terms under which a table's numbers hold: what the intervals are over, what the tests are over, who chose the epoch.

use std::collections::BTreeSet;

use super::results::Results;
use super::summary::{ALPHA, Group, Row, Summary};
use crate::measure::Measure;
use crate::record::Status;
use crate::stats::{LEVEL, REPLICATES, detectable};

/// The protocol in sentences, one a line.
pub(super) fn protocol(results: &Results, summary: &Summary) -> Vec<String> {
    let level = LEVEL * 100.0;
    let mut lines = Vec::new();
    if rows(summary).any(|row| row.numbers.is_some()) {
        let over = format!("mean over {}, ± half of the {level:.0} % t interval over seeds (one seed has none)", seeds(summary));
        if has(summary, Measure::Accuracy) {
            lines.push(format!("accuracy: {over}; chance and all accuracies in percent"));
        }
        if has(summary, Measure::Mse) {
            lines.push(format!(
                "MSE, MAE, MASE: squared, absolute and scaled error of a forecast, averaged over its steps, over test windows and over \
                 seeds; less is better; of MSE: {over}; values are standardised by their training rows; MASE: the absolute error as a \
                 multiple of what repeating the value of a season ago costs in training"
            ));
        }
        lines.extend(selection(results).map(|rule| format!("epoch chosen by: {rule}; the test split is read once, at that epoch")));
        lines.push("seconds: measured wall time of training and evaluation, mean over seeds".to_owned());
    }
    if summary.groups.iter().any(is_contested) {
        lines.push(format!(
            "vs best: `best` is the {} of its group and no more than that; otherwise the p-value of a paired sign-flip test over \
             test items ({} averaged over common seeds, {} draws), Holm-adjusted over the group; ≈ where p ≥ {}: not shown to differ",
            by_measure(summary, ["highest mean", "lowest mean squared error", "highest mean accuracy or lowest mean squared error"]),
            by_measure(summary, ["correctness", "squared errors", "correctness or squared errors"]),
            super::number::count(REPLICATES),
            super::number::p_value(ALPHA).trim_end_matches('0'),
        ));
    }
    lines.extend(power(summary));
    if !summary.comparisons.is_empty() {
        lines.push(format!(
            "comparisons: Δ is the first method minus the second, averaged over test items, and the verdict is on the first; the {level:.0} % interval is a \
             BCa bootstrap over items ({} replicates), p as above, Holm p adjusted over all {} comparisons; tests are over items with the \
             trained programs as they are, not over new seeds; “not shown” does not mean equal",
            super::number::count(REPLICATES),
            summary.comparisons.len(),
        ));
    }
    lines
}

/// What so many items cannot show, whatever the test.
fn power(summary: &Summary) -> Option<String> {
    const DISCORDANCE: f64 = 0.2;
    let contested = summary.groups.iter().filter(|group| is_contested(group) && group.measure() == Measure::Accuracy);
    let items: BTreeSet<usize> = contested.filter_map(items).flat_map(|(least, most)| [least, most]).collect();
    let bound = |&n: &usize| {
        let least =
            detectable(n, DISCORDANCE, ALPHA).map_or_else(|| "any".to_owned(), |least| format!("{} points", super::number::percent(least)));
        format!("{least} with {} items", super::number::count(n))
    };
    let bounds: Vec<String> = items.iter().map(bound).collect();
    (!bounds.is_empty()).then(|| {
        format!(
            "power: of two methods that disagree on a fifth of the items with one seed, a difference below {} is missed more often than in one draw of \
             five, before any correction for the number of tests",
            bounds.join(", ")
        )
    })
}

/// `letters-vit / digits`.
pub(super) fn title(group: &Group) -> String {
    format!("{} / {}", group.backbone, group.dataset)
}

/// `10 classes (chance 10.0), 1,000 test items`.
pub(super) fn subtitle(group: &Group) -> String {
    let classes = group.n_classes.map(|n| match (n, group.measure()) {
        (_, Measure::Mse) => "forecasts".to_owned(),
        (0, Measure::Accuracy) => "open answers".to_owned(),
        (n, Measure::Accuracy) => format!("{n} classes (chance {})", super::number::percent(1.0 / n as f64)),
    });
    let items = items(group).map(|(least, most)| {
        let text = if least == most {
            super::number::count(most)
        } else {
            format!("{}–{}", super::number::count(least), super::number::count(most))
        };
        format!("{text} test items")
    });
    classes.into_iter().chain(items).collect::<Vec<_>>().join(", ")
}

/// ` (1, 3)`: the footnotes of a row; nothing where there are none.
pub(super) fn marks(notes: &[usize]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    format!(" ({})", notes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

fn items(group: &Group) -> Option<(usize, usize)> {
    let items = || group.rows.iter().filter_map(|row| row.numbers.as_ref()).map(|numbers| numbers.items);
    Some((items().min()?, items().max()?))
}

/// Whether a group is judged by this.
fn has(summary: &Summary, measure: Measure) -> bool {
    summary.groups.iter().any(|group| group.measure() == measure)
}

/// The words for accuracy, for errors, or for both.
fn by_measure<'a>(summary: &Summary, [accuracy, errors, both]: [&'a str; 3]) -> &'a str {
    match (has(summary, Measure::Accuracy), has(summary, Measure::Mse)) {
        (true, true) => both,
        (false, true) => errors,
        (_, false) => accuracy,
    }
}

fn is_contested(group: &Group) -> bool {
    group.rows.iter().filter(|row| row.numbers.is_some()).count() > 1
}

fn rows(summary: &Summary) -> impl Iterator<Item = &Row> {
    summary.groups.iter().flat_map(|group| &group.rows)
}

fn seeds(summary: &Summary) -> String {
    let n = || rows(summary).filter_map(|row| row.numbers.as_ref()).map(|numbers| numbers.score.n);
    match (n().min().unwrap_or(0), n().max().unwrap_or(0)) {
        (1, 1) => "1 seed".to_owned(),
        (least, most) if least == most => format!("{most} seeds"),
        (least, most) => format!("{least} to {most} seeds"),
    }
}

fn selection(results: &Results) -> impl Iterator<Item = &str> {
    let rules: BTreeSet<&str> = results
        .records
        .iter()
        .filter_map(|record| match &record.status {
            Status::Ok { outcome } if outcome.epoch > 0 => Some(outcome.selection.as_str()),
            Status::Ok { .. } | Status::Failed { .. } => None,
        })
        .collect();
    rules.into_iter()
}
