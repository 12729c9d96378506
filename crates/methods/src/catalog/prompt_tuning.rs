//! Learned tokens in front of the item, answered in words.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ManipulationSpec, Optimizer, PromptInit, Recipe, Schedule, SoftPromptSpec, VerbalizerSpec};
use reprogram_taxonomy::Modality;

/// Prompt tuning.
pub(super) const ENTRY: Entry = Entry {
    name: "prompt-tuning",
    title: "a soft prompt of 16 tokens in front of the embedded item",
    reference: "Lester et al., EMNLP 2021, arXiv 2104.08691, §2",
    deviations: "decoder-only; 16 tokens started from the whole vocabulary (paper: 100 tokens, the 5,000 most common); Adam \
                 instead of Adafactor; the loss is over the classes' answers, not the whole vocabulary",
    size: Size::trained("p·d; p = 16"),
    checked: &[
        Checked::Parity("prompt_tuning.*"),
        Checked::Code("google-research/prompt-tuning@72285ee"),
        Checked::Code("huggingface/peft@5d602fd"),
        Checked::Sweep("default"),
        Checked::Sweep("text-prompting"),
    ],
    method: || {
        let prompt = SoftPromptSpec { tokens: 16, init: PromptInit::Vocabulary, modality: Modality::Text };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 3e-2, schedule: Schedule::Cosine };
        compose([ManipulationSpec::SoftPrompt(prompt)], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), recipe)
    },
};
