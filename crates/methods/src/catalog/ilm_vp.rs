//! A pixel frame under random, frequency and iterative label mapping.

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, FrequencyMappingSpec, ManipulationSpec, Method, Optimizer, PixelFrameSpec, RandomMappingSpec, Recipe, Refit, Schedule,
    Squash,
};

const REFERENCE: &str = "Chen et al., CVPR 2023, arXiv 2211.11635, algorithm 1 and eq. 3";
const DEVIATIONS: &str = "the epoch is chosen on a validation split (the official code keeps the best test epoch); single precision";

/// The frame of ILM-VP: σ(δ) on the border, δ = 0 at the start.
pub(super) fn frame() -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash: Squash::Sigmoid, ..PixelFrameSpec::default() })
}

/// Adam .01, times .1 at half and at .72 of the epochs.
pub(super) fn recipe() -> Recipe {
    Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-2, schedule: Schedule::MultiStep { at: vec![0.5, 0.72], factor: 0.1 } }
}

fn with_frequency(refit: Refit) -> Method {
    compose([frame()], AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit, ..FrequencyMappingSpec::default() }), recipe())
}

/// Random label mapping.
pub(super) const RLM: Entry = Entry {
    name: "vp-rlm",
    title: "pixel frame, random label mapping",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("OPTML-Group/ILM-VP@84ca042"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || compose([frame()], AlignmentSpec::RandomMapping(RandomMappingSpec {}), recipe()),
};

/// Frequency label mapping.
pub(super) const FLM: Entry = Entry {
    name: "vp-flm",
    title: "pixel frame, frequency label mapping counted once",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("OPTML-Group/ILM-VP@84ca042"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || with_frequency(Refit::Once),
};

/// Iterative label mapping.
pub(super) const ILM: Entry = Entry {
    name: "vp-ilm",
    title: "pixel frame, frequency label mapping counted before every epoch",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("OPTML-Group/ILM-VP@84ca042"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || with_frequency(Refit::EveryEpoch),
};
