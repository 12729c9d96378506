//! The numbers of an acoustic encoder, read from its two graphs.

use super::mel::MelRule;
use super::network::Chain;
use crate::weights::{Onnx, OnnxAttribute, OnnxError, OnnxNode, WeightsError};

/// Samples a second that the filters are made for.
pub(super) const RATE: usize = 16_000;
/// The graph takes samples as 16-bit integers count them; a recording has them in −1..=1.
pub(super) const AMPLITUDE: f64 = 32_768.0;
/// Frames from one window to the next: 80 ms.
pub(super) const WINDOW_STEP: usize = 8;

/// Everything that changes the function.
///
/// No graph says, and openWakeWord does: 16,000 samples a second, as 16-bit integers; decibels `d` enter the network as
/// `d / 10 + 2`; a window is 8 frames after the one before. The features of a recording are the mean over its windows; frames
/// behind the last whole window count nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct AcousticConfig {
    /// Length of a recording.
    pub samples: usize,
    pub(super) mel: MelRule,
    pub(super) network: Chain,
}

/// A model that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum AcousticError {
    /// The container.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A graph that computes something else.
    #[error(
        "the graph of the {graph} is of another form: {reason}\n  help: openWakeWord's `melspectrogram.onnx` and `embedding_model.onnx` are read"
    )]
    Graph {
        /// Which of both.
        graph: &'static str,
        /// How it differs.
        reason: String,
    },
    /// Recordings that fill no window.
    #[error("recordings of {samples} samples are shorter than one window of {needed}\n  help: fill them up with silence")]
    TooShort {
        /// Samples of a recording.
        samples: usize,
        /// Samples of a window.
        needed: usize,
    },
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl AcousticConfig {
    /// Reads both graphs. Whatever is not computed here is refused by name.
    pub fn from_onnx(mel: &Onnx<'_>, network: &Onnx<'_>, samples: usize) -> Result<Self, AcousticError> {
        let config = Self { samples, mel: MelRule::read(mel)?, network: Chain::read(network)? };
        if config.mel.n_mels != config.network.n_mels {
            let reason = format!("it takes {} bands, but the spectrogram has {}", config.network.n_mels, config.mel.n_mels);
            return Err(AcousticError::Graph { graph: "network", reason });
        }
        let needed = config.mel.frame + (config.network.window - 1) * config.mel.hop;
        if samples < needed {
            return Err(AcousticError::TooShort { samples, needed });
        }
        Ok(config)
    }

    /// Frames of a recording.
    pub fn n_frames(&self) -> usize {
        (self.samples - self.mel.frame) / self.mel.hop + 1
    }

    /// Windows of a recording.
    pub fn n_windows(&self) -> usize {
        (self.n_frames() - self.network.window) / WINDOW_STEP + 1
    }
}

/// A graph's attribute of `N` counts.
pub(super) fn counts<const N: usize>(node: &OnnxNode<'_>, key: &str) -> Option<[usize; N]> {
    let Some(OnnxAttribute::Integers(values)) = node.attributes.get(key) else { return None };
    let values: Vec<usize> = values.iter().filter_map(|&value| usize::try_from(value).ok()).collect();
    values.try_into().ok()
}

/// Whether an attribute is absent or has this one value.
pub(super) fn is_plain(node: &OnnxNode<'_>, key: &str, plain: i64) -> bool {
    match node.attributes.get(key) {
        None => true,
        Some(OnnxAttribute::Integer(value)) => *value == plain,
        Some(OnnxAttribute::Integers(values)) => values.iter().all(|&value| value == plain),
        Some(OnnxAttribute::Float(_) | OnnxAttribute::Floats(_)) => false,
    }
}
