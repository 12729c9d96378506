//! Label mapping alone: the control that says how much of a reprogramming result is ω.

use super::{Entry, compose};
use crate::{AlignmentSpec, FrequencyMappingSpec, Recipe, Refit};

/// No delta, frequency label mapping.
pub(super) const ENTRY: Entry = Entry {
    name: "flm-only",
    title: "no manipulation; frequency label mapping (the null-delta control)",
    reference: "Chen et al., CVPR 2023, arXiv 2211.11635 (FLM), without its delta",
    deviations: "a control, not a published method",
    method: || {
        compose(
            [],
            AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit: Refit::Once, ..FrequencyMappingSpec::default() }),
            Recipe::default(),
        )
    },
};
