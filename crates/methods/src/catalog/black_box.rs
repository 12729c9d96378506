//! Reprogramming by queries alone: a frame, and a network that draws.

use std::num::NonZeroUsize;

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, FrequencyMappingSpec, ManipulationSpec, Optimizer, PixelFrameSpec, PixelGeneratorSpec, Recipe, Schedule, Squash,
};

/// BAR.
pub(super) const BAR: Entry = Entry {
    name: "bar",
    title: "pixel frame of tanh by random gradient-free descent, mean of the five source classes most often seen",
    reference: "Tsai et al., ICML 2020, arXiv 2007.08714, eq. 3 to 5",
    deviations: "five sources a class (paper: 6 to 10), those with the largest counts; cross-entropy instead of focal loss; recipe of \
                 BlackVIP's re-implementation (q = 5, radius .01, rate 5 falling to .1), for the authors' public script takes the \
                 gradient itself; the epoch is chosen on a validation split",
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[
        Checked::Code("yunyuntsai/Black-box-Adversarial-Reprogramming@fb95c9a"),
        Checked::Code("changdaeoh/BlackVIP@66606fb"),
        Checked::Sweep("vision-reprogramming"),
    ],
    method: || {
        let frame = PixelFrameSpec { squash: Squash::Tanh, init_std: 1.0, ..PixelFrameSpec::default() };
        let per_class = NonZeroUsize::new(5).expect("not zero");
        let mapping = FrequencyMappingSpec { per_class, ..FrequencyMappingSpec::default() };
        let recipe = Recipe {
            optimizer: Optimizer::Rgf { directions: 5, radius: 0.01 },
            learning_rate: 5.0,
            schedule: Schedule::Polynomial { until: 0.9, power: 0.9, end: 0.02 },
        };
        compose([ManipulationSpec::PixelFrame(frame)], AlignmentSpec::FrequencyMapping(mapping), recipe)
    },
};

/// BlackVIP.
pub(super) const BLACK_VIP: Entry = Entry {
    name: "blackvip",
    title: "a change of the image drawn from its features, by SPSA with gradient correction; frequency label mapping counted once",
    reference: "Oh et al., CVPR 2023, arXiv 2303.14773, §3",
    deviations: "a classifier's labels, counted once, instead of CLIP's class texts (identity); features of the backbone itself instead \
                 of a second encoder, so that each query costs two passes; each item normalised alone instead of batch normalisation; \
                 one setting (β .9, γ .1, c .01, ε 1, the paper's for Pets) instead of one a data set; the epoch is chosen on a \
                 validation split; one site, parametric, though what is drawn is added",
    size: Size::trained("n·u·u − d + 4·max(n, 64) + 8672 + 64·c; u = up(max(H, W), 32); n = max(32, pow2(up(2·d, u·u)))").fitted("S·C"),
    checked: &[Checked::Code("changdaeoh/BlackVIP@66606fb"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let recipe = Recipe {
            optimizer: Optimizer::SpsaGc { pairs: 5, perturbation: 0.01, decay: 0.1, momentum: 0.9 },
            learning_rate: 0.01,
            schedule: Schedule::InversePower { offset: 1.0, power: 0.4 },
        };
        let generator = ManipulationSpec::PixelGenerator(PixelGeneratorSpec::default());
        compose([generator], AlignmentSpec::FrequencyMapping(FrequencyMappingSpec::default()), recipe)
    },
};
