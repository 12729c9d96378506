//! The folder of a sweep's results: records, outcomes and programs, each published whole or not at all.
//!
//! A file is written under a unique temporary name, synced, and hard-linked to its final name, which is never replaced:
//! a reader sees nothing or everything, and the first commit wins. The record is published last, so a trial without one
//! has not happened.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use polars::prelude::{ParquetReader, SerReader};
use reprogram_methods::NamedTensor;
use safetensors::tensor::{Dtype, TensorView};

use crate::outcomes;
use crate::record::{ExampleOutcome, Record, Status};
use crate::search::Tried;

/// Layout of the records.
pub const SCHEMA: u32 = 1;

/// Temporary files older than this were left by a killed process.
const STALE: Duration = Duration::from_hours(1);

/// A results folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system said no.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}\n  help: move the file away, and run the sweep again: only what is missing is computed", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// The file is new.
    First,
    /// It was there, and says the same.
    Same,
    /// It was there, and says something else: ours was put aside under `duplicates/`.
    Different,
}

/// One sweep's folder.
#[derive(Debug, Clone)]
pub struct ResultStore {
    folder: PathBuf,
}

impl ResultStore {
    /// Opens, and makes if need be, a sweep's folder. Left-over temporary files of killed processes are removed.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let store = Self { folder: folder.to_owned() };
        for kind in ["records", "outcomes", "programs", "tmp"] {
            let path = folder.join(kind);
            fs::create_dir_all(&path).map_err(|error| StoreError::Io { path, error })?;
        }
        store.sweep_temporary_files()?;
        Ok(store)
    }

    /// A folder that exists already, to be read.
    pub fn existing(folder: &Path) -> Result<Self, StoreError> {
        let records = folder.join("records");
        if records.is_dir() {
            return Ok(Self { folder: folder.to_owned() });
        }
        Err(StoreError::Damaged { path: folder.to_owned(), reason: "there is no folder `records` in it; it holds no results".to_owned() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record of a key, if there is one.
    pub fn record(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let path = self.path("records", key, "json");
        match fs::read(&path) {
            Ok(bytes) => parse(&path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Io { path, error }),
        }
    }

    /// All records, by key.
    pub fn records(&self) -> Result<BTreeMap<String, Record>, StoreError> {
        let folder = self.folder.join("records");
        let io = |error| StoreError::Io { path: folder.clone(), error };
        let mut records = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = fs::read(&path).map_err(|error| StoreError::Io { path: path.clone(), error })?;
                let record = parse(&path, &bytes)?;
                records.insert(record.key.clone(), record);
            }
        }
        Ok(records)
    }

    /// Records of trials that were computed again and say something else than the one that was first.
    pub fn reruns(&self) -> Result<Vec<Record>, StoreError> {
        let folder = self.folder.join("duplicates");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let io = |error| StoreError::Io { path: folder.clone(), error };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).map_err(io)? {
            paths.push(entry.map_err(io)?.path());
        }
        paths.sort();
        paths.iter().map(|path| parse(path, &fs::read(path).map_err(|error| StoreError::Io { path: path.clone(), error })?)).collect()
    }

    /// Publishes a trial: its outcomes and its program first, its record last. A failed trial's record may be replaced
    /// by a later success.
    pub fn commit(&self, record: &Record, examples: &[ExampleOutcome], program: &[NamedTensor]) -> Result<Commit, StoreError> {
        if matches!(record.status, Status::Ok { .. }) {
            self.publish("outcomes", &record.key, "parquet", &outcomes::parquet(examples))?;
            if !program.is_empty() {
                self.publish("programs", &record.key, "safetensors", &safetensors_bytes(program))?;
            }
            self.retire_failure(&record.key)?;
        }
        let mut bytes = serde_json::to_vec_pretty(record).expect("a record is plain data");
        bytes.push(b'\n');
        if self.publish("records", &record.key, "json", &bytes)? {
            return Ok(Commit::First);
        }
        match self.record(&record.key)? {
            Some(there) if there.same_numbers(record) => Ok(Commit::Same),
            Some(_) | None => {
                self.publish("duplicates", &format!("{}.{}", record.key, std::process::id()), "json", &bytes)?;
                Ok(Commit::Different)
            }
        }
    }

    /// What became of a point of a search, if it was tried.
    pub fn tried(&self, key: &str) -> Result<Option<Tried>, StoreError> {
        let path = self.path("searched", key, "json");
        match fs::read(&path) {
            Ok(bytes) => {
                let damaged = |error: serde_json::Error| StoreError::Damaged { path, reason: format!("not a point of a search: {error}") };
                serde_json::from_slice(&bytes).map(Some).map_err(damaged)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Io { path, error }),
        }
    }

    /// Publishes a point of a search; the first commit stays.
    pub fn commit_tried(&self, tried: &Tried) -> Result<(), StoreError> {
        let mut bytes = serde_json::to_vec_pretty(tried).expect("plain data");
        bytes.push(b'\n');
        self.publish("searched", &tried.key, "json", &bytes).map(|_| ())
    }

    /// Whether a trial's outcomes lie beside its record. Without them it is computed again.
    pub fn has_outcomes(&self, key: &str) -> bool {
        self.path("outcomes", key, "parquet").is_file()
    }

    /// Per-example outcomes of a trial.
    pub fn outcomes(&self, key: &str) -> Result<Vec<ExampleOutcome>, StoreError> {
        let path = self.path("outcomes", key, "parquet");
        let file = File::open(&path).map_err(|error| StoreError::Io { path: path.clone(), error })?;
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let frame = ParquetReader::new(file).finish().map_err(|error| damaged(error.to_string()))?;
        outcomes::read(&frame).map_err(|error| damaged(error.to_string()))
    }

    fn path(&self, kind: &str, key: &str, extension: &str) -> PathBuf {
        self.folder.join(kind).join(format!("{key}.{extension}"))
    }

    /// Puts a failed record of this key aside, so that a success can take its place.
    fn retire_failure(&self, key: &str) -> Result<(), StoreError> {
        if self.record(key)?.is_some_and(|record| matches!(record.status, Status::Failed { .. })) {
            let path = self.path("records", key, "json");
            fs::remove_file(&path).map_err(|error| StoreError::Io { path, error })?;
        }
        Ok(())
    }

    /// Whether the file is new. A file that is there is left alone.
    fn publish(&self, kind: &str, key: &str, extension: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let path = self.path(kind, key, extension);
        let io = |error| StoreError::Io { path: path.clone(), error };
        fs::create_dir_all(self.folder.join(kind)).map_err(io)?;
        let mut temporary = tempfile::Builder::new().prefix(key).tempfile_in(self.folder.join("tmp")).map_err(io)?;
        temporary.write_all(bytes).map_err(io)?;
        temporary.as_file().sync_all().map_err(io)?;
        let linked = match fs::hard_link(temporary.path(), &path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(_) => claim_and_rename(temporary.path(), &path).map_err(io)?,
        };
        File::open(self.folder.join(kind)).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(linked)
    }

    fn sweep_temporary_files(&self) -> Result<(), StoreError> {
        let folder = self.folder.join("tmp");
        let io = |error| StoreError::Io { path: folder.clone(), error };
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let age =
                entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > STALE) {
                fs::remove_file(entry.path()).map_err(io)?;
            }
        }
        Ok(())
    }
}

/// For file systems without hard links: whoever creates the final name first may rename onto it.
fn claim_and_rename(temporary: &Path, path: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => fs::rename(temporary, path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Record, StoreError> {
    let record: Record = serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Damaged { path: path.to_owned(), reason: format!("not a record: {error}") })?;
    if record.schema == SCHEMA {
        return Ok(record);
    }
    let reason = format!("its schema is {}, this program reads {SCHEMA}", record.schema);
    Err(StoreError::Damaged { path: path.to_owned(), reason })
}

fn safetensors_bytes(tensors: &[NamedTensor]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).expect("as many bytes as the shape says");
        (tensor.name.as_str(), view)
    });
    safetensors::serialize(views, None).expect("views are consistent")
}
