//! A learned size of the image, a frame around it, and one of two output maps.

use std::num::NonZeroUsize;

use super::ilm_vp::frame;
use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, FrequencyMappingSpec, LinearMapSpec, LinearOn, ManipulationSpec, Method, Optimizer, Recipe, Schedule,
    TrainableResizeSpec,
};

const REFERENCE: &str = "Tsao et al., ICLR 2024, arXiv 2310.08381, §3";
const DEVIATIONS: &str = "one point of the search space and no search (the official one ranks by training accuracy); the scale's gradient \
                          is not clipped; the epoch is chosen on a validation split";

fn with(alignment: AlignmentSpec) -> Method {
    let recipe =
        Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::MultiStep { at: vec![0.5, 0.72], factor: 0.1 } };
    compose([ManipulationSpec::TrainableResize(TrainableResizeSpec::default()), frame()], alignment, recipe)
}

/// What is searched: the image's size and whether it is learned, the output map, how often it is counted, and the rate.
pub(super) const SPACE: &str = r#"
image-size = [16, 20, 24]
"manipulation.0.scale" = [1.0, 1.25]
alignment = [
    { part = "frequency-mapping", refit = "once", per-class = 1 },
    { part = "frequency-mapping", refit = "every-epoch", per-class = 1 },
    { part = "frequency-mapping", refit = "once", per-class = 5 },
    { part = "linear", on = "logits" },
]
"recipe.learning-rate" = [0.001, 0.01, 0.1]
"#;

/// With its search: the start of what `[method.NAME.search]` tries.
pub(super) const ENTRY: Entry = Entry {
    name: "auto-vp",
    title: "learned image size, pixel frame, and an output map; sizes, map and rate are searched on validation",
    reference: REFERENCE,
    deviations: "ranked by validation accuracy on one seed (the official one by training accuracy, with ASHA); a grid of sizes, maps and \
                 rates without the choice among backbones and without the semantic map; the scale's gradient is not clipped; without a \
                 `search` in the sweep file it is the grid's first map at the paper's rate",
    size: Size::trained("1 + c·(H·W − h·w)").held("1 + c·H·W").fitted("S·C"),
    checked: &[Checked::Code("IBM/AutoVP@defe0d9"), Checked::Sweep("vision-reprogramming")],
    method: || with(AlignmentSpec::FrequencyMapping(FrequencyMappingSpec::default())),
};

/// Under a trained map of all logits.
pub(super) const FULL: Entry = Entry {
    name: "autovp-full",
    title: "learned image size, pixel frame, trained linear map of the source logits",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("1 + c·(H·W − h·w) + C·(S + 1)").held("1 + c·H·W + C·(S + 1)"),
    checked: &[Checked::Code("IBM/AutoVP@defe0d9"), Checked::Sweep("vision-reprogramming")],
    method: || with(AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits })),
};

/// Under the mean of five counted source classes.
pub(super) const FREQUENCY: Entry = Entry {
    name: "autovp-frequency",
    title: "learned image size, pixel frame, mean of the five source classes most often seen",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("1 + c·(H·W − h·w)").held("1 + c·H·W").fitted("S·C"),
    checked: &[Checked::Code("IBM/AutoVP@defe0d9"), Checked::Sweep("vision-reprogramming")],
    method: || {
        let per_class = NonZeroUsize::new(5).expect("not zero");
        with(AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { per_class, ..FrequencyMappingSpec::default() }))
    },
};
