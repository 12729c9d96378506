//! Groups of demonstrations that are read apart from each other.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, GroupedDemonstrationsSpec, ManipulationSpec, Recipe, VerbalizerSpec};

/// Structured prompting.
pub(super) const ENTRY: Entry = Entry {
    name: "structured-prompting",
    title: "4 groups of 2 demonstrations, each read alone; the item attends to all, its own tokens counted once a group",
    reference: "Hao et al., arXiv 2212.06713, §2.2",
    deviations: "groups of 2 demonstrations, not as many as fill the context (a sweep may ask for more); balanced over classes",
    size: Size::NONE,
    checked: &[Checked::Code("microsoft/LMOps@4f2a9de"), Checked::Sweep("text-prompting")],
    method: || {
        let groups = ManipulationSpec::GroupedDemonstrations(GroupedDemonstrationsSpec { groups: 4, shots: 2 });
        compose([groups], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), Recipe::default())
    },
};
