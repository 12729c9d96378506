//! Low-rank maps beside query and value, answered in words: the baseline that changes the function inside.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LowRankSpec, ManipulationSpec, Optimizer, Recipe, Schedule, VerbalizerSpec};
use reprogram_taxonomy::{Layers, Modality};

/// LoRA.
pub(super) const ENTRY: Entry = Entry {
    name: "lora",
    title: "low-rank maps beside every block's query and value maps, rank 8; answered in words",
    reference: "Hu et al., ICLR 2022, arXiv 2106.09685",
    deviations: "a baseline, not an interface: it changes the function that f computes, though its weights stay; α 16, no dropout; \
                 Adam instead of AdamW; the loss is over the classes' answers",
    size: Size::trained("L·r·(2·d + q + k); r = 8"),
    checked: &[Checked::Parity("lora.*"), Checked::Code("huggingface/peft@5d602fd"), Checked::Sweep("text-prompting")],
    method: || {
        let maps = LowRankSpec { rank: 8, alpha: 16.0, layers: Layers::All, modality: Modality::Text };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        compose([ManipulationSpec::LowRank(maps)], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), recipe)
    },
};
