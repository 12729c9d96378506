//! Assets: files pinned by SHA-256 (those that nobody could look at are marked as unverified), each with one or more sources.
//!
//! A source is tried only when everything before it has failed: the cache, then the sources in the order in which they are
//! written (a local mirror folder, a package of a public index through its own client, a model hub, a URL). What arrives is
//! hashed while it streams into a temporary file and becomes visible only when size and hash are right, so that nothing
//! else is ever kept. What is already there is not fetched again.
//!
//! | environment variable | meaning |
//! |---|---|
//! | `REPROGRAM_CACHE` | the cache folder; otherwise `$XDG_CACHE_HOME/reprogram` or `~/.cache/reprogram` |
//! | `REPROGRAM_MIRROR` | a folder of files, looked at before anything is fetched |
//! | `REPROGRAM_PYTHON` | the Python whose pip is asked; otherwise `python3` |
//! | `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN` | as in every client of the model hub |

mod apt;
mod archive;
mod asset;
mod cache;
mod client;
mod digest;
mod error;
mod hub;
mod mirror;
mod npm;
mod pip;
mod presence;
mod progress;
mod repository;
mod settings;
mod store;
mod tar;
mod url;
mod words;

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tests;

pub use apt::AptMember;
pub use archive::{for_each_in_tarball, open_zip};
pub use asset::{Asset, Pin, Source};
pub use digest::{BadDigest, Digest};
pub use error::{AssetError, Reason, SourceFailure, grouped};
pub use hub::{HubFile, HubSettings, RepositoryKind};
pub use mirror::MirrorFile;
pub use npm::NpmMember;
pub use pip::{PipMember, Wheel};
pub use presence::Presence;
pub use progress::{Progress, Silent};
pub use repository::{HubRepository, RepositoryError};
pub use settings::{Network, Settings};
pub use store::{AssetStore, Obtained, Origin, Trust};
#[cfg(test)]
pub(crate) use tar::entry as tar_entry;
pub use url::UrlFile;
pub use words::{BadWord, MemberPath, Word};
