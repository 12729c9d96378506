//! The cache folder: files under their SHA-256, published whole or not at all.
//!
//! ```text
//! assets/<sha256>/<file name>     the file
//! assets/<sha256>/.verified       size and time of modification that it had when it was last hashed
//! assets/<sha256>/.lock           held while the file is fetched, so that many processes fetch it once
//! incoming/                       what has not been verified yet
//! ```

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use tempfile::{Builder, NamedTempFile, TempDir};

use super::store::Trust;
use super::{Asset, AssetError, Digest, Pin, Progress, Reason};

const CHUNK: usize = 1 << 18;
/// Leftovers of killed processes are younger than this only while they may still be at work.
const STALE: Duration = Duration::from_hours(24);

/// The cache folder.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
}

/// What is in the cache under an asset's digest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    Whole(PathBuf),
    Broken(Reason),
    Nothing,
}

/// Whose fault it is that nothing came: a source's, and the next one is tried, or the cache's, and all is over.
#[derive(Debug)]
pub(super) enum Trouble {
    Source(Reason),
    Cache(AssetError),
}

impl From<Reason> for Trouble {
    fn from(reason: Reason) -> Self {
        Self::Source(reason)
    }
}

impl Cache {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn path_of(&self, asset: &Asset) -> PathBuf {
        self.folder_of(asset).join(asset.file())
    }

    fn folder_of(&self, asset: &Asset) -> PathBuf {
        self.root.join("assets").join(asset.folder())
    }

    /// Looks without changing anything but the stamp.
    pub(super) fn look(&self, asset: &Asset, trust: Trust, progress: &dyn Progress) -> Result<Held, AssetError> {
        let path = self.path_of(asset);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::Nothing),
            Err(error) => return Err(AssetError::cache(&path, error)),
        };
        let (found, Pin::Content { bytes: expected, .. }) = (metadata.len(), asset.pin()) else { return Ok(Held::Whole(path)) };
        if found < expected {
            return Ok(Held::Broken(Reason::Truncated { found, expected }));
        }
        if found > expected {
            return Ok(Held::Broken(Reason::TooLong { expected }));
        }
        let stamp = stamp_of(&metadata);
        let stamped = stamp.is_some() && fs::read_to_string(self.stamp_path(asset)).ok() == stamp;
        if trust == Trust::Stamp && stamped {
            return Ok(Held::Whole(path));
        }
        let mut file = File::open(&path).map_err(|error| AssetError::cache(&path, error))?;
        match copy_hashed(&mut file, &mut io::sink(), asset, progress) {
            Ok(()) => {}
            Err(Flow::Source(reason)) => return Ok(Held::Broken(reason)),
            Err(Flow::Write(error)) => return Err(AssetError::cache(&path, error)),
        }
        self.stamp(asset, &metadata);
        Ok(Held::Whole(path))
    }

    /// Takes the asset's lock, waiting for whoever holds it. It is let go when the file is dropped.
    pub(super) fn lock(&self, asset: &Asset) -> Result<File, AssetError> {
        let folder = self.folder_of(asset);
        fs::create_dir_all(&folder).map_err(|error| AssetError::cache(&folder, error))?;
        let path = folder.join(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| AssetError::cache(&path, error))?;
        // Publication is atomic without the lock too, so a file system that has no locks only costs a second download.
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => file.lock().map_err(|error| AssetError::cache(&path, error))?,
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        Ok(file)
    }

    /// A temporary folder in the cache's file system, which goes away when it is dropped.
    pub(super) fn temporary_folder(&self) -> Result<TempDir, AssetError> {
        let incoming = self.incoming()?;
        Builder::new().prefix("package-").tempdir_in(&incoming).map_err(|error| AssetError::cache(&incoming, error))
    }

    /// Streams an asset in, and publishes it if its size and its hash are right.
    pub(super) fn receive(&self, asset: &Asset, content: &mut dyn Read, progress: &dyn Progress) -> Result<PathBuf, Trouble> {
        let incoming = self.incoming().map_err(Trouble::Cache)?;
        let at_cache = |error| Trouble::Cache(AssetError::cache(&incoming, error));
        let mut file = Builder::new().prefix("file-").make_in(&incoming, |path| File::create_new(path)).map_err(at_cache)?;
        match copy_hashed(content, &mut file, asset, progress) {
            Ok(()) => {}
            Err(Flow::Source(reason)) => return Err(Trouble::Source(reason)),
            Err(Flow::Write(error)) => return Err(at_cache(error)),
        }
        file.as_file().sync_all().map_err(at_cache)?;
        self.publish(asset, file).map_err(Trouble::Cache)
    }

    fn publish(&self, asset: &Asset, file: NamedTempFile) -> Result<PathBuf, AssetError> {
        let (folder, path) = (self.folder_of(asset), self.path_of(asset));
        let at_path = |error| AssetError::cache(&path, error);
        fs::create_dir_all(&folder).map_err(at_path)?;
        if fs::hard_link(file.path(), &path).is_err() {
            // There already (and broken, or we would not be here), or a file system without hard links.
            fs::rename(file.path(), &path).map_err(at_path)?;
        }
        drop(file);
        if let Ok(folder) = File::open(&folder) {
            // Makes the name last as well; not every system can.
            let _ = folder.sync_all();
        }
        self.stamp(asset, &fs::metadata(&path).map_err(at_path)?);
        Ok(path)
    }

    /// Remembers that the file was hashed. A cache that is shared and read-only works without: it is hashed each time.
    fn stamp(&self, asset: &Asset, metadata: &Metadata) {
        if let Some(stamp) = stamp_of(metadata) {
            let _ = fs::write(self.stamp_path(asset), stamp);
        }
    }

    fn stamp_path(&self, asset: &Asset) -> PathBuf {
        self.folder_of(asset).join(".verified")
    }

    /// The folder for what is not verified yet, without what killed processes have left there.
    fn incoming(&self) -> Result<PathBuf, AssetError> {
        let incoming = self.root.join("incoming");
        fs::create_dir_all(&incoming).map_err(|error| AssetError::cache(&incoming, error))?;
        for entry in fs::read_dir(&incoming).map_err(|error| AssetError::cache(&incoming, error))?.flatten() {
            let age =
                entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| SystemTime::now().duration_since(time).ok());
            if age.is_some_and(|age| age > STALE) {
                let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
            }
        }
        Ok(incoming)
    }
}

enum Flow {
    Source(Reason),
    Write(io::Error),
}

fn copy_hashed(content: &mut dyn Read, to: &mut dyn Write, asset: &Asset, progress: &dyn Progress) -> Result<(), Flow> {
    let pin = asset.pin();
    let mut hasher = Sha256::new();
    let mut found = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Flow::Source(Reason::ended(found, pin, &error))),
            Err(error) => return Err(Flow::Source(Reason::read(&error))),
        };
        found += n as u64;
        if let Pin::Content { bytes: expected, .. } = pin
            && found > expected
        {
            return Err(Flow::Source(Reason::TooLong { expected }));
        }
        hasher.update(&buffer[..n]);
        to.write_all(&buffer[..n]).map_err(Flow::Write)?;
        progress.advanced(asset.name(), found);
    }
    let Pin::Content { bytes, sha256: expected } = pin else { return Ok(()) };
    if found < bytes {
        return Err(Flow::Source(Reason::Truncated { found, expected: bytes }));
    }
    let found = Digest::from_hasher(hasher);
    if found == expected { Ok(()) } else { Err(Flow::Source(Reason::WrongHash { found, expected })) }
}

/// What a file looks like from outside; `None` where the system does not say.
fn stamp_of(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} bytes, modified {}\n", metadata.len(), modified.as_nanos()))
}
