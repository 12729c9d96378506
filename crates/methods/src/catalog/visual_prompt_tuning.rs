//! Learned tokens behind a vision transformer's class token, under a linear head.

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, DeepPromptSpec, LinearMapSpec, LinearOn, ManipulationSpec, Method, Optimizer, PromptInit, Recipe, Schedule,
    SoftPromptSpec,
};
use reprogram_taxonomy::{Layers, Modality};

const DEVIATIONS: &str = "10 tokens, no dropout, no warm-up, no weight decay; one learning rate in place of the paper's grid of \
                          seven, chosen in a sweep on validation where it matters; the head starts as PyTorch's linear layer";

fn with(prompt: ManipulationSpec) -> Method {
    let recipe = Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 0.25, schedule: Schedule::Cosine };
    compose([prompt], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }), recipe)
}

/// VPT-shallow.
pub(super) const SHALLOW: Entry = Entry {
    name: "vpt-shallow",
    title: "10 learned tokens behind the class token at the embedding, linear head",
    reference: "Jia et al., ECCV 2022, arXiv 2203.12119, eq. 4",
    deviations: DEVIATIONS,
    size: Size::trained("p·d + C·(f + 1); p = 10"),
    checked: &[Checked::Parity("vpt_shallow.*"), Checked::Code("KMnP/vpt@4410440"), Checked::Sweep("vision-reprogramming")],
    method: || with(ManipulationSpec::SoftPrompt(SoftPromptSpec { tokens: 10, init: PromptInit::Xavier, modality: Modality::Vision })),
};

/// VPT-deep.
pub(super) const DEEP: Entry = Entry {
    name: "vpt-deep",
    title: "10 learned tokens behind the class token, fresh ones at every block, linear head",
    reference: "Jia et al., ECCV 2022, arXiv 2203.12119, eq. 6",
    deviations: DEVIATIONS,
    size: Size::trained("L·p·d + C·(f + 1); p = 10"),
    checked: &[Checked::Parity("vpt_deep.*"), Checked::Code("KMnP/vpt@4410440"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let prompt = DeepPromptSpec { tokens: 10, layers: Layers::All, init: PromptInit::Xavier, modality: Modality::Vision };
        with(ManipulationSpec::DeepPrompt(prompt))
    },
};
