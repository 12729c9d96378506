//! Learned tokens behind a small network, answered in words.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ManipulationSpec, MappedPromptSpec, Optimizer, PromptEncoder, PromptInit, Recipe, Schedule, VerbalizerSpec};
use reprogram_taxonomy::Modality;

/// P-tuning.
pub(super) const ENTRY: Entry = Entry {
    name: "p-tuning",
    title: "16 tokens in front of the embedded item, made of an embedding by a network of three layers",
    reference: "Liu et al., arXiv 2103.10385, §3.2",
    deviations: "PEFT's network (three layers, no biLSTM) in front of the item instead of inside a template; frozen backbone \
                 (paper: tuned with it on SuperGLUE); E starts from the vocabulary; Adam; the loss is over the classes' answers",
    size: Size::trained("p·d + 3·(d + 1)·d; p = 16"),
    checked: &[Checked::Parity("p_tuning.*"), Checked::Code("huggingface/peft@5d602fd"), Checked::Sweep("text-prompting")],
    method: || {
        let prompt = MappedPromptSpec {
            tokens: 16,
            hidden: None,
            init: PromptInit::Vocabulary,
            modality: Modality::Text,
            encoder: PromptEncoder::Mlp,
        };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        compose([ManipulationSpec::MappedPrompt(prompt)], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), recipe)
    },
};

/// P-tuning with the paper's own network.
pub(super) const LSTM: Entry = Entry {
    name: "p-tuning-lstm",
    title: "16 tokens in front of the embedded item, made of an embedding by an LSTM of two layers from both sides and a network of two",
    reference: "Liu et al., arXiv 2103.10385, §3.2",
    deviations: "in front of the item instead of inside a template; frozen backbone (paper: tuned with it on SuperGLUE); no dropout; E \
                 starts from the vocabulary; Adam; the loss is over the classes' answers",
    size: Size::trained("p·d + 2·(4·d·(d + d) + 8·d) + 2·(4·d·(2·d + d) + 8·d) + 2·d·(2·d + 1) + d·(2·d + 1); p = 16"),
    checked: &[Checked::Code("huggingface/peft@5d602fd"), Checked::Sweep("text-prompting")],
    method: || {
        let encoder = PromptEncoder::Lstm;
        let prompt = MappedPromptSpec { tokens: 16, hidden: None, init: PromptInit::Vocabulary, modality: Modality::Text, encoder };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        compose([ManipulationSpec::MappedPrompt(prompt)], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), recipe)
    },
};
