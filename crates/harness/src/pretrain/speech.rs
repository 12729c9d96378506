//! `speech-digits`: labels for the speech embedding, which has none: an affine map from its features to ten spoken digits.
//!
//! The map is the linear probe of this repository on `fsdd-speakers`: four speakers train it, a fifth one chooses the epoch, and
//! it is measured on the sixth. Series are reprogrammed to what it then classifies.

use burn::tensor::Device;
use reprogram_methods::{AlignmentSpec, LinearMapSpec, LinearOn, Method, NamedTensor, Optimizer, Recipe, Schedule};
use reprogram_models::Backbone;
use reprogram_models::weights::StoredTensor;

use crate::config::Budget;
use crate::plan::LoadedData;
use crate::presentation::placement;
use crate::record::Metrics;
use crate::resample::Kernel;
use crate::trial::{Trial, TrialError};

/// The data set of the recordings.
pub const DATASET: &str = "fsdd-speakers";
/// The checkpoint whose features are mapped.
pub const BACKBONE: &str = "speech-embedding";

/// How long, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct SpeechRecipe {
    /// Of initialisation and order.
    pub seed: u64,
    /// Passes over the training recordings.
    pub epochs: usize,
    /// Recordings a step.
    pub batch_size: usize,
    /// At the top of its cosine.
    pub learning_rate: f64,
}

impl Default for SpeechRecipe {
    fn default() -> Self {
        Self { seed: 0, epochs: 60, batch_size: 64, learning_rate: 1e-3 }
    }
}

/// The trained map and how good it is.
pub struct TrainedSpeech {
    /// `head.weight`, `[class, dim]`, and `head.bias`.
    pub tensors: Vec<StoredTensor>,
    /// The chosen epoch.
    pub epoch: usize,
    /// On the speaker that the epoch was chosen by.
    pub validation: Metrics,
    /// On a speaker that nothing was chosen by.
    pub test: Metrics,
}

/// Trains the map.
pub fn train(backbone: &dyn Backbone, data: &LoadedData, recipe: SpeechRecipe, device: &Device) -> Result<TrainedSpeech, TrialError> {
    let SpeechRecipe { seed, epochs, batch_size, learning_rate } = recipe;
    let method = Method {
        manipulations: Vec::new(),
        alignment: AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }),
        recipe: Recipe { optimizer: Optimizer::Adam, learning_rate, schedule: Schedule::Cosine },
    };
    let budget = Budget::of_all_items(epochs, batch_size);
    let trial = Trial {
        encoders: reprogram_methods::NO_ENCODERS,
        method: &method,
        backbone,
        dataset: &data.dataset,
        target: &data.target,
        placement: placement(backbone.card(), None, None)?,
        kernel: Kernel::Bilinear,
        budget: &budget,
        device,
        seed,
        augment: None,
        keeping: None,
        checks_itself: false,
    };
    let finished = trial.run()?;
    let tensors = finished.tensors.into_iter().map(|tensor| if tensor.shape.len() == 2 { weight(tensor) } else { bias(tensor) });
    Ok(TrainedSpeech {
        tensors: tensors.collect(),
        epoch: finished.outcome.epoch,
        validation: finished.outcome.validation,
        test: finished.outcome.test,
    })
}

/// `[dim, class]` to `[class, dim]`, as a checkpoint has it.
fn weight(NamedTensor { shape, values, .. }: NamedTensor) -> StoredTensor {
    let (dim, n_classes) = (shape[0], shape[1]);
    let turned = (0..n_classes).flat_map(|class| values.iter().skip(class).step_by(n_classes).copied()).collect();
    StoredTensor { name: "head.weight".to_owned(), shape: vec![n_classes, dim], values: turned }
}

fn bias(NamedTensor { shape, values, .. }: NamedTensor) -> StoredTensor {
    StoredTensor { name: "head.bias".to_owned(), shape, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_turned() {
        let map = NamedTensor { name: "w".to_owned(), shape: vec![3, 2], values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        assert_eq!(weight(map).values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    }
}
