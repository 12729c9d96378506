//! An image classifier reads texts: words are learned patches.

use std::num::NonZeroUsize;

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, BaseImage, ManipulationSpec, Optimizer, RankMappingSpec, Recipe, Reduction, Schedule, TokenPatchesSpec};

/// Cross-modal adversarial reprogramming.
pub(super) const ENTRY: Entry = Entry {
    name: "cross-modal",
    title: "words as learned patches of 4 pixels in raster order, 5 source labels a class by rank on a base image, largest of them",
    reference: "Neekhara et al., WACV 2022, arXiv 2102.07325",
    deviations: "patches of 4 instead of 16 pixels (32-pixel backbones), 5 instead of 10 source labels a class (10 source labels); words of the \
                 training items instead of BERT's pieces; no penalty on patches",
    size: Size::trained("(D + 2)·c·s·s; s = 4").fitted("S·C·m; m = 5"),
    checked: &[Checked::Code("paarthneekhara/multimodal_rerprogramming@b547f23"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let patches = TokenPatchesSpec { size: 4, init_std: 1.0 };
        let per_class = NonZeroUsize::new(5).expect("five is not zero");
        let rank = RankMappingSpec { per_class, reduction: Reduction::Max, base: BaseImage::Grey };
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Constant };
        compose([ManipulationSpec::TokenPatches(patches)], AlignmentSpec::RankMapping(rank), recipe)
    },
};
