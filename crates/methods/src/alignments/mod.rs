//! The alignments, one a file.

mod bayesian_mapping;
mod contextual_calibration;
mod frequency_mapping;
mod identity;
mod linear_map;
mod random_mapping;
mod verbalizer;

pub use bayesian_mapping::{BayesianMapping, BayesianMappingSpec, Weighting};
pub use contextual_calibration::{ContextualCalibration, ContextualCalibrationSpec};
pub use frequency_mapping::{FrequencyMapping, FrequencyMappingSpec, Refit};
pub use identity::{Identity, IdentitySpec};
pub use linear_map::{LinearMap, LinearMapSpec, LinearOn};
pub use random_mapping::{RandomMapping, RandomMappingSpec};
pub use verbalizer::{Verbalizer, VerbalizerSpec};

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::Misfit;

use crate::Setup;

/// A matrix `[source, target]` that is fitted, not trained; a parameter, so that it is saved.
fn fitted_matrix(values: Vec<f32>, n_target: usize, device: &Device) -> Param<Tensor<2>> {
    let n_source = values.len() / n_target;
    let matrix = Tensor::from_data(TensorData::new(values, [n_source, n_target]), in_f32(device));
    Param::initialized(ParamId::new(), matrix).set_require_grad(false)
}

/// The size of the source label space, or why there is none.
fn n_source_classes(setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
    let card = setup.backbone.card();
    card.n_source_classes()
        .ok_or_else(|| Misfit::PartNeeds { part: part.to_owned(), needs: format!("source labels, but {} has none", card.name) })
}

/// The same, where each target label needs a source label of its own.
fn n_source_one_to_one(setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
    let (source_classes, target_classes) = (n_source_classes(setup, part)?, setup.target.n_classes());
    if source_classes < target_classes { Err(Misfit::TooFewSourceLabels { source_classes, target_classes }) } else { Ok(source_classes) }
}

/// A label mapping in words: `class ← source` for each class.
fn describe_map(map: impl Iterator<Item = usize>, classes: &[String]) -> String {
    classes.iter().zip(map).map(|(class, source)| format!("{class} ← {source}")).collect::<Vec<_>>().join(", ")
}
