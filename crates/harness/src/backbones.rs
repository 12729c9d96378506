//! Checkpoints by name: registry table → files → a frozen model.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use memmap2::Mmap;
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, ConfigError, Frozen, Llama, LlamaError, PlainVit, Vit, VitError};

use crate::assets::{AssetError, AssetStore, Digest, Progress};
use crate::registry::{Registry, RegistryError, Role, WeightFormat, Weights as WeightSource};

/// The letters ViT, trained by `reprogram pretrain letters`.
const LETTERS_VIT: &[u8] = include_bytes!("../assets/letters-vit.safetensors");

/// A loaded checkpoint and what it is known by.
#[derive(Clone)]
pub struct LoadedBackbone {
    /// The model.
    pub backbone: Arc<dyn Backbone>,
    /// Hash of the weights file.
    pub weights_sha256: String,
}

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum BackboneError {
    /// No such name.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its files cannot be had.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// Its files cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Its files are not what they should be.
    #[error("backbone `{name}`: {reason}")]
    Damaged {
        /// The checkpoint.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No architecture reads it.
    #[error("backbone `{name}` is of family `{family}` in {format:?} format, which nothing here reads")]
    Family {
        /// The checkpoint.
        name: String,
        /// Its family.
        family: String,
        /// Its format.
        format: WeightFormat,
    },
}

/// Loads a checkpoint onto a device. A path to a GGUF file stands for itself.
pub fn load(
    name: &str,
    registry: &Registry,
    store: &AssetStore,
    device: &Device,
    progress: &dyn Progress,
) -> Result<LoadedBackbone, BackboneError> {
    if Path::new(name).extension().is_some_and(|extension| extension == "gguf") {
        let bytes = map(Path::new(name))?;
        return llama(name, &bytes, device);
    }
    let checkpoint = registry.checkpoint(name)?;
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    match (checkpoint.weights(), checkpoint.family(), checkpoint.format()) {
        (WeightSource::BuiltIn(which), "vit", WeightFormat::Safetensors) if which == "letters-vit" => letters_vit(name, device),
        (WeightSource::Files(files), "llama", WeightFormat::Gguf) => {
            let file = files.iter().find(|file| file.role == Role::Weights).ok_or_else(|| damaged("it names no weights".to_owned()))?;
            let path = store.obtain(&file.asset, progress)?;
            llama(name, &map(&path)?, device)
        }
        (_, family, format) => Err(BackboneError::Family { name: name.to_owned(), family: family.to_owned(), format }),
    }
}

fn llama(name: &str, bytes: &[u8], device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let model = Llama::from_gguf(bytes, name, device)
        .map_err(|error: LlamaError| BackboneError::Damaged { name: name.to_owned(), reason: error.to_string() })?;
    Ok(LoadedBackbone { backbone: Arc::new(model), weights_sha256: Digest::of(bytes).to_string() })
}

fn letters_vit(name: &str, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let model = embedded_vit(LETTERS_VIT, name, device).map_err(damaged)?;
    Ok(LoadedBackbone { backbone: Arc::new(Frozen::new(model)), weights_sha256: Digest::of(LETTERS_VIT).to_string() })
}

/// Reads a ViT whose configuration stands in the file's own metadata, under `config`.
fn embedded_vit(bytes: &[u8], name: &str, device: &Device) -> Result<Vit, String> {
    let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let config = metadata.metadata().as_ref().and_then(|metadata| metadata.get("config")).ok_or("its metadata has no `config`")?;
    let config: PlainVit = serde_json::from_str(config).map_err(|error| error.to_string())?;
    let config = config.try_into().map_err(|error: ConfigError| error.to_string())?;
    let weights = Weights::from_safetensors(bytes).map_err(|error| error.to_string())?;
    Vit::load(&config, name, weights, device).map_err(|error: VitError| error.to_string())
}

/// Maps a file into memory.
#[allow(unsafe_code)]
fn map(path: &Path) -> Result<Mmap, BackboneError> {
    let io = |error| BackboneError::Io { path: path.display().to_string(), error };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the bytes are read while the model is built and never kept. Another process that truncates the file in that
    // time ends this one (SIGBUS); cached assets are immutable and named by their hash, so nobody has reason to.
    unsafe { Mmap::map(&file) }.map_err(io)
}
