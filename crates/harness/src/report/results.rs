//! What a report is made from: the records of a sweep, and what the sweep asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::Asked;
use super::shown::Shown;
use crate::record::{EmptyCell, ExampleOutcome, Record};

/// Everything that one report depends on. The same value gives the same bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// The sweep's name.
    pub sweep: String,
    /// What the sweep is for, as its file says. Paragraphs are separated by an empty line.
    pub about: String,
    /// Method names, in the sweep's order. Methods that are not listed come last, by name.
    pub methods: Vec<String>,
    /// One record a (method, backbone, data set, seed).
    pub records: Vec<Record>,
    /// Per-example outcomes on the test split, by record key.
    pub outcomes: BTreeMap<String, Vec<ExampleOutcome>>,
    /// Cells that cannot run.
    pub empty_cells: Vec<EmptyCell>,
    /// Trials that have no record.
    pub missing: Vec<MissingTrial>,
    /// Pairs that the sweep asks to compare, in its order.
    pub comparisons: Vec<Asked>,
    /// Records of trials that were run again and gave other numbers, as they were put aside.
    pub reruns: Vec<Record>,
    /// What a page shows of tested items beside their ids, by data set.
    pub shown: BTreeMap<String, Shown>,
}

/// A trial of the sweep that has no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTrial {
    /// The method's name in the sweep.
    pub method: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The trial's seed.
    pub seed: u64,
    /// Why it has not run, in words.
    pub reason: String,
}

/// The part of the results that one row of a table is made from: one method on one backbone and data set.
#[derive(Debug, Default)]
pub(super) struct Cell<'a> {
    /// By seed.
    pub(super) records: BTreeMap<u64, &'a Record>,
    /// Records of a seed that already has one; the one with the lowest key counts.
    pub(super) duplicates: Vec<&'a Record>,
    pub(super) empty: Option<&'a EmptyCell>,
    pub(super) missing: Vec<&'a MissingTrial>,
}

impl Results {
    /// The (backbone, data set) pairs that anything is known about, in the order of their names.
    pub(super) fn groups(&self) -> BTreeSet<(&str, &str)> {
        let records = self.records.iter().map(|record| (record.backbone.as_str(), record.dataset.as_str()));
        let empty = self.empty_cells.iter().map(|cell| (cell.backbone.as_str(), cell.dataset.as_str()));
        let missing = self.missing.iter().map(|trial| (trial.backbone.as_str(), trial.dataset.as_str()));
        records.chain(empty).chain(missing).collect()
    }

    /// One group's cells, in the sweep's order of methods.
    pub(super) fn cells(&self, group: (&str, &str)) -> Vec<(&str, Cell<'_>)> {
        let mut cells = BTreeMap::<(usize, &str), Cell<'_>>::new();
        let place = |method: &str| self.methods.iter().position(|listed| listed == method).unwrap_or(self.methods.len());
        let mut records: Vec<&Record> =
            self.records.iter().filter(|record| (record.backbone.as_str(), record.dataset.as_str()) == group).collect();
        records.sort_by(|a, b| a.key.cmp(&b.key));
        for record in records {
            let cell = cells.entry((place(&record.method), &record.method)).or_default();
            if let Some(first) = cell.records.get(&record.seed) {
                debug_assert!(first.key <= record.key);
                cell.duplicates.push(record);
            } else {
                cell.records.insert(record.seed, record);
            }
        }
        for empty in self.empty_cells.iter().filter(|cell| (cell.backbone.as_str(), cell.dataset.as_str()) == group) {
            cells.entry((place(&empty.method), &empty.method)).or_default().empty = Some(empty);
        }
        for trial in self.missing.iter().filter(|trial| (trial.backbone.as_str(), trial.dataset.as_str()) == group) {
            cells.entry((place(&trial.method), &trial.method)).or_default().missing.push(trial);
        }
        cells.into_iter().map(|((_, method), cell)| (method, cell)).collect()
    }
}
