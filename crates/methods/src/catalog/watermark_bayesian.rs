//! A learned change of the whole image under Bayesian label mapping.

use super::{Checked, Entry, Size, compose, ilm_vp};
use crate::{AlignmentSpec, BayesianMappingSpec, Cover, ManipulationSpec, PixelDeltaSpec, PixelRange, PixelUnits, Squash};

/// BLM on a watermark.
pub(super) const ENTRY: Entry = Entry {
    name: "vp-watermark-blm",
    title: "learned change of the whole image, behind its standardisation; Bayesian label mapping from predictions",
    reference: "Cai et al., NeurIPS 2024, arXiv 2410.24018 (its second input manipulation, beside the frame)",
    deviations: "no augmentation; k is at least 1 and a class without counts is spread evenly (the official code gives NaN); the epoch is \
                 chosen on a validation split",
    size: Size::trained("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("tmlr-group/BayesianLM@0468ac1"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let (units, range) = (PixelUnits::Standardised, PixelRange::Free);
        let watermark = PixelDeltaSpec { cover: Cover::Whole, squash: Squash::None, init_std: 0.0, units, range };
        let mapping = AlignmentSpec::BayesianMapping(BayesianMappingSpec::default());
        compose([ManipulationSpec::PixelDelta(watermark)], mapping, ilm_vp::recipe())
    },
};
