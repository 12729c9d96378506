//! Label mapping alone: the control that says how much of a reprogramming result is ω.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, FrequencyMappingSpec, Recipe, Refit};

/// No delta, frequency label mapping.
pub(super) const ENTRY: Entry = Entry {
    name: "flm-only",
    title: "no manipulation; frequency label mapping (the null-delta control)",
    reference: "Chen et al., CVPR 2023, arXiv 2211.11635 (FLM), without its delta",
    deviations: "a control, not a published method",
    size: Size::NONE.fitted("S·C"),
    checked: &[
        Checked::Code("OPTML-Group/ILM-VP@84ca042"),
        Checked::Sweep("default"),
        Checked::Sweep("vision-reprogramming"),
        Checked::Sweep("audio-and-series"),
    ],
    method: || {
        compose(
            [],
            AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit: Refit::Once, ..FrequencyMappingSpec::default() }),
            Recipe::default(),
        )
    },
};
