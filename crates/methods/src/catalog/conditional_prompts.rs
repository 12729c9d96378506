//! Learned words in front of the names of classes, moved by what the image looks like.

use super::nearest_text::{nearest_text, template};
use super::{Checked, Entry, Size};
use crate::{ConditionedContextSpec, ManipulationSpec, Optimizer, PromptInit, Recipe, Schedule};

/// CoCoOp.
pub(super) const ENTRY: Entry = Entry {
    name: "cocoop",
    title: "4 learned words and a small network that moves them by the image's features; the class whose text is nearest",
    reference: "Zhou et al., CVPR 2022, arXiv 2203.05557, §3.2",
    deviations: "warm-up to the rate over a tenth of the budget instead of one of ten epochs at 1e-5; the batch is the sweep's, not one \
                 image; no augmentation; the epoch is chosen on a validation split (the official code keeps the last)",
    size: Size::trained("M·t + (f·g + g) + (g·t + t); M = 4; g = max(1, f / 16)"),
    checked: &[Checked::Code("KaiyangZhou/CoOp@ff61507"), Checked::Sweep("clip-prompting")],
    method: || {
        let context = ConditionedContextSpec { tokens: 4, init: PromptInit::Text("a photo of a".to_owned()) };
        let recipe =
            Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 0.002, schedule: Schedule::WarmupCosine { warmup: 0.1 } };
        nearest_text(vec![template(&["{}."]), ManipulationSpec::ConditionedContext(context)], recipe)
    },
};
