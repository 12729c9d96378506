//! A frame around a smaller image, moved along the gradient's direction by the same length each step.

use super::nearest_text::{nearest_text, template};
use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, Assignment, FrequencyMappingSpec, ManipulationSpec, Optimizer, PixelFrameSpec, Recipe, Refit, Schedule, Squash,
};

/// EVP.
pub(super) const ENTRY: Entry = Entry {
    name: "evp",
    title: "pixel frame without φ, normalised gradient; each class the source class it is most often seen as",
    reference: "Wu et al., arXiv 2212.10556, §3.1 and §3.2",
    deviations: "the classifiers' version, not CLIP's; sources are counted with the frame's zeros around the image, not without; no \
                 augmentation; the epoch is chosen on a validation split; the step of length 70 is that of 224 pixels: a smaller frame \
                 wants a shorter one",
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("UCSC-VLAA/EVP@96b7131"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let mapping = FrequencyMappingSpec { refit: Refit::Once, assignment: Assignment::Mode, ..FrequencyMappingSpec::default() };
        compose([frame()], AlignmentSpec::FrequencyMapping(mapping), recipe())
    },
};

/// EVP on CLIP.
pub(super) const NEAREST_TEXT: Entry = Entry {
    name: "evp-clip",
    title: "pixel frame without φ, normalised gradient; the class whose text is nearest",
    reference: "Wu et al., arXiv 2212.10556, §3.1",
    deviations: "no augmentation; the epoch is chosen on a validation split; the step of length 70 is that of 224 pixels: a smaller frame \
                 wants a shorter one",
    size: Size::trained("c·(H·W − h·w)").held("c·H·W"),
    checked: &[Checked::Code("UCSC-VLAA/EVP@96b7131"), Checked::Sweep("clip-prompting")],
    method: || nearest_text(vec![template(&["this is a photo of a {}"]), frame()], recipe()),
};

/// δ without φ, zero at the start.
fn frame() -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash: Squash::None, init_std: 0.0, ..PixelFrameSpec::default() })
}

fn recipe() -> Recipe {
    Recipe { optimizer: Optimizer::NormalisedSgd, learning_rate: 70.0, schedule: Schedule::Cosine }
}
