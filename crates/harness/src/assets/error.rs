//! Why an asset could not be obtained, source by source, and what to do about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::{Asset, Digest, Pin};

/// Why an asset could not be obtained.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// Every source failed.
    #[error("{}", lay_out(.name, *.pin, .failures, .by_hand))]
    NotObtained {
        /// The asset's name.
        name: String,
        /// What is known of its content.
        pin: Pin,
        /// What each source said, in the order in which they were tried.
        failures: Vec<SourceFailure>,
        /// Where a file put by hand would be found.
        by_hand: PathBuf,
    },
    /// The cache folder does not work.
    #[error(
        "the cache at {} cannot be used: {error}\nhelp: set REPROGRAM_CACHE to a folder that can be written to, with enough room", .path.display()
    )]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Nothing says where the cache is.
    #[error("no cache folder: none of REPROGRAM_CACHE, XDG_CACHE_HOME and HOME is set\nhelp: set REPROGRAM_CACHE to a folder")]
    NoCacheFolder,
    /// The file name would not stay in its folder of the cache.
    #[error("asset `{name}`: `{file}` is not a plain file name\nhelp: no `/`, and no `.` at the beginning")]
    BadFileName {
        /// The asset's name.
        name: String,
        /// What was written.
        file: String,
    },
}

/// What one source said.
#[derive(Debug)]
pub struct SourceFailure {
    /// The source, in words.
    pub source: String,
    /// Why it gave nothing.
    pub reason: Reason,
}

/// Why a source gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The network is forbidden.
    #[error("not asked, because --offline forbids it")]
    Offline,
    /// There is no mirror.
    #[error("not asked, because REPROGRAM_MIRROR is not set")]
    NoMirror,
    /// The file is not there.
    #[error("no such file: {}", .0.display())]
    NoFile(PathBuf),
    /// It ended too early.
    #[error("truncated: {} of {} bytes", grouped(*.found), grouped(*.expected))]
    Truncated {
        /// Bytes that arrived.
        found: u64,
        /// Bytes that the registry says.
        expected: u64,
    },
    /// It did not end in time.
    #[error("too long: more than the expected {} bytes", grouped(*.expected))]
    TooLong {
        /// Bytes that the registry says.
        expected: u64,
    },
    /// It is another file.
    #[error("wrong content: sha256 {found}, expected {expected}")]
    WrongHash {
        /// Its digest.
        found: Digest,
        /// The registry's digest.
        expected: Digest,
    },
    /// The package client is not on this machine.
    #[error("`{client}` is not installed")]
    ClientMissing {
        /// The program.
        client: String,
        /// What brings it.
        install: &'static str,
    },
    /// The package client said no.
    #[error("`{command}` failed ({status}): {said}")]
    ClientFailed {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// The package client left something else than one file.
    #[error("`{command}` left {found} files instead of one")]
    NotOneFile {
        /// What was run.
        command: String,
        /// Files found.
        found: usize,
    },
    /// The archive lacks the member.
    #[error("the archive has no member `{member}`")]
    NoMember {
        /// What was looked for.
        member: String,
    },
    /// The archive holds a member that would be written outside of the folder it is unpacked to.
    #[error("the archive is refused, because its member `{member}` leaves the archive's folder")]
    Escapes {
        /// The member.
        member: String,
    },
    /// The archive is broken.
    #[error("the archive cannot be read: {said}")]
    Archive {
        /// What is wrong with it.
        said: String,
    },
    /// The server said no.
    #[error("the server answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
    },
    /// The request did not come through.
    #[error("the request failed: {said}")]
    Request {
        /// What is wrong.
        said: String,
    },
    /// A file or a stream broke.
    #[error("reading failed: {said}")]
    Read {
        /// What the system said.
        said: String,
    },
}

impl Reason {
    /// What to do about it.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Offline => Some("drop --offline".to_owned()),
            Self::NoMirror => Some("set REPROGRAM_MIRROR to a folder that holds the file at the mirror path above".to_owned()),
            Self::ClientMissing { install, .. } => Some((*install).to_owned()),
            Self::ClientFailed { .. } | Self::Request { .. } => Some("check the network, and the proxy settings of the client".to_owned()),
            Self::Status { status: 401 | 403 } => Some("set HF_TOKEN to a token that may read the repository".to_owned()),
            Self::WrongHash { .. } | Self::TooLong { .. } => Some(
                "the source holds another version of the file; pin its sha256 and bytes in the registry only if you trust it".to_owned(),
            ),
            Self::Truncated { .. } | Self::Read { .. } => Some("try again".to_owned()),
            Self::Status { .. }
            | Self::NoFile(_)
            | Self::NotOneFile { .. }
            | Self::NoMember { .. }
            | Self::Escapes { .. }
            | Self::Archive { .. } => None,
        }
    }

    /// Whether a file or an archive was there, and was not what is pinned.
    const fn is_of_another_content(&self) -> bool {
        match self {
            Self::Truncated { .. }
            | Self::TooLong { .. }
            | Self::WrongHash { .. }
            | Self::NoMember { .. }
            | Self::Escapes { .. }
            | Self::Archive { .. } => true,
            Self::Offline
            | Self::NoMirror
            | Self::NoFile(_)
            | Self::ClientMissing { .. }
            | Self::ClientFailed { .. }
            | Self::NotOneFile { .. }
            | Self::Status { .. }
            | Self::Request { .. }
            | Self::Read { .. } => false,
        }
    }

    /// A stream ended too early, or broke where nobody knows how long it is.
    pub(super) fn ended(found: u64, pin: Pin, error: &io::Error) -> Self {
        match pin {
            Pin::Content { bytes: expected, .. } => Self::Truncated { found, expected },
            Pin::Unverified => Self::read(error),
        }
    }

    /// A stream broke.
    pub(super) fn read(error: &io::Error) -> Self {
        Self::Read { said: error.to_string() }
    }

    /// An archive is broken.
    pub(super) fn archive(error: impl std::fmt::Display) -> Self {
        Self::Archive { said: error.to_string() }
    }
}

impl AssetError {
    /// Whether a source gave something else than what is pinned, not nothing.
    pub fn is_of_another_content(&self) -> bool {
        match self {
            Self::NotObtained { failures, .. } => failures.iter().any(|failure| failure.reason.is_of_another_content()),
            Self::Cache { .. } | Self::NoCacheFolder | Self::BadFileName { .. } => false,
        }
    }

    /// Every source failed.
    pub(super) fn not_obtained(asset: &Asset, failures: Vec<SourceFailure>, by_hand: PathBuf) -> Self {
        Self::NotObtained { name: asset.name().to_owned(), pin: asset.pin(), failures, by_hand }
    }

    /// The cache does not work.
    pub(super) fn cache(path: &Path, error: io::Error) -> Self {
        Self::Cache { path: path.to_owned(), error }
    }
}

/// A number with its thousands set apart: `98,362,432`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn lay_out(name: &str, pin: Pin, failures: &[SourceFailure], by_hand: &Path) -> String {
    let content = match pin {
        Pin::Content { bytes, sha256 } => format!("{} bytes, sha256 {sha256}", grouped(bytes)),
        Pin::Unverified => "unverified: neither its size nor its sha256 is known".to_owned(),
    };
    let mut text = format!("asset `{name}` could not be obtained ({content})");
    let mut helps = BTreeSet::new();
    for failure in failures {
        let _ = write!(text, "\n  {}: {}", failure.source, failure.reason);
        helps.extend(failure.reason.help());
    }
    for help in helps {
        let _ = write!(text, "\nhelp: {help}");
    }
    let _ = write!(text, "\nhelp: or put the file by hand at {}", by_hand.display());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 98_362_432].map(grouped), ["0", "999", "1,000", "98,362,432"]);
    }
}
