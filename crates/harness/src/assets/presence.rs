//! Whether an asset is on this machine, by a look at sizes: nothing is read, hashed or fetched.

use std::fs;
use std::path::Path;

use super::{Asset, AssetStore, Source};

/// Where an asset is, as far as a look tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// In the cache.
    Cache,
    /// In the mirror folder.
    Mirror,
    /// In the hub's own cache.
    Hub,
    /// Not on this machine.
    Elsewhere,
}

impl Presence {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Mirror => "mirror",
            Self::Hub => "hub's cache",
            Self::Elsewhere => "–",
        }
    }
}

impl AssetStore {
    /// Where a file of the asset's size is.
    pub fn presence(&self, asset: &Asset) -> Presence {
        let has_size = |path: &Path| fs::metadata(path).is_ok_and(|metadata| asset.bytes().is_none_or(|bytes| metadata.len() == bytes));
        if has_size(&self.path_of(asset)) {
            return Presence::Cache;
        }
        let settings = self.settings();
        let found = asset.sources().iter().find_map(|source| match source {
            Source::Mirror(file) => {
                settings.mirror.as_ref().is_some_and(|mirror| has_size(&mirror.join(file.path.as_str()))).then_some(Presence::Mirror)
            }
            Source::Hub(file) => file.cached(&settings.hub).is_some_and(|path| has_size(&path)).then_some(Presence::Hub),
            Source::Pip(_) | Source::Npm(_) | Source::Apt(_) | Source::Url(_) => None,
        });
        found.unwrap_or(Presence::Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::{Digest, MemberPath, MirrorFile, Network, Settings, Silent};

    #[test]
    fn a_file_is_seen_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("cache"), Network::Forbidden);
        settings.mirror = Some(folder.path().to_owned());
        let store = AssetStore::new(settings);
        let path = MemberPath::try_from("a.txt").unwrap();
        let asset = Asset::new("a", "a.txt", 3, Digest::of(b"abc"), vec![Source::Mirror(MirrorFile { path })]).unwrap();
        assert_eq!(store.presence(&asset), Presence::Elsewhere);
        fs::write(folder.path().join("a.txt"), "ab").unwrap();
        assert_eq!(store.presence(&asset), Presence::Elsewhere, "another size");
        fs::write(folder.path().join("a.txt"), "abc").unwrap();
        assert_eq!(store.presence(&asset), Presence::Mirror);
        store.obtain(&asset, &Silent).unwrap();
        assert_eq!(store.presence(&asset), Presence::Cache);
    }
}
