//! In-context learning whose answers are calibrated by content-free inputs.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ContextualCalibrationSpec, DemonstrationsSpec, ManipulationSpec, Recipe};

/// Four demonstrations, calibrated.
pub(super) const ENTRY: Entry = Entry {
    name: "icl-calibrated",
    title: "in-context learning with 4 demonstrations and contextual calibration",
    reference: "Zhao et al., ICML 2021, arXiv 2102.09690, eq. 2",
    deviations: "answers of several tokens are scored by their summed log-likelihood (the official code asserts one token)",
    size: Size::NONE.fitted("C"),
    checked: &[Checked::Code("tonyzhaozh/few-shot-learning@e04d864"), Checked::Sweep("default"), Checked::Sweep("text-prompting")],
    method: || {
        let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(4));
        compose([shots], AlignmentSpec::ContextualCalibration(ContextualCalibrationSpec {}), Recipe::default())
    },
};
