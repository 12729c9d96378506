//! What nothing learned changes is computed once: between epochs, trials, cells and runs.
//!
//! The constant half of a pass ([`reprogram_methods::Prepared`]) is kept item by item: in memory within a bound, and on disk
//! within another, in the cache folder. Rows are found by what they depend on and nothing else:
//!
//! ```text
//! scope   program and device, weights, cut, what is read, fixed parts, where images lie, classes and words
//! item    hash of its own pixels, or of its text as the model gets it
//! ```
//!
//! Files appear whole or not at all, and hold what their names hash to; several processes may share the folder. What is
//! lost or damaged is computed again.

mod keeping;
mod shard;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reprogram_methods::PreparedRow;

use crate::assets::Digest;
use crate::progress::say;
pub use keeping::Keeping;
use shard::Shard;

/// Rows wait in memory until they are this many bytes, or their scope ends; then they are written.
const BATCH: usize = 64 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of numbers in memory.
    pub memory: usize,
    /// Bytes of files, of all runs together.
    pub disk: u64,
}

/// Kept halves.
#[derive(Debug)]
pub struct Reuse {
    bounds: Bounds,
    folder: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    scopes: BTreeMap<Digest, Rows>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug, Default)]
struct Rows {
    memory: HashMap<Digest, Arc<PreparedRow>>,
    disk: HashMap<Digest, (Arc<Shard>, usize)>,
    shards: BTreeSet<PathBuf>,
    bytes: usize,
    used: u64,
}

/// The rows of one scope, as one trial uses them.
#[derive(Debug)]
pub struct Scope<'a> {
    reuse: &'a Reuse,
    id: Digest,
    /// Whether each item that was asked for was there at first.
    met: HashMap<Digest, bool>,
    unwritten: BTreeMap<Digest, Arc<PreparedRow>>,
}

impl Reuse {
    /// Kept in this folder, which need not exist.
    pub fn new(folder: PathBuf, bounds: Bounds) -> Self {
        Self { bounds, folder, kept: Mutex::default() }
    }

    /// How much is kept.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// What was kept for this scope, here or by any process that shares the folder.
    pub fn scope(&self, id: Digest) -> Scope<'_> {
        let mut kept = self.kept();
        kept.clock += 1;
        let clock = kept.clock;
        let rows = kept.scopes.entry(id).or_default();
        rows.used = clock;
        if self.bounds.disk > 0 {
            rows.look(&self.folder.join(id.to_string()));
        }
        Scope { reuse: self, id, met: HashMap::new(), unwritten: BTreeMap::new() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes rows, where the bound leaves room once the longest unused files of other scopes are gone.
    fn write(&self, id: Digest, rows: &[(Digest, Arc<PreparedRow>)]) -> std::io::Result<()> {
        let folder = self.folder.join(id.to_string());
        let bytes: u64 = rows.iter().map(|(_, row)| 4 * row.n_numbers() as u64).sum();
        let mut files = shard::all(&self.folder);
        let mut total: u64 = bytes + files.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        files.sort_by_key(|(_, _, used)| *used);
        for (path, bytes, _) in files.iter().filter(|(path, _, _)| path.parent() != Some(&folder)) {
            if total <= self.bounds.disk {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        if total > self.bounds.disk {
            return Ok(());
        }
        fs::create_dir_all(&folder)?;
        let (path, _) = shard::write(&folder, rows)?;
        if let Some(rows) = self.kept().scopes.get_mut(&id) {
            rows.open(path);
        }
        Ok(())
    }
}

impl Kept {
    /// Keeps a row in memory, at the expense of scopes that are not in use; not at that of its own, which is gone through
    /// from beginning to end again and again.
    fn admit(&mut self, id: Digest, digest: Digest, row: &Arc<PreparedRow>, bound: usize) {
        let bytes = 4 * row.n_numbers();
        while self.bytes + bytes > bound {
            let oldest = self.scopes.iter().filter(|(other, rows)| **other != id && rows.bytes > 0).min_by_key(|(_, rows)| rows.used);
            let Some((&oldest, _)) = oldest else { return };
            if let Some(rows) = self.scopes.remove(&oldest) {
                self.bytes -= rows.bytes;
            }
        }
        let rows = self.scopes.entry(id).or_default();
        if rows.memory.insert(digest, Arc::clone(row)).is_none() {
            rows.bytes += bytes;
            self.bytes += bytes;
        }
    }
}

impl Rows {
    /// Opens the files that are new in a folder.
    fn look(&mut self, folder: &Path) {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
        let mut paths: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")).collect();
        paths.sort();
        for path in paths {
            if !self.shards.contains(&path) {
                self.open(path);
            }
        }
    }

    fn open(&mut self, path: PathBuf) {
        match Shard::open(&path) {
            Ok(shard) => {
                shard::touch(&path);
                let shard = Arc::new(shard);
                self.disk.extend(shard.digests().enumerate().map(|(i, digest)| (digest, (Arc::clone(&shard), i))));
                self.shards.insert(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                say(&format!("warning: {}: {error}; it is removed, and computed again", path.display()));
                let _ = fs::remove_file(&path);
            }
        }
    }
}

impl Scope<'_> {
    /// The rows of items. Those that are nowhere are computed: `compute` gets their places in `digests`.
    pub fn rows<E>(
        &mut self,
        digests: &[Digest],
        compute: impl FnOnce(&[usize]) -> Result<Vec<PreparedRow>, E>,
    ) -> Result<Vec<Arc<PreparedRow>>, E> {
        let mut rows: Vec<Option<Arc<PreparedRow>>> = digests.iter().map(|digest| self.find(*digest)).collect();
        let mut missing: Vec<usize> = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            if row.is_none() && !missing.iter().any(|&other| digests[other] == digests[i]) {
                missing.push(i);
            }
        }
        for (digest, row) in digests.iter().zip(&rows) {
            self.met.entry(*digest).or_insert(row.is_some());
        }
        if !missing.is_empty() {
            for (&i, row) in missing.iter().zip(compute(&missing)?) {
                let row = Arc::new(row);
                self.reuse.kept().admit(self.id, digests[i], &row, self.reuse.bounds.memory);
                if self.reuse.bounds.disk > 0 {
                    self.unwritten.insert(digests[i], Arc::clone(&row));
                }
                for (seat, digest) in rows.iter_mut().zip(digests) {
                    if seat.is_none() && *digest == digests[i] {
                        *seat = Some(Arc::clone(&row));
                    }
                }
            }
            if 4 * self.unwritten.values().map(|row| row.n_numbers()).sum::<usize>() > BATCH {
                self.write();
            }
        }
        Ok(rows.into_iter().map(|row| row.expect("found or computed")).collect())
    }

    /// Items that were asked for and were there before they were computed here.
    pub fn n_reused(&self) -> usize {
        self.met.values().filter(|was_there| **was_there).count()
    }

    /// What its rows are found by.
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// Whether a row is there.
    pub fn has(&self, digest: Digest) -> bool {
        let kept = self.reuse.kept();
        let rows = kept.scopes.get(&self.id);
        self.unwritten.contains_key(&digest)
            || rows.is_some_and(|rows| rows.memory.contains_key(&digest) || rows.disk.contains_key(&digest))
    }

    fn find(&self, digest: Digest) -> Option<Arc<PreparedRow>> {
        if let Some(row) = self.unwritten.get(&digest) {
            return Some(Arc::clone(row));
        }
        let (shard, at) = {
            let kept = self.reuse.kept();
            let rows = kept.scopes.get(&self.id)?;
            if let Some(row) = rows.memory.get(&digest) {
                return Some(Arc::clone(row));
            }
            rows.disk.get(&digest).cloned()?
        };
        // A file that was removed while it is open is still read; one that cannot be read is computed again.
        let row = Arc::new(shard.row(at).ok()?);
        self.reuse.kept().admit(self.id, digest, &row, self.reuse.bounds.memory);
        Some(row)
    }

    fn write(&mut self) {
        let rows: Vec<_> = std::mem::take(&mut self.unwritten).into_iter().collect();
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.reuse.write(self.id, &rows) {
            say(&format!("warning: {}: {error}; nothing is lost but time", self.reuse.folder.display()));
        }
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const ROOMY: Bounds = Bounds { memory: 1 << 20, disk: 1 << 20 };

    fn digest(i: usize) -> Digest {
        Digest::of(&[i as u8])
    }

    /// Asks for items, and tells which had to be computed.
    fn ask(scope: &mut Scope<'_>, items: &[usize]) -> Vec<usize> {
        let digests: Vec<Digest> = items.iter().map(|&i| digest(i)).collect();
        let mut computed = Vec::new();
        let rows = scope.rows(&digests, |missing| {
            computed = missing.iter().map(|&at| items[at]).collect();
            Ok::<_, Infallible>(computed.iter().map(|&i| PreparedRow::Outputs(vec![i as f32; 100])).collect())
        });
        for (row, &i) in rows.unwrap_or_default().iter().zip(items) {
            assert_eq!(**row, PreparedRow::Outputs(vec![i as f32; 100]));
        }
        computed
    }

    #[test]
    fn a_row_is_computed_once_for_all_who_share_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let reuse = Reuse::new(folder.path().to_owned(), ROOMY);
        let mut scope = reuse.scope(digest(99));
        assert_eq!(ask(&mut scope, &[1, 2, 1]), [1, 2]);
        assert_eq!(ask(&mut scope, &[2, 3]), [3]);
        assert_eq!(scope.n_reused(), 0, "what was computed here was not there before");
        drop(scope);
        let mut scope = reuse.scope(digest(99));
        assert_eq!(ask(&mut scope, &[3, 4]), [4]);
        assert_eq!(scope.n_reused(), 1);
        drop(scope);
        let other_process = Reuse::new(folder.path().to_owned(), ROOMY);
        assert!(ask(&mut other_process.scope(digest(99)), &[4, 3, 2, 1]).is_empty());
        assert_eq!(ask(&mut other_process.scope(digest(98)), &[1]), [1], "another scope is another function");
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_read_or_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        for (disk, again) in [(1 << 20, vec![]), (0, vec![2, 3])] {
            let reuse = Reuse::new(folder.path().join(disk.to_string()), Bounds { memory: 800, disk });
            let mut scope = reuse.scope(digest(99));
            ask(&mut scope, &[0, 1, 2, 3]);
            assert_eq!(ask(&mut scope, &[0, 1, 2, 3]), again, "two rows fit");
            drop(scope);
            ask(&mut reuse.scope(digest(98)), &[7]);
            assert!(reuse.kept().bytes <= 800, "the scope that is in use pushes the other one out");
        }
    }

    #[test]
    fn files_are_bounded_and_the_longest_unused_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let new = || Reuse::new(folder.path().to_owned(), Bounds { memory: 0, disk: 1_600 });
        ask(&mut new().scope(digest(1)), &[1, 2]);
        ask(&mut new().scope(digest(2)), &[1, 2]);
        let total: u64 = shard::all(folder.path()).iter().map(|(_, bytes, _)| bytes).sum();
        assert!(total > 0 && total < 1_600);
        assert!(ask(&mut new().scope(digest(2)), &[1, 2]).is_empty());
        assert_eq!(ask(&mut new().scope(digest(1)), &[1, 2]), [1, 2]);
    }

    #[test]
    fn a_damaged_file_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        ask(&mut Reuse::new(folder.path().to_owned(), ROOMY).scope(digest(1)), &[1]);
        let (path, _, _) = shard::all(folder.path()).remove(0);
        fs::write(&path, b"garbage").unwrap();
        assert_eq!(ask(&mut Reuse::new(folder.path().to_owned(), ROOMY).scope(digest(1)), &[1]), [1]);
        assert!(Shard::open(&path).is_ok(), "written again");
    }
}
