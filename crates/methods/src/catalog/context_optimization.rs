//! Learned words in front of the names of classes.

use super::nearest_text::{nearest_text, template};
use super::{Checked, Entry, Size};
use crate::{ClassContextSpec, ContextOf, ManipulationSpec, Method, NamePlace, NearText, Optimizer, PromptInit, Recipe, Schedule};

const REFERENCE: &str = "Zhou et al., IJCV 2022, arXiv 2109.01134, eq. 2 to 4";
const DEVIATIONS: &str = "the name at the end; warm-up to the rate over a fiftieth of the budget instead of one epoch at 1e-5; no \
                          augmentation; the epoch is chosen on a validation split (the official code keeps the last)";

fn with(of: ContextOf) -> Method {
    built(ClassContextSpec { tokens: 16, init: PromptInit::Normal { std: 0.02 }, of, name: NamePlace::End, near: None })
}

/// Four words that start as hand-written ones do.
fn photo(near: Option<NearText>) -> Method {
    let init = PromptInit::Text("a photo of a".to_owned());
    built(ClassContextSpec { tokens: 4, init, of: ContextOf::All, name: NamePlace::End, near })
}

fn built(context: ClassContextSpec) -> Method {
    let recipe =
        Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 0.002, schedule: Schedule::WarmupCosine { warmup: 0.02 } };
    nearest_text(vec![template(&["{}."]), ManipulationSpec::ClassContext(context)], recipe)
}

/// CoOp.
pub(super) const ENTRY: Entry = Entry {
    name: "coop",
    title: "16 learned words in front of the names of all classes; the class whose text is nearest to the image",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("M·t; M = 16"),
    checked: &[Checked::Parity("coop.*"), Checked::Code("KaiyangZhou/CoOp@ff61507"), Checked::Sweep("clip-prompting")],
    method: || with(ContextOf::All),
};

/// CoOp with a context for each class.
pub(super) const CLASS_SPECIFIC: Entry = Entry {
    name: "coop-class-specific",
    title: "16 learned words of its own in front of each class's name; the class whose text is nearest to the image",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("C·M·t; M = 16"),
    checked: &[Checked::Code("KaiyangZhou/CoOp@ff61507"), Checked::Sweep("clip-prompting")],
    method: || with(ContextOf::Each),
};

/// CoOp from hand-written words.
pub(super) const PHOTO: Entry = Entry {
    name: "coop-photo",
    title: "4 learned words, \"a photo of a\" at the start, in front of the names of all classes; the class whose text is nearest",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("M·t; M = 4"),
    checked: &[Checked::Code("KaiyangZhou/CoOp@ff61507"), Checked::Sweep("clip-prompting")],
    method: || photo(None),
};

/// KgCoOp.
pub(super) const KNOWLEDGE_GUIDED: Entry = Entry {
    name: "kgcoop",
    title: "4 learned words, the classes' texts kept near to \"a photo of a …\" by a term of the loss; the class whose text is nearest",
    reference: "Yao et al., CVPR 2023, arXiv 2303.13283, eq. 3 to 5",
    deviations: "one hand-written sentence for all data sets; warm-up to the rate over a fiftieth of the budget instead of one epoch at 1e-5; \
                 no augmentation; the epoch is chosen on a validation split (the official code keeps the last)",
    size: Size::trained("M·t; M = 4"),
    checked: &[Checked::Code("htyao89/KgCoOp@c43ccc3"), Checked::Sweep("clip-prompting")],
    method: || photo(Some(NearText { template: "a photo of a {}.".to_owned(), weight: 8.0 })),
};
