//! A target vocabulary as mixtures of source tokens, and a linear classifier.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LinearMapSpec, LinearOn, ManipulationSpec, Optimizer, Recipe, Schedule, VocabularyMapSpec};

/// R2DL.
pub(super) const ENTRY: Entry = Entry {
    name: "r2dl",
    title: "each token of the training items as a learned mixture of its 16 nearest source tokens, linear classifier on the features",
    reference: "Vinod et al., arXiv 2301.02120; Melnyk et al., arXiv 2210.07144",
    deviations: "mixtures reach the 16 nearest tokens and are learned by gradient, not by dictionary learning; target tokens are written in the \
                 source's vocabulary; features of a decoder's last token, not of a masked one",
    size: Size::trained("T·n + C·(f + 1); n = 16"),
    checked: &[Checked::Sweep("text-prompting")],
    method: || {
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-2, schedule: Schedule::Cosine };
        let map = ManipulationSpec::VocabularyMap(VocabularyMapSpec { neighbours: 16 });
        compose([map], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features }), recipe)
    },
};
