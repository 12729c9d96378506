//! The manipulations, one a file.

mod bottleneck;
mod class_context;
mod class_contexts;
mod class_descriptions;
mod class_template;
mod conditioned_context;
mod coupled_prompt;
mod decoupled_frame;
mod deep_prompt;
mod delta;
mod demonstrations;
mod fixed_prompt;
mod grouped_demonstrations;
mod instruction;
mod item_keys;
mod key_value_prefix;
mod least_to_most;
mod low_rank;
mod mapped_prompt;
mod patch_prototypes;
mod pixel_delta;
mod pixel_frame;
mod pixel_generator;
mod pixel_mark;
mod pixel_strip;
mod sample_mask;
mod series_prompt;
mod soft_prompt;
mod steering;
mod step_by_step;
mod token_patches;
mod trainable_resize;
mod vocabulary_map;
mod waveform_delta;
mod weight_delta;
mod wordings;
mod worked_examples;

use std::ops::Range;

pub use bottleneck::{Bottleneck, BottleneckSpec};
pub use class_context::{ClassContext, ClassContextSpec, ContextOf, NamePlace, NearText};
pub use class_contexts::{ClassContexts, ClassContextsSpec};
pub use class_descriptions::{ClassDescriptions, ClassDescriptionsSpec};
pub use class_template::{ClassTemplate, ClassTemplateSpec};
pub use conditioned_context::{ConditionedContext, ConditionedContextSpec};
pub use coupled_prompt::{CoupledPrompt, CoupledPromptSpec};
pub use decoupled_frame::{Decoupled, DecoupledFrame, DecoupledFrameSpec};
pub use deep_prompt::{DeepPrompt, DeepPromptSpec};
pub use delta::{Delta, DeltaSpec};
pub use demonstrations::{Choice, Demonstrations, DemonstrationsSpec, Order};
pub use fixed_prompt::{FixedPrompt, FixedPromptSpec, FixedTokens};
pub use grouped_demonstrations::{GroupedDemonstrations, GroupedDemonstrationsSpec};
pub use instruction::{Instruction, InstructionSpec};
pub use item_keys::{ItemKeys, ItemKeysSpec};
pub use key_value_prefix::{KeyValuePrefix, KeyValuePrefixSpec, PrefixInit};
pub use least_to_most::{LeastToMost, LeastToMostSpec};
pub use low_rank::{LowRank, LowRankSpec};
pub use mapped_prompt::{MappedPrompt, MappedPromptSpec, PromptEncoder};
pub use patch_prototypes::{PatchPrototypes, PatchPrototypesSpec};
pub use pixel_delta::{Cover, PixelDelta, PixelDeltaSpec};
pub(crate) use pixel_frame::standard_normal;
pub use pixel_frame::{PixelFrame, PixelFrameSpec, Squash};
pub use pixel_generator::{PixelGenerator, PixelGeneratorSpec};
pub use pixel_mark::{PixelMark, PixelMarkSpec};
pub use pixel_strip::{PixelStrip, PixelStripSpec, StripContent};
pub use sample_mask::{MaskNetwork, SampleMask, SampleMaskSpec};
pub use series_prompt::{SeriesPrompt, SeriesPromptSpec};
pub use soft_prompt::{SoftPrompt, SoftPromptSpec};
pub use steering::{Contrast, Steering, SteeringSpec};
pub use step_by_step::{StepByStep, StepByStepSpec};
pub(crate) use token_patches::vocabulary;
pub use token_patches::{TokenPatches, TokenPatchesSpec};
pub use trainable_resize::{TrainableResize, TrainableResizeSpec};
pub(crate) use vocabulary_map::target_tokens;
pub use vocabulary_map::{VocabularyMap, VocabularyMapSpec};
pub use waveform_delta::{WaveCover, WaveStart, WaveformDelta, WaveformDeltaSpec};
pub use weight_delta::{WeightDelta, WeightDeltaSpec};
pub use wordings::{Wordings, WordingsSpec};
pub use worked_examples::{WorkedExamples, WorkedExamplesSpec};

use reprogram_taxonomy::{Format, Layers, Location, Misfit, Modality, Operator, Site, SiteSpec};

use crate::Setup;

/// A site outside of the blocks that its part's author knows to be coherent.
fn site(modality: Modality, format: Format, location: Location, operator: Operator) -> Site {
    Site::new(SiteSpec { modality, format, operator, location, layers: None, tower: None }).expect("a part's own site is coherent")
}

/// A site at blocks, which is coherent with any operator that is not a fixed map.
fn hidden_site(modality: Modality, format: Format, operator: Operator, layers: Layers) -> Site {
    let site = SiteSpec { modality, format, operator, location: Location::Hidden, layers: Some(layers), tower: None };
    Site::new(site).expect("a part's own site is coherent")
}

/// The misfit of what is made of the items of each class, where a class is no more than the place of an item's option.
fn same_classes(setup: &Setup<'_>, part: &str) -> Result<(), Misfit> {
    if setup.target.has_own_answers() {
        let needs = "classes whose items have something in common, but each item of this data set brings its own options";
        return Err(Misfit::PartNeeds { part: part.to_owned(), needs: needs.to_owned() });
    }
    Ok(())
}

/// Those of the layers that the backbone has. Not empty: [`reprogram_taxonomy::Signature::check`] comes first.
fn layers_within(layers: Layers, setup: &Setup<'_>) -> Range<usize> {
    let depth = setup.backbone.card().main.depth;
    match layers {
        Layers::All => 0..depth,
        Layers::Range { first, last } => first..depth.min(last + 1),
    }
}

const fn all_layers() -> Layers {
    Layers::All
}

const fn text() -> Modality {
    Modality::Text
}

const fn vision() -> Modality {
    Modality::Vision
}
