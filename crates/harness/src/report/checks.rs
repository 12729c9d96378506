//! What a group's numbers were checked against, in lines for under its table: reruns, answers that were not found, the batch, the
//! cells that are missing.

use super::number::{count, list, percent, points};
use super::results::Results;
use super::summary::{Group, Row, Summary};
use super::terms::marks;
use crate::measure::Measure;
use crate::record::{BatchInvariance, Borders, Outcome, Record, Status};

/// One line a check, whether it found something, nothing, or could not be made.
pub(super) fn checks(results: &Results, summary: &Summary, group: &Group) -> Vec<String> {
    let records: Vec<&Record> =
        results.records.iter().filter(|record| record.backbone == group.backbone && record.dataset == group.dataset).collect();
    let outcomes: Vec<&Outcome> = records.iter().filter_map(|record| outcome(record)).collect();
    let mut lines = vec![cells(summary, group)];
    if !outcomes.is_empty() {
        lines.push(reruns(results, &records));
        lines.extend(unanswered(&outcomes));
        lines.extend(borders(&outcomes));
        lines.push(batches(&outcomes));
    }
    lines
}

fn outcome(record: &Record) -> Option<&Outcome> {
    match &record.status {
        Status::Ok { outcome } => Some(outcome),
        Status::Failed { .. } => None,
    }
}

/// Which cells have all their trials, and where the reasons for the others stand.
fn cells(summary: &Summary, group: &Group) -> String {
    let (n, mut whole) = (group.rows.len(), 0);
    let (mut empty, mut partial) = (Vec::new(), Vec::new());
    for row in &group.rows {
        // The last notes of a row may be on its test against the best; they are not on its trials.
        let named = || format!("{}{}", row.method, marks(&notes_on_trials(summary, row)));
        match (row.numbers.is_some(), row.failed + row.missing) {
            (true, 0) => whole += 1,
            (true, _) => partial.push(named()),
            (false, _) => empty.push(named()),
        }
    }
    let named = |what: &str, rows: Vec<String>| {
        if rows.is_empty() { String::new() } else { format!("; {what}: {}", rows.join(", ")) }
    };
    format!(
        "cells: {whole} of {n} have all their trials{}{}",
        named("some are missing or failed", partial),
        named("without a number", empty)
    )
}

fn notes_on_trials(summary: &Summary, row: &Row) -> Vec<usize> {
    row.notes.iter().copied().filter(|&note| !summary.footnotes[note - 1].starts_with("not tested")).collect()
}

/// How far records of one key are apart.
fn reruns(results: &Results, records: &[&Record]) -> String {
    let pairs: Vec<(&Outcome, &Outcome)> = results
        .reruns
        .iter()
        .filter_map(|rerun| {
            let first = records.iter().find(|record| record.key == rerun.key)?;
            Some((outcome(first)?, outcome(rerun)?))
        })
        .collect();
    if pairs.is_empty() {
        return "rerun spread: no trial has a second record (one that gave the same numbers leaves none)".to_owned();
    }
    let most = |distance: fn(&Outcome, &Outcome) -> f64| pairs.iter().map(|(a, b)| distance(a, b)).fold(0.0, f64::max);
    let apart = most(|a, b| (a.test.value() - b.test.value()).abs());
    if pairs.iter().any(|(a, _)| a.test.measure() == Measure::Mse) {
        return format!("rerun spread: {} second records; test mean squared error is at most {apart:.1e} apart", pairs.len());
    }
    let loss = most(|a, b| a.test.loss.zip(b.test.loss).map_or(0.0, |(a, b)| (a - b).abs()));
    format!(
        "rerun spread: {} second records, with test accuracies at most {} points apart and test losses at most {loss:.4} nats",
        pairs.len(),
        points(apart).trim_start_matches('+')
    )
}

/// Where text is generated: how much of an accuracy is the extraction's.
fn unanswered(outcomes: &[&Outcome]) -> Option<String> {
    let generated: Vec<(usize, usize)> = outcomes.iter().filter_map(|outcome| Some((outcome.test.unanswered?, outcome.test.n))).collect();
    let share = |&(unanswered, n): &(usize, usize)| unanswered as f64 / n as f64;
    let most = generated.iter().map(share).max_by(f64::total_cmp)?;
    let all: (usize, usize) = (generated.iter().map(|(unanswered, _)| unanswered).sum(), generated.iter().map(|(_, n)| n).sum());
    Some(format!(
        "extraction: no answer was found in {} % of {} generated texts, in {} % of one trial's at most; they count as wrong",
        percent(share(&all)),
        count(all.1),
        percent(most)
    ))
}

/// Where answers in words are scored: how many of them share a token with their context, so that they are not scored as they are written.
fn borders(outcomes: &[&Outcome]) -> Option<String> {
    let found: Vec<Borders> = outcomes.iter().filter_map(|outcome| outcome.borders).collect();
    let share = |borders: &Borders| borders.crossed as f64 / borders.pairs.max(1) as f64;
    let most = found.iter().map(share).max_by(f64::total_cmp)?;
    let (crossed, pairs) = found.iter().fold((0, 0), |(crossed, pairs), borders| (crossed + borders.crossed, pairs + borders.pairs));
    Some(format!(
        "border tokens: {} of {} pairs of context and answer have a token across their border, {} % of one trial's at most",
        count(crossed),
        count(pairs),
        percent(most)
    ))
}

/// What the batch does to scores.
fn batches(outcomes: &[&Outcome]) -> String {
    let found: Vec<BatchInvariance> = outcomes.iter().filter_map(|outcome| outcome.batch_invariance).collect();
    let Some(most) = found.iter().map(|found| found.max_difference).max_by(f64::total_cmp) else {
        let why = if outcomes.iter().all(|outcome| outcome.test.unanswered.is_some()) {
            "generated text has no scores"
        } else {
            "no record has it"
        };
        return format!("batch invariance: not measured ({why})");
    };
    let what = if outcomes.iter().any(|outcome| outcome.test.measure() == Measure::Mse) { "forecast" } else { "log p" };
    let items = list(found.iter().map(|found| found.items as u64).collect::<std::collections::BTreeSet<_>>());
    format!(
        "batch invariance: max |Δ {what}| {most:.1e} between test items alone and in their batch ({items} items of one trial in each of {} cells)",
        found.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned::{HOURS, add_forecasts, realistic};

    fn of(results: &Results) -> String {
        let summary = Summary::of(results);
        summary.groups.iter().flat_map(|group| checks(results, &summary, group)).collect::<Vec<_>>().join("\n")
    }

    fn change(results: &mut Results, at: usize, change: impl FnOnce(&mut Outcome)) {
        let Status::Ok { outcome } = &mut results.records[at].status else { panic!("it finished") };
        change(outcome);
    }

    #[test]
    fn what_was_not_checked_is_said() {
        insta::assert_snapshot!(of(&realistic()), @r"
        cells: 7 of 8 have all their trials; without a number: ICL-4 (1)
        rerun spread: no trial has a second record (one that gave the same numbers leaves none)
        batch invariance: not measured (no record has it)
        cells: 4 of 5 have all their trials; some are missing or failed: soft prompt (2, 3)
        rerun spread: no trial has a second record (one that gave the same numbers leaves none)
        batch invariance: not measured (no record has it)
        ");
    }

    #[test]
    fn forecasts_are_checked_in_their_own_words() {
        let mut results = Results::default();
        add_forecasts(&mut results, &HOURS, "linear", &[0.5]);
        let mut rerun = results.clone();
        change(&mut rerun, 0, |outcome| outcome.test.errors.as_mut().expect("forecasts have errors").mse += 0.25);
        results.reruns = vec![rerun.records.remove(0)];
        change(&mut results, 0, |outcome| outcome.batch_invariance = Some(BatchInvariance { items: 32, max_difference: 3e-6 }));
        insta::assert_snapshot!(of(&results), @r"
        cells: 1 of 1 have all their trials
        rerun spread: 1 second records; test mean squared error is at most 2.5e-1 apart
        batch invariance: max |Δ forecast| 3.0e-6 between test items alone and in their batch (32 items of one trial in each of 1 cells)
        ");
    }

    #[test]
    fn what_was_found_is_said() {
        let mut results = realistic();
        let mut rerun = results.clone();
        change(&mut rerun, 0, |outcome| outcome.test.accuracy = outcome.test.accuracy.map(|accuracy| accuracy + 0.012));
        results.reruns = vec![rerun.records.remove(0)];
        change(&mut results, 1, |outcome| outcome.batch_invariance = Some(BatchInvariance { items: 32, max_difference: 3e-6 }));
        change(&mut results, 4, |outcome| outcome.batch_invariance = Some(BatchInvariance { items: 7, max_difference: 1e-6 }));
        let last = results.records.iter().position(|record| record.dataset == "tweets").unwrap();
        change(&mut results, last, |outcome| outcome.test.unanswered = Some(30));
        change(&mut results, last + 1, |outcome| outcome.borders = Some(Borders { pairs: 800, crossed: 6 }));
        insta::assert_snapshot!(of(&results), @r"
        cells: 7 of 8 have all their trials; without a number: ICL-4 (1)
        rerun spread: 1 second records, with test accuracies at most 1.2 points apart and test losses at most 0.0000 nats
        batch invariance: max |Δ log p| 3.0e-6 between test items alone and in their batch (7 and 32 items of one trial in each of 2 cells)
        cells: 4 of 5 have all their trials; some are missing or failed: soft prompt (3, 4)
        rerun spread: no trial has a second record (one that gave the same numbers leaves none)
        extraction: no answer was found in 7.5 % of 400 generated texts, in 7.5 % of one trial's at most; they count as wrong
        border tokens: 6 of 800 pairs of context and answer have a token across their border, 0.8 % of one trial's at most
        batch invariance: not measured (no record has it)
        ");
    }
}
