//! A learned border, patch or watermark on top of the whole image.

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, Cover, FirstClassesSpec, FrequencyMappingSpec, ManipulationSpec, Optimizer, PixelDeltaSpec, PixelRange, PixelUnits,
    Recipe, Refit, Schedule, Squash,
};

const REFERENCE: &str = "Bahng et al., arXiv 2203.17274, §3.1";
const DEVIATIONS: &str = "the classifiers' version (first classes), not CLIP's; the share of the canvas that 30 of 224 pixels are; \
                          warm-up over a tenth of the budget instead of 1,000 steps; the epoch is chosen on a validation split; δ is \
                          stored on the whole canvas";

/// 30 of 224 pixels.
const SHARE: f64 = 30.0 / 224.0;

/// δ added behind the backbone's standardisation, from N(0, std²).
fn delta(cover: Cover, init_std: f32) -> ManipulationSpec {
    let (units, range) = (PixelUnits::Standardised, PixelRange::Free);
    ManipulationSpec::PixelDelta(PixelDeltaSpec { cover, squash: Squash::None, init_std, units, range })
}

/// SGD 40 with momentum .9, a line up and half a cosine down.
fn recipe() -> Recipe {
    Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 40.0, schedule: Schedule::WarmupCosine { warmup: 0.1 } }
}

/// VP, padding.
pub(super) const PAD: Entry = Entry {
    name: "vp-pad",
    title: "learned border on top of the image, behind its standardisation; first source classes",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − (H − 2·b)·(W − 2·b)); b = 30·e / 224").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Parity("vp_pad.*"), Checked::Code("hjbahng/visual_prompting@679e71f"), Checked::Sweep("vision-reprogramming")],
    method: || compose([delta(Cover::BorderShare { share: SHARE }, 1.0)], AlignmentSpec::FirstClasses(FirstClassesSpec {}), recipe()),
};

/// VP, padding, on CLIP.
pub(super) const PAD_NEAREST_TEXT: Entry = Entry {
    name: "vp-pad-clip",
    title: "learned border on top of the image, behind its standardisation; the class whose text is nearest",
    reference: REFERENCE,
    deviations: "the share of the canvas that 30 of 224 pixels are; warm-up over a tenth of the budget instead of 1,000 steps; the epoch is \
                 chosen on a validation split; δ is stored on the whole canvas",
    size: Size::trained("c·(H·W − (H − 2·b)·(W − 2·b)); b = 30·e / 224").held("c·H·W"),
    checked: &[Checked::Parity("vp_pad.*"), Checked::Code("hjbahng/visual_prompting@679e71f"), Checked::Sweep("clip-prompting")],
    method: || {
        super::nearest_text::nearest_text(
            vec![super::nearest_text::template(&["This is a photo of a {}."]), delta(Cover::BorderShare { share: SHARE }, 1.0)],
            recipe(),
        )
    },
};

/// VP, fixed patch.
pub(super) const PATCH: Entry = Entry {
    name: "vp-patch",
    title: "learned patch in the upper left corner, behind the image's standardisation; first source classes",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·b·b; b = 30·e / 224").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("hjbahng/visual_prompting@679e71f"), Checked::Sweep("vision-reprogramming")],
    method: || compose([delta(Cover::CornerShare { share: SHARE }, 1.0)], AlignmentSpec::FirstClasses(FirstClassesSpec {}), recipe()),
};

/// Watermark on the whole image under iterative label mapping.
pub(super) const WATERMARK: Entry = Entry {
    name: "vp-watermark",
    title: "learned change of the whole image, behind its standardisation; frequency label mapping before every epoch",
    reference: "Cai et al., ICML 2024, arXiv 2406.03150, §3 (the full watermark that masks are compared with)",
    deviations: "no augmentation; the epoch is chosen on a validation split",
    size: Size::trained("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("tmlr-group/SMM@eeac33a"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let mapping = FrequencyMappingSpec { refit: Refit::EveryEpoch, ..FrequencyMappingSpec::default() };
        compose([delta(Cover::Whole, 0.0)], AlignmentSpec::FrequencyMapping(mapping), super::ilm_vp::recipe())
    },
};
