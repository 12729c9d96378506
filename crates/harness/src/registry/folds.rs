//! Cross-validation as data sets: `mr@3` is `mr` with its third tenth as the test.
//!
//! A trial is of one fold; a sweep names the folds that it wants. Each item is a test item in one fold alone.

use serde::Deserialize;

use super::dataset::BadDataSet;
use super::{DataSetEntry, Holdout, Part, PartName, Reader, SplitRule};

/// How a data set is divided for cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Folds {
    /// So many shares of all digests of contents.
    ByContent(u8),
    /// The words that stand for parts in the names of recordings, in the order of their spelling: each in turn is the test, the one behind
    /// it the validation, the others are trained on.
    ByName,
}

impl Folds {
    /// How many there are.
    pub fn count(self, entry: &DataSetEntry) -> usize {
        match self {
            Self::ByContent(n) => usize::from(n),
            Self::ByName => words(entry.reader()).len(),
        }
    }

    /// The name of a fold, counted from one.
    pub fn name(dataset: &str, fold: usize) -> String {
        format!("{dataset}@{fold}")
    }

    /// The data set with its fold `fold` as the test, counted from one.
    pub(super) fn entry(self, entry: &DataSetEntry, fold: usize) -> Result<DataSetEntry, BadDataSet> {
        let mut new = entry.clone();
        let n = self.count(entry);
        new.about = format!("{}; fold {fold} of {n}", entry.about());
        new.folds = None;
        match self {
            Self::ByContent(of) => {
                if entry.parts().iter().any(|part| part.name != PartName::All) {
                    return Err(BadDataSet::FoldsOfParts);
                }
                if !(2..=100).contains(&of) {
                    return Err(BadDataSet::FoldCount(n));
                }
                new.split = SplitRule { test: Holdout::Fold { fold: fold as u8, of }, validation: entry.split().validation };
            }
            Self::ByName => {
                let words = words(entry.reader());
                let each = rows_of_a_word(entry)?;
                let (test, validation) = (fold - 1, fold % n);
                let chosen = |wanted: &dyn Fn(usize) -> bool| -> Vec<String> {
                    words.iter().enumerate().filter(|(place, _)| wanted(*place)).map(|(_, word)| word.clone()).collect()
                };
                let divided = [
                    (PartName::Train, chosen(&|place| place != test && place != validation)),
                    (PartName::Validation, chosen(&|place| place == validation)),
                    (PartName::Test, chosen(&|place| place == test)),
                ];
                let files = entry.parts().first().map(|part| part.files.clone()).unwrap_or_default();
                let part = |(name, words): &(PartName, Vec<String>)| {
                    let rows: Vec<usize> = each.iter().map(|rows| rows * words.len()).collect();
                    Part { name: *name, total: Some(rows.iter().sum()), rows, left_out: 0, files: files.clone() }
                };
                new.parts = divided.iter().map(part).collect();
                if let Reader::RecordingTar { parts, .. } = &mut new.reader {
                    *parts = divided.into_iter().collect();
                }
                new.split = SplitRule { test: Holdout::Official, validation: Holdout::Official };
            }
        }
        Ok(new)
    }
}

impl DataSetEntry {
    /// The data set once for every fold, by name.
    pub(super) fn each_fold(&self, name: &str) -> Result<Vec<(String, Self)>, BadDataSet> {
        let Some(folds) = self.folds() else { return Ok(Vec::new()) };
        (1..=folds.count(self)).map(|fold| Ok((Folds::name(name, fold), folds.entry(self, fold)?))).collect()
    }

    /// Whether every fold can be made.
    pub(super) fn check_folds(&self) -> Result<(), BadDataSet> {
        match self.folds() {
            Some(Folds::ByContent(of)) if !(2..=100).contains(&of) => Err(BadDataSet::FoldCount(usize::from(of))),
            Some(Folds::ByName) => rows_of_a_word(self).map(drop),
            Some(Folds::ByContent(_)) | None => self.each_fold("").map(drop),
        }
    }
}

/// What stands for parts in names, sorted; nothing where names say no part.
fn words(reader: &Reader) -> Vec<String> {
    let Reader::RecordingTar { parts, .. } = reader else { return Vec::new() };
    let mut words: Vec<String> = parts.values().flatten().cloned().collect();
    words.sort();
    words
}

/// Rows of each class under each word, which must be as many under all of them, so that they are known of every fold.
fn rows_of_a_word(entry: &DataSetEntry) -> Result<Vec<usize>, BadDataSet> {
    let Reader::RecordingTar { parts: named, .. } = entry.reader() else { return Err(BadDataSet::FoldsWithoutNames) };
    let files = &entry.parts()[0].files;
    let each = |part: &Part| -> Option<Vec<usize>> {
        let n = named.get(&part.name)?.len();
        let are_even = n > 0 && part.rows.iter().all(|rows| rows.is_multiple_of(n)) && part.files == *files;
        are_even.then(|| part.rows.iter().map(|rows| rows / n).collect())
    };
    let rows = each(&entry.parts()[0]).ok_or(BadDataSet::UnevenFolds)?;
    let even = words(entry.reader()).len() >= 3 && entry.parts().iter().all(|part| each(part).as_ref() == Some(&rows));
    if even { Ok(rows) } else { Err(BadDataSet::UnevenFolds) }
}
