//! A data set in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reprogram_taxonomy::Modality;
use sha2::{Digest as _, Sha256};

use super::image_csv::Grey;
use super::image_tar::Folders;
use super::json_items::Places;
use super::json_lines::Fields;
use super::orders::Orders;
use super::parquet::Pictures;
use super::parts::RawPart;
use super::pools::Pools;
use super::recording_tar::Named;
use super::source::{Rows, SourceFile};
use super::text_csv::Columns;
use super::{
    Content, DataError, Example, Gold, PoolSizes, image_csv, image_idx, image_npz, image_tar, image_u16, json_items, json_lines,
    label_lines, parquet, recording_tar, series_lines, series_windows, text_csv, zip_texts,
};
use crate::assets::{AssetStore, Digest, Progress, Trust};
use crate::registry::{DataSetEntry, Part, PartName, Reader, Registry, SplitRule, Template};

/// A data set. Its items can only be had through [`draw`](super::draw).
#[derive(Debug, Clone)]
pub struct DataSet {
    name: String,
    modality: Modality,
    classes: Vec<String>,
    template: Option<Template>,
    split: SplitRule,
    rows_sha256: Digest,
    pools: Pools,
    orders: Orders,
}

impl DataSet {
    /// Loads a data set of the registry, and fetches its files where they are not there.
    pub fn load(name: &str, registry: &Registry, store: &AssetStore, progress: &dyn Progress) -> Result<Self, DataError> {
        let entry = registry.dataset(name)?;
        let mut parts = BTreeMap::new();
        for part in RawPart::read_all(entry, store, Trust::Stamp, progress)? {
            if let Some(fault) = part.faults(name, entry).into_iter().next() {
                return Err(fault);
            }
            parts.insert(part.name, part.examples);
        }
        let new = Self::from_parts(name, entry.modality(), entry.classes().to_vec(), entry.split(), parts)?;
        Ok(Self { template: entry.template().cloned(), ..new })
    }

    /// A data set of these items, by part, without a template.
    ///
    /// # Panics
    /// If a label is none of the classes.
    pub fn from_parts(
        name: &str,
        modality: Modality,
        classes: Vec<String>,
        split: SplitRule,
        parts: BTreeMap<PartName, Vec<Example>>,
    ) -> Result<Self, DataError> {
        let mut rows: Vec<&Example> = parts.values().flatten().collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = rows.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(DataError::TwiceTheId { dataset: name.to_owned(), id: pair[0].id.clone() });
        }
        let n_classes = classes.len();
        assert!(
            rows.iter().all(|row| row.gold.class().is_none_or(|class| class < n_classes)),
            "every label of `{name}` is one of its classes"
        );
        let rows_sha256 = digest_of(&rows);
        let (name, pools) = (name.to_owned(), Pools::divide(parts, split));
        Ok(Self { name, modality, classes, template: None, split, rows_sha256, pools, orders: Orders::default() })
    }

    /// The data set with another template.
    pub fn with_template(mut self, template: Template) -> Self {
        self.template = Some(template);
        self
    }

    /// Its name in the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its items are.
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// The names of its classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How its items are put to a language model.
    pub const fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// How it is divided.
    pub const fn split(&self) -> SplitRule {
        self.split
    }

    /// The digest of all of its rows, ids, labels and contents, whatever order they were read in.
    pub const fn rows_sha256(&self) -> Digest {
        self.rows_sha256
    }

    /// How many items each split can be drawn from.
    pub fn sizes(&self) -> PoolSizes {
        self.pools.sizes()
    }

    /// Values of each of its items, where they are series; all have as many.
    pub fn series_length(&self) -> Option<usize> {
        self.pools.any().and_then(|example| match &example.content {
            Content::Series(series) => Some(series.values().len()),
            Content::Image(_) | Content::Text(_) | Content::Question(_) | Content::Recording(_) => None,
        })
    }

    /// An item that a trial was tested on, to be shown to a reader: nothing is chosen by it.
    pub fn tested(&self, id: &str) -> Option<&Example> {
        self.pools.test.iter().find(|example| example.id == id).map(AsRef::as_ref)
    }

    /// Values that are to be forecast of each of its items, where that is asked for; all have as many.
    pub fn horizon(&self) -> Option<usize> {
        self.pools.any().and_then(|example| match &example.gold {
            Gold::Future(future) => Some(future.values.values().len()),
            Gold::Class(_) | Gold::Answer { .. } => None,
        })
    }

    pub(super) const fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(super) const fn orders(&self) -> &Orders {
        &self.orders
    }
}

/// The rows of a part, uncounted.
pub(super) fn read_rows(entry: &DataSetEntry, part: &Part, paths: &[PathBuf]) -> Result<Rows, DataError> {
    let file = |place: usize| SourceFile { path: &paths[place], part: part.name };
    let n_classes = entry.classes().len();
    let rows = match entry.reader() {
        &Reader::ImageCsv { height, width, highest } => image_csv::read(file(0), Grey { height, width, highest }, n_classes)?,
        &Reader::ImageU16 { height, width, highest } => image_u16::read(file(0), file(1), Grey { height, width, highest }, n_classes)?,
        &Reader::ImageIdx { height, width } => image_idx::read(file(0), file(1), [height, width], n_classes)?,
        Reader::ImageNpz { height, width, prefixes: [train, validation, test] } => {
            let prefix = match part.name {
                PartName::All | PartName::Train => train,
                PartName::Validation => validation,
                PartName::Test => test,
            };
            image_npz::read(file(0), prefix, [*height, *width], n_classes)?
        }
        Reader::ImageTar { height, width, folders, at_most, listed } => {
            let folders = Folders { names: folders, height: *height, width: *width, at_most: *at_most };
            let classes = match (listed, paths.len()) {
                (Some(list), 2) => Some(image_tar::listed(file(1), list)?),
                (Some(_) | None, _) => None,
            };
            image_tar::read(file(0), folders, classes.as_ref())?
        }
        Reader::ImageParquet { image, label, labels, edge, at_most } => {
            let files: Vec<SourceFile<'_>> = (0..paths.len()).map(file).collect();
            let labels = labels.as_deref();
            parquet::read(&files, Pictures { image, label, labels, edge: *edge, at_most: *at_most, n_classes })?
        }
        Reader::TextCsv { text, label, labels, ignored_labels, encoding, unreadable } => {
            let (encoding, unreadable) = (*encoding, *unreadable);
            text_csv::read(file(0), Columns { text, label, labels, ignored_labels, encoding, unreadable })?
        }
        Reader::LabelLines { labels, encoding, empty } => label_lines::read(file(0), labels, *encoding, *empty)?,
        Reader::JsonLines { text, label, labels } => json_lines::read(file(0), Fields { text, label, labels })?,
        Reader::RecordingTar { names, labels, parts } => {
            let wanted = parts.get(&part.name).map_or(&[][..], Vec::as_slice);
            recording_tar::read(file(0), Named { names, labels, parts, wanted })?
        }
        Reader::SeriesLines { labels, length } => series_lines::read(file(0), labels, *length)?,
        Reader::SeriesWindows(windows) => series_windows::read(file(0), windows)?,
        Reader::ZipTexts { folders, part, encoding } => zip_texts::read(file(0), folders, *part, *encoding)?,
        Reader::JsonItems { layout, text, options, options_as, gold } => {
            let places = Places { layout: *layout, text, options: options.as_ref(), options_as, gold, classes: entry.classes() };
            json_items::read(file(0), places)?
        }
    };
    Ok(rows)
}

fn digest_of(rows: &[&Example]) -> Digest {
    let mut hasher = Sha256::new();
    for row in rows {
        let content = row.content.exact_bytes();
        for bytes in [row.id.as_bytes(), &row.gold.bytes(), &content] {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }
    Digest::from_hasher(hasher)
}
