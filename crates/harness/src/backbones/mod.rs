//! Checkpoints by name: registry table → files → a frozen model.

mod folder;
mod mapped;
mod own_layout;
mod pass;
mod resampling;
mod tiny_clip;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use reprogram_models::weights::{Gguf, Weights};
use reprogram_models::{Backbone, ConfigError, Frozen, HubCheckpoint, Llama, LlamaError, Pixels, PlainVit, Storage, Vit, VitError};

use folder::HubFolder;
pub use mapped::{Mapped, map};
use own_layout::OwnLayout;

use crate::assets::{AssetError, Digest, HubRepository, RepositoryError};
use crate::device::Numbers;
use crate::plan::Workshop;
use crate::registry::{RegistryError, Role, WeightFormat, Weights as WeightSource};
use crate::resample::Kernel;

/// The letters ViT, trained by `reprogram pretrain letters`.
const LETTERS_VIT: &[u8] = include_bytes!("../../assets/letters-vit.safetensors");

/// A loaded checkpoint and what it is known by.
#[derive(Clone)]
pub struct LoadedBackbone {
    /// The model.
    pub backbone: Arc<dyn Backbone>,
    /// Hash of the weights file.
    pub weights_sha256: String,
    /// Names of its source classes, where they are known.
    pub source_classes: Option<Vec<String>>,
    /// By what images are brought to size for it: as its files declare it, bilinear where they declare nothing.
    pub kernel: Kernel,
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
    /// The hub does not give it.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
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

/// Loads a checkpoint onto a device. The path of a GGUF file or of a folder in the hub's layout stands for itself, and so does
/// `hub:OWNER/NAME@COMMIT`.
pub fn load(name: &str, workshop: &Workshop<'_>) -> Result<LoadedBackbone, BackboneError> {
    let Workshop { registry, store, device, numbers: Numbers { storage, .. }, progress } = *workshop;
    if Path::new(name).extension().is_some_and(|extension| extension == "gguf") {
        let bytes = map(Path::new(name))?;
        return llama(name, &bytes, storage, device);
    }
    if let Some(repository) = HubRepository::parse(name) {
        return of_repository(name, &repository?, workshop);
    }
    if Path::new(name).is_dir() {
        return of_folder(name, &HubFolder::open(Path::new(name))?, storage, device);
    }
    let checkpoint = registry.checkpoint(name)?;
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let loaded = match (checkpoint.weights(), checkpoint.family(), checkpoint.format()) {
        (WeightSource::BuiltIn(which), "vit", WeightFormat::Safetensors) if which == "letters-vit" => letters_vit(name, storage, device),
        (WeightSource::BuiltIn(which), "clip", WeightFormat::Safetensors) if which == "tiny-clip-cifar" => {
            tiny_clip::load(name, storage, device)
        }
        (WeightSource::Files(files), "llama", WeightFormat::Gguf) => {
            let file = files.iter().find(|file| file.role == Role::Weights).ok_or_else(|| damaged("it names no weights".to_owned()))?;
            let path = store.obtain(&file.asset, progress)?;
            llama(name, &map(&path)?, storage, device)
        }
        (WeightSource::Files(files), _, WeightFormat::Folder) => {
            let obtained = files.iter().map(|file| Ok((file.role, store.obtain(&file.asset, progress)?)));
            let obtained: Vec<(Role, PathBuf)> = obtained.collect::<Result<_, AssetError>>()?;
            of_folder(name, &HubFolder::of_files(name, &obtained)?, storage, device)
        }
        (WeightSource::Files(files), family, WeightFormat::Pytorch | WeightFormat::Onnx)
            if let Some(layout) = OwnLayout::of_family(family) =>
        {
            let roles = [Role::Weights, Role::Preprocessor, Role::Head];
            let wanted = roles.iter().filter_map(|role| files.iter().find(|file| file.role == *role));
            let mapped: Vec<Mapped> = wanted.map(|file| map(&store.obtain(&file.asset, progress)?)).collect::<Result<_, _>>()?;
            layout.load(name, &mapped, storage, device)
        }
        (WeightSource::Repository(repository), _, WeightFormat::Folder) => of_repository(name, repository, workshop),
        (_, family, format) => Err(BackboneError::Family { name: name.to_owned(), family: family.to_owned(), format }),
    };
    loaded.map(|loaded| LoadedBackbone { source_classes: checkpoint.source_classes().map(<[String]>::to_vec), ..loaded })
}

/// Whether a folder has all that a model needs, as far as its files tell without being decoded.
pub fn is_whole(folder: &Path) -> bool {
    HubFolder::open(folder).is_ok_and(|folder| folder.weights().is_ok())
}

fn of_repository(name: &str, repository: &HubRepository, workshop: &Workshop<'_>) -> Result<LoadedBackbone, BackboneError> {
    let folder = workshop.store.repository(repository, &is_whole, workshop.progress)?;
    of_folder(name, &HubFolder::open(&folder)?, workshop.numbers.storage, workshop.device)
}

/// Loads a folder in the hub's layout, fed with pixels before or behind its own normalisation.
pub fn load_folder(path: &Path, pixels: Pixels, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    built_of(&path.display().to_string(), &HubFolder::open(path)?, pixels, storage, device)
}

fn of_folder(name: &str, folder: &HubFolder, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    built_of(name, folder, Pixels::Raw, storage, device)
}

fn built_of(name: &str, folder: &HubFolder, pixels: Pixels, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let digest = folder.digest();
    let release = |part: &[u8]| folder.release(part);
    let checkpoint = HubCheckpoint { files: &folder.files, weights: folder.weights()?.releasing(&release).kept_as(storage), pixels };
    let backbone = checkpoint.load(name, device);
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let backbone = backbone.map_err(|error| damaged(error.to_string()))?;
    let kernel = match pixels {
        Pixels::Raw => resampling::of_files(&folder.files).map_err(|(file, error)| damaged(format!("{file}: {error}")))?,
        Pixels::Normalised => Kernel::Bilinear,
    };
    Ok(LoadedBackbone { backbone, weights_sha256: digest.to_string(), source_classes: None, kernel })
}

fn llama(name: &str, file: &Mapped, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let digest = Digest::of(file);
    let release = |part: &[u8]| file.release(part);
    let gguf = Gguf::parse(file).map_err(LlamaError::from);
    let model = gguf.and_then(|gguf| Llama::from_gguf(&gguf.releasing(&release).kept_as(storage), name, device));
    let model = model.map_err(|error| BackboneError::Damaged { name: name.to_owned(), reason: error.to_string() })?;
    Ok(LoadedBackbone { backbone: Arc::new(model), weights_sha256: digest.to_string(), source_classes: None, kernel: Kernel::Bilinear })
}

fn letters_vit(name: &str, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let model = embedded_vit(LETTERS_VIT, name, storage, device).map_err(damaged)?;
    let backbone = Arc::new(Frozen::new(model));
    let weights_sha256 = Digest::of(LETTERS_VIT).to_string();
    Ok(LoadedBackbone { backbone, weights_sha256, source_classes: None, kernel: Kernel::Bilinear })
}

/// Reads a ViT whose configuration stands in the file's own metadata, under `config`.
fn embedded_vit(bytes: &[u8], name: &str, storage: Storage, device: &Device) -> Result<Vit, String> {
    let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let config = metadata.metadata().as_ref().and_then(|metadata| metadata.get("config")).ok_or("its metadata has no `config`")?;
    let config: PlainVit = serde_json::from_str(config).map_err(|error| error.to_string())?;
    let config = config.try_into().map_err(|error: ConfigError| error.to_string())?;
    let weights = Weights::from_safetensors(bytes).map_err(|error| error.to_string())?.kept_as(storage);
    Vit::load(&config, name, weights, device).map_err(|error: VitError| error.to_string())
}
