//! Checkpoints in layouts of their own, each with a reader that knows it.

use std::sync::Arc;

use burn::tensor::Device;
use reprogram_models::weights::Weights;
use reprogram_models::{Acoustic, Backbone, EfficientNet, EfficientNetConfig, Frozen, Storage, TorchEncoder, Vit};

use super::{BackboneError, LoadedBackbone, Mapped};
use crate::assets::Digest;
use crate::resample::Kernel;

/// Samples a second that the speech embedding is fed.
const SPEECH_RATE: usize = 16_000;
/// Labels of `speech-digits`: made by `reprogram pretrain speech`.
const SPEECH_DIGITS: &[u8] = include_bytes!("../../assets/speech-digits.safetensors");

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
    SpeechEmbedding {
        /// Seconds of a recording.
        seconds: usize,
    },
    /// The same on a second, with this repository's own map to spoken digits.
    SpeechDigits,
}

impl OwnLayout {
    /// By the family's word in `models.toml`.
    pub(super) fn of_family(family: &str) -> Option<Self> {
        match family {
            "cifar10-vit" => Some(Self::Cifar10Vit),
            "focus-vit" => Some(Self::FocusVit),
            "efficientnet-lite0" => Some(Self::EfficientNetLite0),
            "speech-embedding" => Some(Self::SpeechEmbedding { seconds: 1 }),
            "speech-embedding-5s" => Some(Self::SpeechEmbedding { seconds: 5 }),
            "speech-digits" => Some(Self::SpeechDigits),
            _ => None,
        }
    }

    /// Reads the files, `[weights, preprocessor]` where there are two.
    pub(super) fn load(self, name: &str, files: &[Mapped], storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
        let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
        let weights = files.first().ok_or_else(|| damaged("its table names no weights".to_owned()))?;
        let own: Option<&[u8]> = match self {
            Self::SpeechDigits => Some(SPEECH_DIGITS),
            Self::Cifar10Vit | Self::FocusVit | Self::EfficientNetLite0 | Self::SpeechEmbedding { .. } => None,
        };
        let digests: Vec<String> = files.iter().map(|file| &**file).chain(own).map(|bytes| Digest::of(bytes).to_string()).collect();
        let digest = match digests.as_slice() {
            [only] => only.clone(),
            several => Digest::of_parts(&several.iter().map(String::as_str).collect::<Vec<_>>()).to_string(),
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
            Self::SpeechEmbedding { seconds } => Arc::new(speech(name, files, files.get(2).map(|head| &**head), seconds, device)?),
            Self::SpeechDigits => Arc::new(speech(name, files, Some(SPEECH_DIGITS), 1, device)?),
        };
        Ok(LoadedBackbone { backbone, weights_sha256: digest, source_classes: None, kernel: Kernel::Bilinear })
    }
}

/// The network on recordings of so many seconds, with labels where there is a map to them.
fn speech(name: &str, files: &[Mapped], head: Option<&[u8]>, seconds: usize, device: &Device) -> Result<Acoustic, BackboneError> {
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let [weights, mel, ..] = files else { return Err(damaged("its table names no file with `role = \"preprocessor\"`".to_owned())) };
    let encoder = Acoustic::from_onnx(mel, weights, SPEECH_RATE * seconds, name, device).map_err(|error| damaged(error.to_string()))?;
    let Some(head) = head else { return Ok(encoder) };
    let head = Weights::from_safetensors(head).map_err(|error| damaged(error.to_string()))?;
    encoder.with_head(head).map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = include_str!("../../assets/speech-digits.md");

    #[test]
    fn the_labels_of_speech_digits_are_what_their_card_says() {
        let weights = Weights::from_safetensors(SPEECH_DIGITS).unwrap();
        let (weight, bias) = (weights.tensor("head.weight").unwrap(), weights.tensor("head.bias").unwrap());
        assert_eq!((weight.shape, bias.shape), (vec![10, 96], vec![10]));
        let n_numbers = weight.values.len() + bias.values.len();
        assert!(CARD.starts_with("# speech-digits\n") && CARD.contains(&format!("map of {n_numbers} numbers")));
        assert!(weight.values.iter().all(|value| value.is_finite()) && weight.values.iter().any(|value| value.abs() > 0.1));
    }
}
