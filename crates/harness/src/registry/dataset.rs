//! A table of `datasets.toml`: raw as it is written, then an entry that makes sense.

use reprogram_taxonomy::Modality;
use serde::{Deserialize, Serialize};

use super::file::{BadFile, RawFile};
use super::{AskedFor, Folds, Holdout, Reader, SplitRule, Template};
use crate::assets::Asset;

/// A data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawDataSet")]
pub struct DataSetEntry {
    pub(super) about: String,
    modality: Modality,
    classes: Vec<String>,
    template: Option<Template>,
    licence: String,
    citation: String,
    pub(super) reader: Reader,
    pub(super) split: SplitRule,
    pub(super) folds: Option<Folds>,
    pub(super) parts: Vec<Part>,
    evidence: Evidence,
}

/// Whether anybody has looked at the files that a table describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Files are pinned, and rows were counted.
    Counted,
    /// The table was written from documentation: files may lack a digest, and parts a count. What is loaded is what a source gives.
    Unverified,
}

impl Evidence {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Unverified => "unverified",
        }
    }
}

/// One part of a data set, as its makers divided it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which.
    pub name: PartName,
    /// Rows of each class; all of them where answers are open, all windows where series are forecast; none where nobody counted.
    pub rows: Vec<usize>,
    /// Rows of all classes, where they are known.
    pub total: Option<usize>,
    /// Rows that the reader leaves out.
    pub left_out: usize,
    /// Its files, in the reader's order.
    pub files: Vec<Asset>,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartName {
    /// Undivided.
    All,
    /// Official train items.
    Train,
    /// Official validation items.
    Validation,
    /// Official test items.
    Test,
}

impl PartName {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawDataSet {
    about: String,
    modality: Modality,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    template: Option<Template>,
    licence: String,
    citation: String,
    reader: Reader,
    split: RawSplit,
    #[serde(default)]
    folds: Option<Folds>,
    #[serde(default)]
    unverified: bool,
    parts: Vec<RawPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawSplit {
    #[serde(default)]
    test_percent: Option<u8>,
    #[serde(default)]
    validation_percent: Option<u8>,
    #[serde(default)]
    together: Option<char>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPart {
    part: PartName,
    #[serde(default)]
    rows: Option<Vec<usize>>,
    #[serde(default)]
    total: Option<usize>,
    #[serde(default)]
    left_out: usize,
    files: Vec<RawFile>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BadDataSet {
    #[error("`classes` names {0}; a data set has at least two")]
    TooFewClasses(usize),
    #[error("`classes` names `{0}` twice")]
    TwiceTheClass(String),
    #[error("{what} names {found} classes, but `classes` names {expected}")]
    ClassCount { what: &'static str, found: usize, expected: usize },
    #[error("`modality = \"{modality}\"`, but `reader` reads {reads}")]
    Modality { modality: Modality, reads: Modality },
    #[error("`reader` reads open answers, but `classes` names {0}")]
    ClassesOfOpenAnswers(usize),
    #[error("`reader` reads open answers, so that `template.answer` must say how they are asked for and found")]
    NoAnswerForm,
    #[error("`reader` has `options-as`, but no `options`")]
    NoOptions,
    #[error(
        "`reader` makes each item's options its answers, but `template.labels` names {0}\n  help: leave `labels` out, or `options-as`, which letters the options"
    )]
    LabelsOfOptions(usize),
    #[error(
        "`reader` makes each item's options its answers, which are scored, but `template.answer` asks for generated text\n  help: leave `answer` out, or `options-as`, which letters the options"
    )]
    AnswerOfOptions,
    #[error("`reader` reads windows that are to be forecast, but `classes` names {0}")]
    ClassesOfWindows(usize),
    #[error("`reader` names no `columns`")]
    NoColumns,
    #[error("`reader` names the column `{0}` twice")]
    TwiceTheColumn(String),
    #[error("`reader` divides series by rows: `parts` are `train`, `validation` and `test`, not `all`")]
    WindowsOfAll,
    #[error("part `{part}` has {rows} rows, but windows of {history} values and the next {horizon} need at least {least}")]
    TooFewRows { part: &'static str, rows: usize, least: usize, history: usize, horizon: usize },
    #[error("a text data set needs a `template`")]
    NoTemplate,
    #[error("only a text data set has a `template`")]
    NeedlessTemplate,
    #[error("`parts` has {found}; expected either `all`, or `train` with an optional `validation` and an optional `test`")]
    Parts { found: String },
    #[error("part `{part}` has no `rows`; help: count them, or, where nobody could, say `unverified = true` in the table")]
    NoRows { part: &'static str },
    #[error("part `{part}` has `rows` and `total`; `rows` says both")]
    TwiceTheRows { part: &'static str },
    #[error("part `{part}` has {found} files, but `reader` reads {expected}")]
    Files { part: &'static str, found: usize, expected: String },
    #[error("part `{part}`: `left-out = {rows}`, but `reader` leaves nothing out")]
    LeftOut { part: &'static str, rows: usize },
    #[error("`split` needs `{part}-percent`, from 1 to 90, because there is no official part `{part}`")]
    NeedsPercent { part: &'static str },
    #[error("`split` has `{part}-percent`, but there is an official part `{part}`")]
    NeedlessPercent { part: &'static str },
    #[error("`folds.by-content = {0}`; cross-validation has 2 to 100 folds")]
    FoldCount(usize),
    #[error("`folds.by-content` divides items without parts, but `parts` has others than `all`")]
    FoldsOfParts,
    #[error("`folds = \"by-name\"` needs a reader whose files' names say the part")]
    FoldsWithoutNames,
    #[error(
        "`folds = \"by-name\"` needs at least 3 words for parts, as many rows of each class under each of them, and the same files in all parts"
    )]
    UnevenFolds,
    #[error(transparent)]
    File(#[from] BadFile),
}

impl TryFrom<RawDataSet> for DataSetEntry {
    type Error = BadDataSet;

    fn try_from(raw: RawDataSet) -> Result<Self, BadDataSet> {
        raw.check_classes()?;
        raw.check_template()?;
        let names: Vec<PartName> = raw.parts.iter().map(|part| part.part).collect();
        let distinct = names.iter().enumerate().all(|(place, name)| !names[..place].contains(name));
        if !distinct || (names != [PartName::All] && (names.contains(&PartName::All) || !names.contains(&PartName::Train))) {
            let found: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            return Err(BadDataSet::Parts { found: format!("[{}]", found.join(", ")) });
        }
        let split = SplitRule {
            test: holdout(PartName::Test, &names, raw.split.test_percent, raw.split.together)?,
            validation: holdout(PartName::Validation, &names, raw.split.validation_percent, raw.split.together)?,
        };
        let reader = raw.reader;
        let evidence = if raw.unverified { Evidence::Unverified } else { Evidence::Counted };
        // Open answers are counted together, and so are windows.
        let n_counts = raw.classes.len().max(1);
        let parts = raw.parts.into_iter().map(|part| part.check(&reader, n_counts, evidence)).collect::<Result<_, _>>()?;
        let RawDataSet { about, modality, classes, template, licence, citation, folds, .. } = raw;
        let new = Self { about, modality, classes, template, licence, citation, reader, split, folds, parts, evidence };
        new.check_folds()?;
        Ok(new)
    }
}

impl RawDataSet {
    fn check_classes(&self) -> Result<(), BadDataSet> {
        let expected = self.classes.len();
        let is_asked_for = self.template.as_ref().is_some_and(|template| template.answer.is_some());
        match (self.reader.asks_for(), expected) {
            (AskedFor::Class, _) => {}
            (AskedFor::Answer, 0) if is_asked_for => return Ok(()),
            (AskedFor::Answer, 0) => return Err(BadDataSet::NoAnswerForm),
            (AskedFor::Answer, n) => return Err(BadDataSet::ClassesOfOpenAnswers(n)),
            (AskedFor::Future, 0) => return self.check_windows(),
            (AskedFor::Future, n) => return Err(BadDataSet::ClassesOfWindows(n)),
        }
        if expected < 2 {
            return Err(BadDataSet::TooFewClasses(expected));
        }
        if let Some((_, twice)) = self.classes.iter().enumerate().find(|(place, name)| self.classes[..*place].contains(name)) {
            return Err(BadDataSet::TwiceTheClass(twice.clone()));
        }
        match self.reader.n_listed_classes() {
            Some(found) if found != expected => Err(BadDataSet::ClassCount { what: "`reader`", found, expected }),
            Some(_) | None => Ok(()),
        }
    }

    /// Every part has rows for a window, the train rows a season, and files are divided by rows.
    fn check_windows(&self) -> Result<(), BadDataSet> {
        let Reader::SeriesWindows(windows) = &self.reader else { return Ok(()) };
        if windows.columns.is_empty() {
            return Err(BadDataSet::NoColumns);
        }
        if let Some((_, twice)) = windows.columns.iter().enumerate().find(|(place, name)| windows.columns[..*place].contains(name)) {
            return Err(BadDataSet::TwiceTheColumn(twice.clone()));
        }
        let (history, horizon) = (windows.history.get(), windows.horizon.get());
        // Held-out windows look back into the rows before their part.
        let needs = |part: PartName| match part {
            PartName::Train | PartName::All => (history + horizon).max(windows.season.get() + 1),
            PartName::Validation | PartName::Test => horizon,
        };
        for part in &self.parts {
            let (name, least) = (part.part.as_str(), needs(part.part));
            let rows = windows.rows.of(part.part).ok_or(BadDataSet::WindowsOfAll)?;
            if rows < least {
                return Err(BadDataSet::TooFewRows { part: name, rows, least, history, horizon });
            }
        }
        Ok(())
    }

    fn check_template(&self) -> Result<(), BadDataSet> {
        let reads = self.reader.modality();
        if self.modality != reads {
            return Err(BadDataSet::Modality { modality: self.modality, reads });
        }
        if matches!(&self.reader, Reader::JsonItems { options: None, options_as, .. } if options_as.are_answers()) {
            return Err(BadDataSet::NoOptions);
        }
        match (&self.template, reads == Modality::Text) {
            (None, true) => Err(BadDataSet::NoTemplate),
            (Some(_), false) => Err(BadDataSet::NeedlessTemplate),
            (Some(template), true) if self.reader.brings_answers() => match (template.labels.len(), &template.answer) {
                (0, None) => Ok(()),
                (0, Some(_)) => Err(BadDataSet::AnswerOfOptions),
                (n, _) => Err(BadDataSet::LabelsOfOptions(n)),
            },
            (Some(template), true) if template.labels.len() != self.classes.len() => {
                Err(BadDataSet::ClassCount { what: "`template.labels`", found: template.labels.len(), expected: self.classes.len() })
            }
            (Some(_), true) | (None, false) => Ok(()),
        }
    }
}

impl RawPart {
    fn check(self, reader: &Reader, n_classes: usize, evidence: Evidence) -> Result<Part, BadDataSet> {
        let part = self.part.as_str();
        let (rows, total) = match (self.rows, self.total, evidence) {
            (Some(rows), None, _) if rows.len() == n_classes => {
                let total = rows.iter().sum();
                (rows, Some(total))
            }
            (Some(rows), None, _) => return Err(BadDataSet::ClassCount { what: "`rows`", found: rows.len(), expected: n_classes }),
            (None, total, Evidence::Unverified) => (Vec::new(), total),
            (None, _, Evidence::Counted) => return Err(BadDataSet::NoRows { part }),
            (Some(_), Some(_), _) => return Err(BadDataSet::TwiceTheRows { part }),
        };
        let [least, most] = reader.files_a_part();
        if !(least..=most).contains(&self.files.len()) {
            let expected = if least == most { least.to_string() } else { format!("{least} or {most}") };
            return Err(BadDataSet::Files { part, found: self.files.len(), expected });
        }
        if self.left_out > 0 && !reader.leaves_out() {
            return Err(BadDataSet::LeftOut { part, rows: self.left_out });
        }
        let asset = match evidence {
            Evidence::Counted => RawFile::into_asset,
            Evidence::Unverified => RawFile::into_any_asset,
        };
        let files = self.files.into_iter().map(asset).collect::<Result<_, _>>()?;
        Ok(Part { name: self.part, rows, total, left_out: self.left_out, files })
    }
}

fn holdout(part: PartName, official: &[PartName], percent: Option<u8>, together: Option<char>) -> Result<Holdout, BadDataSet> {
    match (official.contains(&part), percent, together) {
        (true, None, _) => Ok(Holdout::Official),
        (true, Some(_), _) => Err(BadDataSet::NeedlessPercent { part: part.as_str() }),
        (false, Some(percent @ 1..=90), None) => Ok(Holdout::ByContent { percent }),
        (false, Some(percent @ 1..=90), Some(until)) => Ok(Holdout::ByGroup { percent, until }),
        (false, _, _) => Err(BadDataSet::NeedsPercent { part: part.as_str() }),
    }
}

impl DataSetEntry {
    /// What it is, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What its items are.
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// The names of its classes; none where answers are open or series are forecast.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How its items are put to a language model; every text data set has one.
    pub const fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// As its files or their package state it.
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// Whom to cite.
    pub fn citation(&self) -> &str {
        &self.citation
    }

    /// How its files are read.
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How it is divided.
    pub const fn split(&self) -> SplitRule {
        self.split
    }

    /// How it is divided for cross-validation, where it is.
    pub const fn folds(&self) -> Option<Folds> {
        self.folds
    }

    /// Its parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether anybody has looked at its files.
    pub const fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Rows of all parts, where they are known.
    pub fn n_rows(&self) -> Option<usize> {
        self.parts.iter().map(|part| part.total).sum()
    }

    /// All of its files.
    pub fn assets(&self) -> Vec<&Asset> {
        self.parts.iter().flat_map(|part| &part.files).collect()
    }

    /// The entry, with files that say whose they are.
    pub(super) fn named(mut self, name: &str) -> Self {
        for part in &mut self.parts {
            part.files = part.files.drain(..).map(|file| file.of(name)).collect();
        }
        self
    }
}
