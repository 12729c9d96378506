//! A table of `models.toml`: a frozen checkpoint and its files.

use reprogram_taxonomy::Modality;
use serde::{Deserialize, Serialize};

use super::file::{BadFile, RawFile};
use crate::assets::{Asset, HubRepository, RepositoryError, Word};

/// A checkpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawCheckpoint")]
pub struct Checkpoint {
    about: String,
    family: Word,
    modality: Modality,
    format: WeightFormat,
    licence: String,
    citation: String,
    source_classes: Option<Vec<String>>,
    weights: Weights,
}

/// How weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightFormat {
    /// One file with configuration and tokenizer inside, possibly quantised.
    Gguf,
    /// One file with the configuration in its metadata.
    Safetensors,
    /// A PyTorch pickle, whose layout the family knows.
    Pytorch,
    /// ONNX graphs, whose layout the family knows.
    Onnx,
    /// The files of a folder in the hub's layout; its `config.json` says who reads it.
    Folder,
}

/// Where a checkpoint's weights are.
#[derive(Debug, Clone)]
pub enum Weights {
    /// In this program, under this name.
    BuiltIn(String),
    /// In these files.
    Files(Vec<CheckpointFile>),
    /// In a repository of the model hub.
    Repository(HubRepository),
}

/// One file of a checkpoint.
#[derive(Debug, Clone)]
pub struct CheckpointFile {
    /// What it is for.
    pub role: Role,
    /// The file.
    pub asset: Asset,
}

/// What a file of a checkpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Tensors.
    Weights,
    /// The architecture's numbers.
    Config,
    /// Images to what the first layer takes.
    Preprocessor,
    /// Labels on top of features.
    Head,
    /// Text to tokens.
    Tokenizer,
    /// Special tokens and the chat template.
    TokenizerConfig,
    /// What stands behind a sentence encoder.
    Modules,
    /// Which of its tokens are pooled.
    Pooling,
}

impl Role {
    /// What a file of this name in a folder of the hub is for.
    pub fn of_hub_file(name: &str) -> Option<Self> {
        match name {
            "config.json" => Some(Self::Config),
            "preprocessor_config.json" => Some(Self::Preprocessor),
            "tokenizer.json" => Some(Self::Tokenizer),
            "tokenizer_config.json" => Some(Self::TokenizerConfig),
            "modules.json" => Some(Self::Modules),
            "1_Pooling/config.json" => Some(Self::Pooling),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawCheckpoint {
    about: String,
    family: Word,
    modality: Modality,
    format: WeightFormat,
    licence: String,
    citation: String,
    source_classes: Option<Vec<String>>,
    weights: RawWeights,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum RawWeights {
    Builtin(String),
    Repository(String),
    Files(Vec<RawCheckpointFile>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawCheckpointFile {
    role: Role,
    asset: RawFile,
}

#[derive(Debug, thiserror::Error)]
enum BadCheckpoint {
    #[error("`weights.files` has no file with `role = \"weights\"`")]
    NoWeights,
    #[error("`weights.repository = \"{0}\"` does not begin with `hub:`")]
    NoRepository(String),
    #[error("`weights.repository = \"{0}\"` names no commit, so that it would not stay what it is; help: put its 40 digits behind `@`")]
    Unpinned(String),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    File(#[from] BadFile),
}

impl TryFrom<RawCheckpoint> for Checkpoint {
    type Error = BadCheckpoint;

    fn try_from(raw: RawCheckpoint) -> Result<Self, BadCheckpoint> {
        let weights = match raw.weights {
            RawWeights::Builtin(name) => Weights::BuiltIn(name),
            RawWeights::Repository(name) => {
                let repository = HubRepository::parse(&name).ok_or(BadCheckpoint::NoRepository(name))??;
                if !repository.is_pinned() {
                    return Err(BadCheckpoint::Unpinned(repository.to_string()));
                }
                Weights::Repository(repository)
            }
            RawWeights::Files(files) => {
                let files = files.into_iter().map(|file| Ok(CheckpointFile { role: file.role, asset: file.asset.into_asset()? }));
                let files: Vec<CheckpointFile> = files.collect::<Result<_, BadFile>>()?;
                if !files.iter().any(|file| file.role == Role::Weights) {
                    return Err(BadCheckpoint::NoWeights);
                }
                Weights::Files(files)
            }
        };
        let RawCheckpoint { about, family, modality, format, licence, citation, source_classes, .. } = raw;
        Ok(Self { about, family, modality, format, licence, citation, source_classes, weights })
    }
}

impl Checkpoint {
    /// What it is, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The architecture that reads it.
    pub fn family(&self) -> &str {
        self.family.as_str()
    }

    /// What its inputs are.
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// How its weights are written.
    pub const fn format(&self) -> WeightFormat {
        self.format
    }

    /// As its files or their package state it.
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// Whom to cite.
    pub fn citation(&self) -> &str {
        &self.citation
    }

    /// Names of its source classes in the order of its outputs, where the table has them. A data set of these very classes
    /// shares its labels.
    pub fn source_classes(&self) -> Option<&[String]> {
        self.source_classes.as_deref()
    }

    /// Where its weights are.
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// All of its pinned files; none where it is built in or a repository.
    pub fn assets(&self) -> Vec<&Asset> {
        match &self.weights {
            Weights::BuiltIn(_) | Weights::Repository(_) => Vec::new(),
            Weights::Files(files) => files.iter().map(|file| &file.asset).collect(),
        }
    }

    /// The entry, with files that say whose they are.
    pub(super) fn named(mut self, name: &str) -> Self {
        if let Weights::Files(files) = &mut self.weights {
            *files = files.drain(..).map(|file| CheckpointFile { role: file.role, asset: file.asset.of(name) }).collect();
        }
        self
    }
}
