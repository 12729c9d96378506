//! Several learned contexts, carried to the patches of an image.

use super::nearest_text::template;
use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ClassContextsSpec, ManipulationSpec, Optimizer, PromptInit, Recipe, Schedule, TransportSpec};

/// PLOT.
pub(super) const ENTRY: Entry = Entry {
    name: "plot",
    title: "4 contexts of 16 learned words; the class whose texts are carried to the image's patches at the least cost",
    reference: "Chen et al., ICLR 2023, arXiv 2210.01253, eq. 5 to 8",
    deviations: "patches of a vision transformer, read as its class token is, instead of the map of a ResNet; warm-up to the rate over a \
                 fiftieth of the budget instead of one epoch at 1e-5; no augmentation; the epoch is chosen on a validation split (the \
                 official code keeps the last)",
    size: Size::trained("n·M·t; n = 4; M = 16"),
    checked: &[Checked::Code("CHENGY12/PLOT@728539f"), Checked::Sweep("clip-prompting")],
    method: || {
        let contexts = ClassContextsSpec { contexts: 4, tokens: 16, init: PromptInit::Normal { std: 0.02 } };
        let recipe =
            Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 0.002, schedule: Schedule::WarmupCosine { warmup: 0.02 } };
        let alignment = AlignmentSpec::Transport(TransportSpec::default());
        compose([template(&["{}."]), ManipulationSpec::ClassContexts(contexts)], alignment, recipe)
    },
};
