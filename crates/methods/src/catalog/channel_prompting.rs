//! How likely the item is behind each class's answer.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ChannelSpec, DemonstrationsSpec, ManipulationSpec, Recipe};

/// Four demonstrations, answers first.
pub(super) const ENTRY: Entry = Entry {
    name: "icl-channel",
    title: "in-context learning with 4 demonstrations, answers in front of their texts; the class behind which the item is likeliest",
    reference: "Min et al., ACL 2022, arXiv 2108.04106, §4.1",
    deviations: "4 balanced demonstrations (paper: 16); the data set's own template turned round, cue and answer in front of the input \
                 (paper: four templates of its own a task)",
    size: Size::NONE,
    checked: &[Checked::Code("shmsw25/Channel-LM-Prompting@fb9beef"), Checked::Sweep("text-prompting")],
    method: || {
        let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(4));
        compose([shots], AlignmentSpec::Channel(ChannelSpec {}), Recipe::default())
    },
};

/// No demonstrations.
pub(super) const ZERO_SHOT: Entry = Entry {
    name: "zero-shot-channel",
    title: "the class behind whose answer the bare item is likeliest",
    reference: "Min et al., ACL 2022, arXiv 2108.04106, §4.1",
    deviations: "the data set's own template turned round, cue and answer in front of the input",
    size: Size::NONE,
    checked: &[Checked::Code("shmsw25/Channel-LM-Prompting@fb9beef"), Checked::Sweep("text-prompting")],
    method: || compose([], AlignmentSpec::Channel(ChannelSpec {}), Recipe::default()),
};
