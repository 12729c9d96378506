//! The training texts that are nearest to the item, as demonstrations.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, Choice, DemonstrationsSpec, ManipulationSpec, Order, Recipe, VerbalizerSpec};

/// By f's own features.
pub(super) const ENTRY: Entry = Entry {
    name: "icl-nearest",
    title: "in-context learning with the 4 nearest training texts by f's own features, the nearest next to the item",
    reference: "Liu et al., DeeLIO 2022, arXiv 2101.06804, algorithm 1",
    deviations: "nearest by the cosine of f's own features in front of the answer (paper: a sentence encoder's); the nearest stands next to \
                 the item, as the paper's `reverse` order; no two items share a prompt, so that every prompt is computed anew",
    size: Size::NONE,
    checked: &[Checked::Code("jiachangliu/KATEGPT3@9b8b8c7"), Checked::Sweep("text-prompting")],
    method: || by(None),
};

/// KATE.
pub(super) const ENCODER: Entry = Entry {
    name: "icl-nearest-encoder",
    title: "in-context learning with the 4 nearest training texts by a sentence encoder's features, the nearest next to the item",
    reference: "Liu et al., DeeLIO 2022, arXiv 2101.06804, algorithm 1",
    deviations: "the encoder is all-MiniLM-L6-v2 (paper: RoBERTa, tuned on similarity or inference), 4 demonstrations; the nearest stands next \
                 to the item, as the paper's `reverse` order",
    size: Size::NONE,
    checked: &[Checked::Code("jiachangliu/KATEGPT3@9b8b8c7"), Checked::Sweep("text-prompting")],
    method: || by(Some("all-minilm-l6-v2".to_owned())),
};

fn by(encoder: Option<String>) -> crate::Method {
    let shots = DemonstrationsSpec { shots: 4, choice: Choice::Nearest, order: Order::Similarity, encoder };
    compose([ManipulationSpec::Demonstrations(shots)], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), Recipe::default())
}
