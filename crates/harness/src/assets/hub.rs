//! A file of a model hub repository, through the ecosystem's client.
//!
//! What other programs have put into the hub's own cache is used. What is downloaded here goes through a temporary folder
//! into this program's cache, so that a file with a wrong hash stays nowhere and no file lies on the disk twice.

use std::fmt;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;

use super::{MemberPath, Progress, Reason, Word, url};

/// A file of a repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HubFile {
    /// `owner/name`.
    pub repo: Word,
    /// A commit, so that it stays what it is.
    pub revision: Word,
    /// The path inside of the repository.
    pub path: MemberPath,
    /// What the repository holds.
    #[serde(default)]
    pub kind: RepositoryKind,
}

/// What a hub repository holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryKind {
    /// Weights.
    #[default]
    Model,
    /// A data set.
    Dataset,
}

/// How the hub is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubSettings {
    /// The hub's own cache folder, which is only read.
    pub cache: Option<PathBuf>,
    /// Another address than the public hub's.
    pub endpoint: Option<String>,
    /// What opens gated repositories.
    pub token: Option<String>,
}

impl HubFile {
    /// The file, if another program has already put it into the hub's cache.
    pub(super) fn cached(&self, settings: &HubSettings) -> Option<PathBuf> {
        let cache = Cache::new(settings.cache.clone()?);
        cache.repo(self.repository()).get(self.path.as_str())
    }

    /// Downloads the file into `folder`.
    pub(super) fn download(&self, settings: &HubSettings, folder: &Path, name: &str, progress: &dyn Progress) -> Result<PathBuf, Reason> {
        let mut builder = ApiBuilder::from_cache(Cache::new(folder.to_owned())).with_token(settings.token.clone());
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        let api = builder.build().map_err(|error| reason(&error))?;
        let bridge = Bridge { name, progress, arrived: 0 };
        api.repo(self.repository()).download_with_progress(self.path.as_str(), bridge).map_err(|error| reason(&error))
    }

    fn repository(&self) -> Repo {
        let kind = match self.kind {
            RepositoryKind::Model => RepoType::Model,
            RepositoryKind::Dataset => RepoType::Dataset,
        };
        Repo::with_revision(self.repo.to_string(), kind, self.revision.to_string())
    }
}

pub(super) struct Bridge<'a> {
    pub(super) name: &'a str,
    pub(super) progress: &'a dyn Progress,
    pub(super) arrived: u64,
}

impl hf_hub::api::Progress for Bridge<'_> {
    fn init(&mut self, _size: usize, _file: &str) {
        self.arrived = 0;
    }

    fn update(&mut self, size: usize) {
        self.arrived += size as u64;
        self.progress.advanced(self.name, self.arrived);
    }

    fn finish(&mut self) {}
}

/// What the hub's client said, in this program's words.
pub(super) fn reason(error: &ApiError) -> Reason {
    match error {
        ApiError::RequestError(error) => url::request_failed(error),
        ApiError::TooManyRetries(error) => reason(error),
        ApiError::IoError(error) => Reason::read(error),
        other => Reason::Request { said: other.to_string() },
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.repo, self.revision, self.path)
    }
}
