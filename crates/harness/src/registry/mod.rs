//! What exists: data sets, checkpoints and fonts, as tables of TOML.
//!
//! `datasets.toml` and `models.toml` of the repository are built in. A folder named by `REPROGRAM_REGISTRY` may hold files of
//! the same names, whose tables are added; a table whose name exists already replaces it.

mod checkpoint;
mod dataset;
mod file;
mod folds;
mod fonts;
mod name_pattern;
mod photos;
mod questions;
mod reader;
mod rule;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use checkpoint::{Checkpoint, CheckpointFile, Role, WeightFormat, Weights};
pub use dataset::{DataSetEntry, Evidence, Part, PartName};
pub use folds::Folds;
pub use fonts::Fonts;
pub use name_pattern::NamePattern;
pub use photos::{PhotoFiles, Photos};
pub use questions::{JsonGold, JsonLayout, JsonOptions, OptionsAs};
pub use reader::{AskedFor, Encoding, Listed, PartRows, Reader, TextPart, Unreadable, Windows};
pub use rule::{Holdout, SplitRule};
pub use template::Template;

use crate::suggest::instead_of;

const DATASETS: &str = include_str!("../../../../datasets.toml");
const MODELS: &str = include_str!("../../../../models.toml");
const FONTS: &str = include_str!("../../assets/fonts.toml");
const PHOTOS: &str = include_str!("../../assets/photos.toml");

/// The tables.
#[derive(Debug, Clone)]
pub struct Registry {
    datasets: BTreeMap<String, DataSetEntry>,
    folds: BTreeMap<String, DataSetEntry>,
    checkpoints: BTreeMap<String, Checkpoint>,
    fonts: Fonts,
    photos: Photos,
}

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A table is wrong. TOML says the line.
    #[error("{file}: {error}")]
    Table {
        /// The file.
        file: String,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
    /// A file of the folder cannot be read.
    #[error("{} cannot be read: {error}\nhelp: REPROGRAM_REGISTRY names a folder that holds datasets.toml, models.toml, or both", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No such table.
    #[error("no {kind} is called `{name}`\n  help: {help}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The nearest names, and where all stand.
        help: String,
    },
}

impl Registry {
    /// The built-in tables.
    pub fn built_in() -> Result<Self, RegistryError> {
        let fonts = parse("fonts.toml", FONTS)?;
        let photos = parse("photos.toml", PHOTOS)?;
        let datasets = datasets("datasets.toml", DATASETS)?;
        let folds = folds(&datasets);
        Ok(Self { datasets, folds, checkpoints: checkpoints("models.toml", MODELS)?, fonts, photos })
    }

    /// The built-in tables, and those of the folder that `REPROGRAM_REGISTRY` names.
    pub fn from_env() -> Result<Self, RegistryError> {
        let registry = Self::built_in()?;
        match std::env::var_os("REPROGRAM_REGISTRY").filter(|folder| !folder.is_empty()) {
            Some(folder) => registry.extended(Path::new(&folder)),
            None => Ok(registry),
        }
    }

    /// These tables, and those of a folder's `datasets.toml` and `models.toml`, at least one of which must be there.
    pub fn extended(mut self, folder: &Path) -> Result<Self, RegistryError> {
        let (more_datasets, more_models) = (folder.join("datasets.toml"), folder.join("models.toml"));
        if !more_datasets.exists() && !more_models.exists() {
            return Err(RegistryError::File { path: more_datasets, error: io::ErrorKind::NotFound.into() });
        }
        if let Some(text) = read(&more_datasets)? {
            self.datasets.append(&mut datasets(&more_datasets.display().to_string(), &text)?);
            self.folds = folds(&self.datasets);
        }
        if let Some(text) = read(&more_models)? {
            self.checkpoints.append(&mut checkpoints(&more_models.display().to_string(), &text)?);
        }
        Ok(self)
    }

    /// The data set of this name, or the fold of one: `mr@3`.
    pub fn dataset(&self, name: &str) -> Result<&DataSetEntry, RegistryError> {
        self.datasets.get(name).or_else(|| self.folds.get(name)).ok_or_else(|| {
            let list = "reprogram data list";
            let help = match name.split_once('@') {
                Some((whole, _)) if self.datasets.contains_key(whole) => {
                    let of_it = |fold: &&str| fold.strip_prefix(whole).is_some_and(|rest| rest.starts_with('@'));
                    instead_of(name, self.folds.keys().map(String::as_str).filter(of_it), list)
                }
                whole => instead_of(whole.map_or(name, |(whole, _)| whole), self.datasets.keys().map(String::as_str), list),
            };
            RegistryError::Unknown { kind: "data set", name: name.to_owned(), help }
        })
    }

    /// The checkpoint of this name.
    pub fn checkpoint(&self, name: &str) -> Result<&Checkpoint, RegistryError> {
        self.checkpoints.get(name).ok_or_else(|| {
            let near = instead_of(name, self.checkpoints.keys().map(String::as_str), "reprogram fetch --list");
            let help = format!("{near}; the path of a folder or of a GGUF file and `hub:OWNER/NAME@COMMIT` are names too");
            RegistryError::Unknown { kind: "checkpoint", name: name.to_owned(), help }
        })
    }

    /// Every data set, by name.
    pub const fn datasets(&self) -> &BTreeMap<String, DataSetEntry> {
        &self.datasets
    }

    /// Every checkpoint, by name.
    pub const fn checkpoints(&self) -> &BTreeMap<String, Checkpoint> {
        &self.checkpoints
    }

    /// The fonts that source images of letters are drawn with.
    pub const fn fonts(&self) -> &Fonts {
        &self.fonts
    }

    /// The photographs that a two-tower model is trained on.
    pub const fn photos(&self) -> &Photos {
        &self.photos
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, RegistryError> {
    toml::from_str(text).map_err(|error| RegistryError::Table { file: file.to_owned(), error: Box::new(error) })
}

fn datasets(file: &str, text: &str) -> Result<BTreeMap<String, DataSetEntry>, RegistryError> {
    let tables: BTreeMap<String, DataSetEntry> = parse(file, text)?;
    Ok(tables.into_iter().map(|(name, entry)| (name.clone(), entry.named(&name))).collect())
}

/// Every fold of every data set, by name.
fn folds(datasets: &BTreeMap<String, DataSetEntry>) -> BTreeMap<String, DataSetEntry> {
    let each = |(name, entry): (&String, &DataSetEntry)| entry.each_fold(name).expect("folds were made when the table was read");
    datasets.iter().flat_map(each).collect()
}

fn checkpoints(file: &str, text: &str) -> Result<BTreeMap<String, Checkpoint>, RegistryError> {
    let tables: BTreeMap<String, Checkpoint> = parse(file, text)?;
    Ok(tables.into_iter().map(|(name, entry)| (name.clone(), entry.named(&name))).collect())
}

fn read(path: &Path) -> Result<Option<String>, RegistryError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RegistryError::File { path: path.to_owned(), error }),
    }
}
