//! A linear classifier on frozen features.

use super::{Entry, Size, compose};
use crate::{AlignmentSpec, LinearMapSpec, LinearOn, Recipe};

/// Linear probe.
pub(super) const ENTRY: Entry = Entry {
    name: "linear-probe",
    title: "a linear map from the features under the last layer",
    reference: "Alain and Bengio 2016, arXiv 1610.01644",
    deviations: "none",
    size: Size::trained("C·(f + 1)"),
    checked: &[],
    method: || compose([], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }), Recipe::default()),
};
