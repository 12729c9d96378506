//! The bare item, answered in words: nothing is changed and nothing is trained.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, Recipe, VerbalizerSpec};

/// Zero-shot.
pub(super) const ENTRY: Entry = Entry {
    name: "zero-shot",
    title: "the bare item in the data set's template; the class whose answer is likeliest",
    reference: "Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    deviations: "none",
    size: Size::NONE,
    checked: &[Checked::Sweep("default"), Checked::Sweep("text-prompting")],
    method: || compose([], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), Recipe::default()),
};
