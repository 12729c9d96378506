//! A pixel frame under a trained linear map of the source logits, and the map alone.

use super::ilm_vp::{frame, recipe};
use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LinearMapSpec, LinearOn};

const MAP: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits });

/// Frame and map.
pub(super) const ENTRY: Entry = Entry {
    name: "vp-linear",
    title: "pixel frame, trained linear map of the source logits",
    reference: "Tsao et al., ICLR 2024, arXiv 2310.08381 (AutoVP, FullyMap)",
    deviations: "no search over sizes and mappings; W starts uniform, not at the identity; ILM-VP's recipe",
    size: Size::trained("c·(H·W − h·w) + C·(S + 1)").held("c·H·W + C·(S + 1)"),
    checked: &[Checked::Code("IBM/AutoVP@defe0d9"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || compose([frame()], MAP, recipe()),
};

/// The map alone: the matched control.
pub(super) const HEAD_ONLY: Entry = Entry {
    name: "linear-only",
    title: "no manipulation; trained linear map of the source logits (the head-only control)",
    reference: "Tsao et al., ICLR 2024, arXiv 2310.08381 (FullyMap), without its delta",
    deviations: "a control, not a published method",
    size: Size::trained("C·(S + 1)"),
    checked: &[Checked::Sweep("default"), Checked::Sweep("vision-reprogramming"), Checked::Sweep("audio-and-series")],
    method: || compose([], MAP, recipe()),
};
