//! Worked examples in front of the item.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, DemonstrationsSpec, ManipulationSpec, Recipe, VerbalizerSpec};

/// Four demonstrations; a sweep may ask for another number.
pub(super) const ENTRY: Entry = Entry {
    name: "icl",
    title: "in-context learning with 4 demonstrations, scored directly",
    reference: "Brown et al., NeurIPS 2020, arXiv 2005.14165, §2.1",
    deviations: "demonstrations are balanced over classes; the draw depends on seed and document id alone",
    size: Size::NONE,
    checked: &[Checked::Sweep("default"), Checked::Sweep("text-prompting")],
    method: || {
        let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(4));
        compose([shots], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), Recipe::default())
    },
};
