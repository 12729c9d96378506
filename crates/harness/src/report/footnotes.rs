//! Footnotes: why a cell is empty, which trials failed or are missing. One text has one number.

use std::collections::BTreeMap;

use super::number::{list, percent};
use super::results::Cell;
use crate::record::Status;

/// A greater share of items without an answer is said: accuracy then measures the extraction, too.
const ALARMING: f64 = 0.05;

/// Texts in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Footnotes {
    texts: Vec<String>,
}

impl Footnotes {
    /// The number of this text, counted from one.
    pub(super) fn number(&mut self, text: String) -> usize {
        let index = self.texts.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        index + 1
    }

    /// Everything that a cell has to say about its trials.
    pub(super) fn of_cell(&mut self, cell: &Cell<'_>) -> Vec<usize> {
        let mut texts = Vec::new();
        if let Some(empty) = cell.empty {
            texts.push(format!("empty: {}", one_line(&empty.reason)));
        }
        let mut failures = BTreeMap::<String, Vec<u64>>::new();
        for (&seed, record) in &cell.records {
            match &record.status {
                Status::Ok { .. } => {}
                Status::Failed { reason } => failures.entry(one_line(reason)).or_default().push(seed),
            }
        }
        texts.extend(failures.into_iter().map(|(reason, seeds)| format!("{} failed: {reason}", with_seeds(seeds))));
        let mut unanswered = BTreeMap::<String, Vec<u64>>::new();
        for (&seed, record) in &cell.records {
            if let Some(share) = unanswered_share(&record.status).filter(|share| *share > ALARMING) {
                unanswered.entry(percent(share)).or_default().push(seed);
            }
        }
        texts.extend(unanswered.into_iter().map(|(share, seeds)| {
            format!("{}: no answer was found in what was generated for {share} % of the items, which count as wrong", with_seeds(seeds))
        }));
        let mut missing = BTreeMap::<String, Vec<u64>>::new();
        for trial in &cell.missing {
            missing.entry(one_line(&trial.reason)).or_default().push(trial.seed);
        }
        texts.extend(missing.into_iter().map(|(reason, seeds)| format!("{} not run: {reason}", with_seeds(seeds))));
        texts.extend(cell.duplicates.iter().map(|record| {
            format!("seed {} has a second record, {}, which is not counted", record.seed, record.key.get(..16).unwrap_or(&record.key))
        }));
        texts.into_iter().map(|text| self.number(text)).collect()
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}

/// The share of test items in whose generated text no answer was found.
fn unanswered_share(status: &Status) -> Option<f64> {
    match status {
        Status::Ok { outcome } => outcome.test.unanswered.map(|unanswered| unanswered as f64 / outcome.test.n as f64),
        Status::Failed { .. } => None,
    }
}

fn with_seeds(mut seeds: Vec<u64>) -> String {
    seeds.sort_unstable();
    let word = if seeds.len() == 1 { "seed" } else { "seeds" };
    format!("{word} {}", list(seeds))
}

/// Error texts may have several lines; a footnote has one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
