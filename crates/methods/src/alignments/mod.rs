//! The alignments, one a file.

mod answer_prior;
mod bayesian_mapping;
mod block_mapping;
mod channel;
mod contextual_calibration;
mod counted_texts;
mod extraction;
mod first_classes;
mod forecast_head;
mod frequency_mapping;
mod identity;
mod last_value;
mod linear_map;
mod majority;
mod mean_text;
mod nearest_text;
mod random_mapping;
mod rank_mapping;
mod top_texts;
mod transport;
mod verbalizer;
mod verbalizer_embeddings;
mod verbatim;
mod weighted_texts;
mod window_map;

pub use answer_prior::{AnswerPrior, AnswerPriorSpec, PriorOf};
pub use bayesian_mapping::{BayesianMapping, BayesianMappingSpec, Weighting};
pub use block_mapping::{BlockMapping, BlockMappingSpec};
pub use channel::{Channel, ChannelSpec};
pub use contextual_calibration::{ContextualCalibration, ContextualCalibrationSpec};
pub use counted_texts::{CountedTexts, CountedTextsSpec};
pub use extraction::{ExtractedAnswer, ExtractionSpec};
pub use first_classes::{FirstClasses, FirstClassesSpec};
pub use forecast_head::{ForecastHead, ForecastHeadSpec};
pub use frequency_mapping::{Assignment, FrequencyMapping, FrequencyMappingSpec, Refit};
pub use identity::{Identity, IdentitySpec};
pub use last_value::{LastValue, LastValueSpec};
pub use linear_map::{LinearMap, LinearMapSpec, LinearOn};
pub use majority::{Majority, MajoritySpec};
pub use mean_text::{MeanText, MeanTextSpec};
pub use nearest_text::{NearestText, NearestTextSpec};
pub use random_mapping::{RandomMapping, RandomMappingSpec};
pub use rank_mapping::{BaseImage, RankMapping, RankMappingSpec, Reduction};
pub use top_texts::{TopTexts, TopTextsSpec};
pub use transport::{Transport, TransportSpec};
use verbalizer::needs_answers;
pub use verbalizer::{Per, Verbalizer, VerbalizerSpec};
pub use verbalizer_embeddings::{VerbalizerEmbeddings, VerbalizerEmbeddingsSpec};
pub use verbatim::{Verbatim, VerbatimSpec};
pub use weighted_texts::{WeightedTexts, WeightedTextsSpec};
pub use window_map::{Centre, WindowMap, WindowMapSpec};

use std::num::NonZeroUsize;

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Misfit, OutputSpace};
use serde::{Deserialize, Serialize};

use crate::{Reads, Setup};

/// What a map is counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountedOn {
    /// Source labels.
    #[default]
    Logits,
    /// The classes' answers in words, which then are the source labels.
    Answers,
}

impl CountedOn {
    /// The size of the source label space, or why there is none.
    fn n_source(self, setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
        match self {
            Self::Logits => n_source_classes(setup, part),
            Self::Answers => needs_answers(setup, part).map(|()| setup.target.n_classes()),
        }
    }

    const fn reads(self) -> Reads {
        match self {
            Self::Logits => Reads::Logits,
            Self::Answers => Reads::Answers,
        }
    }
}

/// A matrix `[source, target]` that is fitted, not trained; a parameter, so that it is saved.
fn fitted_matrix(values: Vec<f32>, n_target: usize, device: &Device) -> Param<Tensor<2>> {
    let n_source = values.len() / n_target;
    let matrix = Tensor::from_data(TensorData::new(values, [n_source, n_target]), in_f32(device));
    Param::initialized(ParamId::new(), matrix).set_require_grad(false)
}

/// The misfit of a part that reads generated text.
fn needs_generated_text(setup: &Setup<'_>, part: &str) -> Result<(), Misfit> {
    let misfit = |needs: &str| Misfit::PartNeeds { part: part.to_owned(), needs: needs.to_owned() };
    let writes = matches!(setup.backbone.card().output, OutputSpace::Vocabulary { .. }) && setup.backbone.tokenizer().is_some();
    match &setup.target.template {
        Some(template) if writes && template.answer.is_some() => Ok(()),
        Some(_) if writes => Err(misfit("an `answer` in the data set's template, which says how an answer is asked for and found")),
        Some(_) | None => Err(misfit("a language model that writes, and a data set of texts")),
    }
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

/// The same, where each target label needs several source labels of its own.
fn n_source_for(setup: &Setup<'_>, part: &str, per_class: NonZeroUsize) -> Result<usize, Misfit> {
    if per_class.get() == 1 {
        return n_source_one_to_one(setup, part);
    }
    let (source_classes, target_classes) = (n_source_classes(setup, part)?, setup.target.n_classes());
    if source_classes < per_class.get() * target_classes {
        let name = &setup.backbone.card().name;
        let needs = format!("{per_class} source labels for each of {target_classes} target labels, but {name} has {source_classes}");
        return Err(Misfit::PartNeeds { part: part.to_owned(), needs });
    }
    Ok(source_classes)
}

/// `[source, target]`, row-major: each target class is the mean of a group of source classes.
fn mean_matrix(groups: &[Vec<usize>], n_source: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; n_source * groups.len()];
    for (target, group) in groups.iter().enumerate() {
        for &source in group {
            matrix[source * groups.len() + target] = 1.0 / group.len() as f32;
        }
    }
    matrix
}

/// A mapping of several source classes to one in words: `class ← source + source` for each class.
fn describe_groups(groups: &[Vec<usize>], classes: &[String]) -> String {
    let group = |group: &Vec<usize>| group.iter().map(usize::to_string).collect::<Vec<_>>().join(" + ");
    classes.iter().zip(groups).map(|(class, sources)| format!("{class} ← {}", group(sources))).collect::<Vec<_>>().join(", ")
}

/// A forecast of a normalised series brought to the window's own scale. `scores`: `[batch, n + 2]`, mean and deviation last;
/// `forecast` takes the first n.
fn own_scale(scores: Tensor<2>, forecast: impl Fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
    let n = scores.dims()[1] - 2;
    let (mean, deviation) = (scores.clone().narrow(1, n, 1), scores.clone().narrow(1, n + 1, 1));
    forecast(scores.narrow(1, 0, n)) * deviation + mean
}

/// A label mapping in words: `class ← source` for each class.
fn describe_map(map: impl Iterator<Item = usize>, classes: &[String]) -> String {
    classes.iter().zip(map).map(|(class, source)| format!("{class} ← {source}")).collect::<Vec<_>>().join(", ")
}
