//! The comparison as a table.

use std::collections::{BTreeMap, BTreeSet};

use super::{By, Cell, Compared, ItemMetric, Question, Tested};
use crate::listing::{Entry, Listing};
use crate::report::ALPHA;
use crate::stats::REPLICATES;

const COLUMNS: [&str; 14] =
    ["backbone", "data set", "seeds", "items", "A", "B", "gain", "low", "high", "p", "Holm p", "could show", "paired by", "verdict"];

/// One row a cell, and what could not be compared as notes.
pub fn listing(a: &str, b: &str, compared: &Compared, question: &Question) -> Listing {
    let mut listing = Listing::new(format!("B = {b} against A = {a}, {}", metric(compared, question)), &COLUMNS);
    for cell in &compared.cells {
        listing.push(row(cell));
    }
    if let Some(pooled) = &compared.pooled {
        let mut row: Vec<Entry> = vec!["all cells together".into(), Entry::None, Entry::None, Entry::None];
        row.extend(measured(pooled));
        row.extend([Entry::None, pooled.verdict.as_str().into()]);
        listing.push(row);
    }
    terms(&mut listing, compared, question);
    let mut changes = BTreeMap::<String, Vec<&str>>::new();
    for cell in compared.cells.iter().filter(|cell| cell.by == By::Name) {
        let names = changes.entry(cell.changes.join("; ")).or_default();
        if !names.contains(&cell.method.as_str()) {
            names.push(&cell.method);
        }
    }
    if let Some(drift) = drift(compared) {
        listing.note(drift);
    }
    for (change, methods) in changes {
        listing.note(format!("paired by name, for their keys differ: {} ({change})", methods.join(", ")));
    }
    for (what, trials) in
        [("broke in B", compared.broken.clone()), ("only in A", by_cell(&compared.only_a)), ("only in B", by_cell(&compared.only_b))]
    {
        if !trials.is_empty() {
            listing.note(format!("{what}: {}", trials.join("; ")));
        }
    }
    listing
}

/// Cells whose keys are the same and whose items are not.
fn drift(compared: &Compared) -> Option<String> {
    let changed = compared.cells.iter().filter(|cell| cell.drift.changed > 0);
    let changed: Vec<String> =
        changed.map(|cell| format!("{} ({} of {} answers)", cell.method, cell.drift.answers, cell.drift.items)).collect();
    let listed = || {
        format!(
            "other numbers under the same keys: {}. The same program on the same machine gives the same ones: what changed is the machine, or stands in no key.",
            changed.join(", ")
        )
    };
    (!changed.is_empty()).then(listed)
}

/// What is compared, in words.
fn metric(compared: &Compared, question: &Question) -> String {
    match question.metric {
        ItemMetric::Own => {
            let measures: BTreeSet<&str> = compared.cells.iter().map(|cell| cell.measure.as_str()).collect();
            measures.into_iter().collect::<Vec<_>>().join(" and ")
        }
        named @ (ItemMetric::Accuracy | ItemMetric::Nll | ItemMetric::Brier | ItemMetric::Mse) => named.as_str().to_owned(),
    }
}

/// Seeds of one cell together: `a · b · c, seed 1, 2`.
fn by_cell(trials: &[String]) -> Vec<String> {
    const SEED: &str = ", seed ";
    let mut cells = BTreeMap::<&str, Vec<&str>>::new();
    for (cell, seed) in trials.iter().filter_map(|trial| trial.rsplit_once(SEED)) {
        cells.entry(cell).or_default().push(seed);
    }
    cells.into_iter().map(|(cell, seeds)| format!("{cell}{SEED}{}", seeds.join(", "))).collect()
}

fn row(cell: &Cell) -> Vec<Entry> {
    let mut row: Vec<Entry> =
        vec![cell.method.as_str().into(), cell.backbone.as_str().into(), cell.dataset.as_str().into(), cell.seeds.into()];
    let by = cell.by.as_str();
    match &cell.outcome {
        Ok(tested) => {
            row.extend(measured(tested));
            row.extend([by.into(), tested.verdict.as_str().into()]);
        }
        Err(reason) => {
            row.extend(std::iter::repeat_n(Entry::None, 9));
            row.extend([by.into(), format!("not compared: {reason}").into()]);
        }
    }
    row
}

/// From the number of items to what could have been shown.
fn measured(tested: &Tested) -> Vec<Entry> {
    let Tested { n, a, b, gain, interval, p, holm_p, could_show, verdict: _ } = *tested;
    let mut row: Vec<Entry> = vec![n.into()];
    row.extend([a, b, gain].map(rounded));
    row.extend([interval.map(|ends| ends.0), interval.map(|ends| ends.1)].map(|end| end.map_or(Entry::None, rounded)));
    row.extend([p, holm_p, could_show].map(rounded));
    row
}

/// Four decimals say all that a few thousand items can.
fn rounded(value: f64) -> Entry {
    let value = (value * 1e4).round() / 1e4;
    Entry::Number(if value == 0.0 { 0.0 } else { value })
}

fn terms(listing: &mut Listing, compared: &Compared, question: &Question) {
    let unit = if question.clusters.is_empty() { "items" } else { "clusters of items" };
    let mean = if compared.pooled.is_some() { " and their mean" } else { "" };
    listing.note(format!(
        "gain: B minus A, positive where B is better, averaged over items and common seeds; low, high: 95 % BCa bootstrap interval over {unit} \
         ({REPLICATES} replicates); p: two-sided sign-flip test over {unit}; Holm p: adjusted over all {} cells{mean}; could show: the least \
         difference that so many {unit}, disagreeing as they do, show in four of five draws. Tests are over items with the trained programs \
         as they are, not over new seeds.",
        compared.cells.len()
    ));
    if compared.pooled.is_some() {
        listing.note(
            "all cells together: the mean of their gains; an item that is in several cells is one piece of evidence. Half of the level is for this \
             question, half for the cells one by one.",
        );
    }
    let margin = if question.margin > 0.0 { format!(" and larger than the margin of {}", question.margin) } else { String::new() };
    listing.note(format!("A loss counts where its Holm p is below {ALPHA}{margin}; no difference shown does not mean equal."));
    let shares = if compared.pooled.is_some() { 2 } else { 1 };
    let floor = (shares * compared.cells.len()) as f64 / (REPLICATES + 1) as f64;
    if floor >= ALPHA {
        listing.note(format!(
            "With so many cells no cell's p can pass Holm's correction: {REPLICATES} draws give no p below {floor:.3} times one."
        ));
    }
}
