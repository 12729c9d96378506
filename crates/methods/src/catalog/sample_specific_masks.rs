//! A learned change of the whole image under a mask made of the image.

use super::ilm_vp::recipe;
use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, FrequencyMappingSpec, ManipulationSpec, MaskNetwork, Method, Refit, SampleMaskSpec};

const REFERENCE: &str = "Cai et al., ICML 2024, arXiv 2406.03150, eq. 4";
const DEVIATIONS: &str = "no augmentation; one learning rate for δ and the mask's network (as the official code for five \
                          convolutions; for six it takes a tenth, and keeps it); the epoch is chosen on a validation split; one site, \
                          parametric, though δ is added under the mask";

fn with(network: MaskNetwork) -> Method {
    let mask = SampleMaskSpec { network, ..SampleMaskSpec::default() };
    let mapping = FrequencyMappingSpec { refit: Refit::EveryEpoch, ..FrequencyMappingSpec::default() };
    compose([ManipulationSpec::SampleMask(mask)], AlignmentSpec::FrequencyMapping(mapping), recipe())
}

/// SMM with the network for `ResNet`s.
pub(super) const FIVE: Entry = Entry {
    name: "smm",
    title: "learned change of the whole image under a mask by five convolutions; frequency label mapping before every epoch",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·H·W + (9·c + 1)·8 + 24544 + (9·64 + 1)·c").fitted("240 + S·C"),
    checked: &[Checked::Code("tmlr-group/SMM@eeac33a"), Checked::Sweep("vision-reprogramming")],
    method: || with(MaskNetwork::Five),
};

/// SMM with the network for `ViT`s.
pub(super) const SIX: Entry = Entry {
    name: "smm-six",
    title: "learned change of the whole image under a mask by six convolutions; frequency label mapping before every epoch",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·H·W + (9·c + 1)·8 + 98656 + (9·128 + 1)·c").fitted("496 + S·C"),
    checked: &[Checked::Code("tmlr-group/SMM@eeac33a"), Checked::Sweep("vision-reprogramming")],
    method: || with(MaskNetwork::Six),
};
