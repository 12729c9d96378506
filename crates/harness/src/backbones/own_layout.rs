//! Checkpoints in layouts of their own, each with a reader that knows it.

use std::sync::Arc;

use burn::tensor::Device;
use reprogram_models::weights::Weights;
use reprogram_models::{Acoustic, Backbone, EfficientNet, EfficientNetConfig, Frozen, Storage, TorchEncoder, Vit};

use super::{BackboneError, LoadedBackbone, Mapped};
use crate::assets::Digest;

/// Samples that the speech embedding is fed: a second.
const SPEECH_SAMPLES: usize = 16_000;

/// A layout that one checkpoint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnLayout {
    /// `nn.TransformerEncoder` on patches of CIFAR-10, in a PyTorch file.
    Cifar10Vit,
    /// DINOv2 beside a saliency decoder, in an ONNX file.
    FocusVit,
    /// In a PyTorch file.
    EfficientNetLite0,
    /// A mel spectrogram and a convolutional network, each in an ONNX file.
    SpeechEmbedding,
}

impl OwnLayout {
    /// By the family's word in `models.toml`.
    pub(super) fn of_family(family: &str) -> Option<Self> {
        match family {
            "cifar10-vit" => Some(Self::Cifar10Vit),
            "focus-vit" => Some(Self::FocusVit),
            "efficientnet-lite0" => Some(Self::EfficientNetLite0),
            "speech-embedding" => Some(Self::SpeechEmbedding),
            _ => None,
        }
    }

    /// Reads the files, `[weights, preprocessor]` where there are two.
    pub(super) fn load(self, name: &str, files: &[Mapped], storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
        let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
        let weights = files.first().ok_or_else(|| damaged("its table names no weights".to_owned()))?;
        let digest = match files {
            [only] => Digest::of(only),
            several => {
                let digests: Vec<String> = several.iter().map(|file| Digest::of(file).to_string()).collect();
                Digest::of_parts(&digests.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        let release = |part: &[u8]| files.iter().for_each(|file| file.release(part));
        let torch = || {
            let weights = Weights::from_torch(weights).map_err(|error| damaged(error.to_string()))?;
            Ok::<_, BackboneError>(weights.releasing(&release).kept_as(storage))
        };
        let backbone: Arc<dyn Backbone> = match self {
            Self::Cifar10Vit => {
                let model = TorchEncoder::cifar10().load(name, torch()?, device);
                Arc::new(Frozen::new(model.map_err(|error| damaged(error.to_string()))?))
            }
            Self::FocusVit => {
                Arc::new(Frozen::new(Vit::from_focus_onnx(weights, name, storage, device).map_err(|error| damaged(error.to_string()))?))
            }
            Self::EfficientNetLite0 => {
                let model = EfficientNet::load(&EfficientNetConfig::lite0(), name, torch()?, device);
                Arc::new(model.map_err(|error| damaged(error.to_string()))?)
            }
            Self::SpeechEmbedding => {
                let mel = files.get(1).ok_or_else(|| damaged("its table names no file with `role = \"preprocessor\"`".to_owned()))?;
                let model = Acoustic::from_onnx(mel, weights, SPEECH_SAMPLES, name, device);
                Arc::new(model.map_err(|error| damaged(error.to_string()))?)
            }
        };
        Ok(LoadedBackbone { backbone, weights_sha256: digest.to_string(), source_classes: None })
    }
}
