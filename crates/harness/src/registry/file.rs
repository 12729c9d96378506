//! A pinned file as it is written in a table.

use serde::Deserialize;

use crate::assets::{Asset, AssetError, BadWord, Digest, Source};

/// An asset before its table's name is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawFile {
    file: String,
    bytes: u64,
    sha256: Digest,
    sources: Vec<Source>,
}

/// A file that cannot come from anywhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("`{0}` has no `sources`; help: name at least one of mirror, pip, npm, apt, hub, url")]
    NoSource(String),
    #[error(transparent)]
    Asset(#[from] AssetError),
    #[error(transparent)]
    Word(#[from] BadWord),
}

impl RawFile {
    pub(super) fn into_asset(self) -> Result<Asset, BadFile> {
        if self.sources.is_empty() {
            return Err(BadFile::NoSource(self.file));
        }
        Ok(Asset::new(&self.file, &self.file, self.bytes, self.sha256, self.sources)?)
    }
}
