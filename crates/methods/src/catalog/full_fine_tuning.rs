//! All weights and a linear head, trained: what reprogramming is measured against, and does without.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LinearMapSpec, LinearOn, ManipulationSpec, Optimizer, Recipe, Schedule, WeightDeltaSpec};
use reprogram_taxonomy::Modality;

/// Full fine-tuning.
pub(super) const ENTRY: Entry = Entry {
    name: "full-fine-tuning",
    title: "all weights of f as a learned difference, linear classifier on the features; a baseline outside of the formula",
    reference: "as in Chen et al., CVPR 2023, arXiv 2211.11635, official code",
    deviations: "no weight decay, no augmentation; weights are learned as a difference, which is the same; epochs are the sweep's budget",
    size: Size::trained("P + C·(f + 1)"),
    checked: &[Checked::Sweep("vision-reprogramming")],
    method: || {
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-4, schedule: Schedule::Cosine };
        let weights = WeightDeltaSpec { modality: Modality::Vision };
        compose([ManipulationSpec::WeightDelta(weights)], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }), recipe)
    },
};
