//! The parts of a data set as its files hold them, before anything is divided, and whether they are what the table says.

use std::path::PathBuf;

use reprogram_methods::AnswerForm;

use super::dataset::read_rows;
use super::source::Rows;
use super::{DataError, Example, Gold};
use crate::assets::{AssetStore, Progress, Trust};
use crate::registry::{AskedFor, DataSetEntry, Evidence, PartName};

/// All rows of one part.
#[derive(Debug, Clone)]
pub struct RawPart {
    /// Which part.
    pub name: PartName,
    /// Its items, in the order of the file.
    pub examples: Vec<Example>,
    /// Rows that the reader left out.
    pub left_out: usize,
    /// Rows of each class that the table states.
    stated: Vec<usize>,
    /// Rows of all classes that it states.
    stated_total: Option<usize>,
    /// Rows left out that it states.
    stated_left_out: Option<usize>,
}

impl RawPart {
    /// Every part of a data set, from files that are fetched where they are not there.
    pub fn read_all(entry: &DataSetEntry, store: &AssetStore, trust: Trust, progress: &dyn Progress) -> Result<Vec<Self>, DataError> {
        let mut paths = store.obtain_all(&entry.assets(), trust, progress)?.into_iter().map(|obtained| obtained.path);
        let read = |part: &crate::registry::Part| {
            let files: Vec<PathBuf> = paths.by_ref().take(part.files.len()).collect();
            let Rows { examples, left_out } = read_rows(entry, part, &files)?;
            // Rows of classes are those that are kept; a total is of all.
            let stated_total = part.total.filter(|_| part.rows.is_empty());
            let stated_left_out = match entry.evidence() {
                Evidence::Counted => Some(part.left_out),
                Evidence::Unverified => None,
            };
            Ok(Self { name: part.name, examples, left_out, stated: part.rows.clone(), stated_total, stated_left_out })
        };
        entry.parts().iter().map(read).collect()
    }

    /// A part of these items, of which the table states so many of each class.
    #[cfg(test)]
    pub(crate) fn stated(name: PartName, examples: Vec<Example>, stated: &[usize]) -> Self {
        Self { name, examples, left_out: 0, stated: stated.to_vec(), stated_total: None, stated_left_out: Some(0) }
    }

    /// Items of each class; of all together where answers are open or series are forecast.
    pub fn counts(&self, n_classes: usize) -> Vec<usize> {
        if n_classes == 0 {
            return vec![self.examples.len()];
        }
        let mut counts = vec![0; n_classes];
        for class in self.examples.iter().filter_map(|example| example.gold.class()).filter(|class| *class < n_classes) {
            counts[class] += 1;
        }
        counts
    }

    /// Everything that is not as the table says, in the order in which it is looked for.
    pub fn faults(&self, dataset: &str, entry: &DataSetEntry) -> Vec<DataError> {
        let n_classes = entry.classes().len();
        let kind = match entry.reader().asks_for() {
            AskedFor::Future => "any window",
            AskedFor::Class | AskedFor::Answer => "any answer",
        };
        let class = |label: usize| entry.classes().get(label).map_or(kind, String::as_str).to_owned();
        let (dataset, part) = (dataset.to_owned(), self.name.as_str());
        let counted = self.counts(n_classes).into_iter().zip(&self.stated).enumerate();
        let mut faults: Vec<DataError> = counted
            .filter(|(_, (found, expected))| found != *expected)
            .map(|(label, (found, &expected))| DataError::RowCount { dataset: dataset.clone(), part, class: class(label), found, expected })
            .collect();
        if let Some(expected) = self.stated_total.filter(|expected| faults.is_empty() && *expected != self.examples.len() + self.left_out) {
            faults.push(DataError::Total { dataset: dataset.clone(), part, found: self.examples.len() + self.left_out, expected });
        }
        if let Some(form) = entry.template().and_then(|template| template.answer.as_ref()) {
            faults.extend(self.unreadable_answers(&dataset, form));
        }
        if let Some(expected) = self.stated_left_out.filter(|expected| *expected != self.left_out) {
            faults.push(DataError::LeftOutCount { dataset, part, found: self.left_out, expected });
        }
        faults
    }

    /// Gold answers in which the data set's own rule finds none.
    fn unreadable_answers<'a>(&'a self, dataset: &'a str, form: &'a AnswerForm) -> impl Iterator<Item = DataError> + 'a {
        self.examples.iter().filter_map(move |example| match &example.gold {
            Gold::Answer { text, .. } if form.extraction.normal(text).is_none() => Some(DataError::Unreadable {
                dataset: dataset.to_owned(),
                id: example.id.clone(),
                extraction: form.extraction.as_str(),
                gold: text.clone(),
            }),
            Gold::Answer { .. } | Gold::Class(_) | Gold::Future(_) => None,
        })
    }
}
