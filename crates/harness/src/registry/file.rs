//! A pinned file as it is written in a table.

use serde::Deserialize;

use crate::assets::{Asset, AssetError, BadWord, Digest, Pin, Source};

/// An asset before its table's name is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawFile {
    file: String,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(default)]
    sha256: Option<Digest>,
    sources: Vec<Source>,
}

/// A file that cannot come from anywhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("`{0}` has no `sources`; help: name at least one of mirror, pip, npm, apt, hub, url")]
    NoSource(String),
    #[error(
        "`{0}` lacks `bytes`, `sha256` or both; help: give both, or, where nobody could look, say `unverified = true` in the data set's table"
    )]
    Unpinned(String),
    #[error(transparent)]
    Asset(#[from] AssetError),
    #[error(transparent)]
    Word(#[from] BadWord),
}

impl RawFile {
    /// The asset, which must be pinned.
    pub(super) fn into_asset(self) -> Result<Asset, BadFile> {
        let unpinned = BadFile::Unpinned(self.file.clone());
        let asset = self.into_any_asset()?;
        match asset.pin() {
            Pin::Content { .. } => Ok(asset),
            Pin::Unverified => Err(unpinned),
        }
    }

    /// The asset, which is unverified where it has neither size nor digest.
    pub(super) fn into_any_asset(self) -> Result<Asset, BadFile> {
        let pin = match (self.bytes, self.sha256) {
            (Some(bytes), Some(sha256)) => Pin::Content { bytes, sha256 },
            (None, None) => Pin::Unverified,
            (Some(_), None) | (None, Some(_)) => return Err(BadFile::Unpinned(self.file)),
        };
        if self.sources.is_empty() {
            return Err(BadFile::NoSource(self.file));
        }
        Ok(Asset::pinned(&self.file, &self.file, pin, self.sources)?)
    }
}
