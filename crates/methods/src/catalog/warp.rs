//! Learned tokens around the item, and a learned vector for each class.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ManipulationSpec, Optimizer, PromptInit, Recipe, Schedule, SoftPromptSpec, VerbalizerEmbeddingsSpec};
use reprogram_taxonomy::Modality;

/// WARP.
pub(super) const ENTRY: Entry = Entry {
    name: "warp",
    title: "a soft prompt of 20 tokens in front of the embedded item, and a learned vector for each class",
    reference: "Hambardzumyan et al., ACL-IJCNLP 2021, arXiv 2101.00121, §3",
    deviations: "a causal model and the last token of the template instead of a mask inside it; all tokens in front of the item instead \
                 of around it, started from the vocabulary instead of N(0, 1) or the mask; the classes' vectors start from their answers \
                 as in the few-shot runs, without a bias; a cosine to zero; no dropout",
    size: Size::trained("p·d + C·d; p = 20"),
    checked: &[Checked::Code("YerevaNN/WARP@32b455f"), Checked::Sweep("text-prompting")],
    method: || {
        let prompt = SoftPromptSpec { tokens: 20, init: PromptInit::Vocabulary, modality: Modality::Text };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        let classes = AlignmentSpec::VerbalizerEmbeddings(VerbalizerEmbeddingsSpec {});
        compose([ManipulationSpec::SoftPrompt(prompt)], classes, recipe)
    },
};
