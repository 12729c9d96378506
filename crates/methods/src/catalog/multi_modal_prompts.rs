//! Learned tokens in both towers, those of images made from those of texts.

use super::nearest_text::{nearest_text, template};
use super::{Checked, Entry, Size};
use crate::{CoupledPromptSpec, ManipulationSpec, Optimizer, PromptInit, Recipe, Schedule};

/// MaPLe.
pub(super) const ENTRY: Entry = Entry {
    name: "maple",
    title: "2 learned tokens at the first 9 blocks of both towers, the images' a linear map of the texts'; the class whose text is nearest",
    reference: "Khattak et al., CVPR 2023, arXiv 2210.03117, eq. 4 to 9",
    deviations: "as deep as the shallower tower, where that has fewer than 9 blocks; the images' first tokens are put in behind the norm in \
                 front of the blocks, not before it; warm-up to the rate over a fifth of the budget instead of one of five epochs at 1e-5; \
                 no augmentation; the epoch is chosen on a validation split (the official code keeps the last)",
    size: Size::trained("J·n·t + J·(t·d + d); n = 2; K = 9 + L − max(9, L); J = K + L_t − max(K, L_t)"),
    checked: &[Checked::Code("muzairkhattak/multimodal-prompt-learning@69bce21"), Checked::Sweep("clip-prompting")],
    method: || {
        let prompt = CoupledPromptSpec { tokens: 2, depth: 9, init: PromptInit::Text("a photo".to_owned()) };
        let recipe =
            Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 0.0035, schedule: Schedule::WarmupCosine { warmup: 0.2 } };
        nearest_text(vec![template(&["of a {}."]), ManipulationSpec::CoupledPrompt(prompt)], recipe)
    },
};
