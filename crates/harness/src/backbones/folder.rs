//! A folder in the model hub's layout, as `save_pretrained` or a download leaves it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use reprogram_models::HubFiles;
use reprogram_models::weights::{ShardIndex, Weights};

use super::{BackboneError, Mapped, map};
use crate::assets::Digest;
use crate::registry::Role;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const OPEN_CLIP: &str = "open_clip_model.safetensors";
const PICKLED: &str = "pytorch_model.bin";

/// The files of a folder that a model is made of.
pub(super) struct HubFolder {
    name: String,
    pub(super) files: HubFiles,
    weights: StoredWeights,
}

enum StoredWeights {
    Single(Mapped),
    Shards(ShardIndex, Vec<(String, Mapped)>),
    Pickled(Mapped),
}

impl HubFolder {
    /// Opens what is there. Weights are looked for in the hub's own order: one safetensors file, an index of several, a
    /// PyTorch file.
    pub(super) fn open(path: &Path) -> Result<Self, BackboneError> {
        let damaged = |reason: String| BackboneError::Damaged { name: path.display().to_string(), reason };
        let files = HubFiles::collect(|file| read(path, file))?;
        let single = [SINGLE, OPEN_CLIP].into_iter().map(|file| path.join(file)).find(|file| file.is_file());
        let weights = if let Some(file) = single {
            StoredWeights::Single(map(&file)?)
        } else if let Some(index) = read(path, INDEX)? {
            let index = ShardIndex::parse(&index).map_err(|error| damaged(format!("{INDEX}: {error}")))?;
            let present = index.files().filter(|file| path.join(file).is_file());
            let shards = present.map(|file| Ok((file.to_owned(), map(&path.join(file))?))).collect::<Result<_, BackboneError>>()?;
            StoredWeights::Shards(index, shards)
        } else if path.join(PICKLED).is_file() {
            StoredWeights::Pickled(map(&path.join(PICKLED))?)
        } else {
            return Err(damaged(format!("the folder has no weights\n  help: `{SINGLE}`, `{INDEX}` with its files, or `{PICKLED}`")));
        };
        Ok(Self { name: path.display().to_string(), files, weights })
    }

    /// The same of files that lie anywhere.
    pub(super) fn of_files(name: &str, files: &[(Role, PathBuf)]) -> Result<Self, BackboneError> {
        let path = |wanted: Option<Role>| files.iter().find(|(role, _)| Some(*role) == wanted).map(|(_, path)| path);
        let no_weights = || BackboneError::Damaged { name: name.to_owned(), reason: "its table names no weights".to_owned() };
        let weights = map(path(Some(Role::Weights)).ok_or_else(no_weights)?)?;
        let read = |file| match path(Role::of_hub_file(file)) {
            Some(path) => fs::read(path).map(Some).map_err(|error| BackboneError::Io { path: path.display().to_string(), error }),
            None => Ok(None),
        };
        Ok(Self { name: name.to_owned(), files: HubFiles::collect(read)?, weights: StoredWeights::Single(weights) })
    }

    /// All tensors.
    pub(super) fn weights(&self) -> Result<Weights<'_>, BackboneError> {
        let damaged = |file: &str, error: &dyn std::fmt::Display| BackboneError::Damaged {
            name: self.name.clone(),
            reason: format!("{file}: {error}"),
        };
        match &self.weights {
            StoredWeights::Single(bytes) => Weights::from_safetensors(bytes).map_err(|error| damaged(SINGLE, &error)),
            StoredWeights::Pickled(bytes) => Weights::from_torch(bytes).map_err(|error| damaged(PICKLED, &error)),
            StoredWeights::Shards(index, shards) => {
                let mut opened = Vec::with_capacity(shards.len());
                for (file, bytes) in shards {
                    opened.push((file.clone(), Weights::from_safetensors(bytes).map_err(|error| damaged(file, &error))?));
                }
                Weights::join(opened, index).map_err(|error| damaged(INDEX, &error))
            }
        }
    }

    /// Lets go of the memory behind tensors that were decoded.
    pub(super) fn release(&self, part: &[u8]) {
        match &self.weights {
            StoredWeights::Single(bytes) | StoredWeights::Pickled(bytes) => bytes.release(part),
            StoredWeights::Shards(_, shards) => shards.iter().for_each(|(_, bytes)| bytes.release(part)),
        }
    }

    /// The hash of a list of the hashes of all files that the function depends on.
    pub(super) fn digest(&self) -> Digest {
        let mut list = String::new();
        let mut add = |name: &str, bytes: &[u8]| {
            let _ = writeln!(list, "{name} {}", Digest::of(bytes));
        };
        self.files.iter().for_each(|(name, bytes)| add(name, bytes));
        match &self.weights {
            StoredWeights::Single(bytes) => add(SINGLE, bytes),
            StoredWeights::Pickled(bytes) => add(PICKLED, bytes),
            StoredWeights::Shards(_, shards) => shards.iter().for_each(|(name, bytes)| add(name, bytes)),
        }
        Digest::of(list.as_bytes())
    }
}

fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, BackboneError> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackboneError::Io { path: path.display().to_string(), error }),
    }
}
