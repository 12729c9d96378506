//! A linear classifier on frozen features.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LinearMapSpec, LinearOn, Recipe};

/// Linear probe.
pub(super) const ENTRY: Entry = Entry {
    name: "linear-probe",
    title: "a linear map from the features under the last layer",
    reference: "Alain and Bengio 2016, arXiv 1610.01644",
    deviations: "none",
    size: Size::trained("C·(f + 1)"),
    checked: &[
        Checked::Sweep("default"),
        Checked::Sweep("vision-reprogramming"),
        Checked::Sweep("text-prompting"),
        Checked::Sweep("clip-prompting"),
        Checked::Sweep("audio-and-series"),
    ],
    method: || compose([], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }), Recipe::default()),
};
