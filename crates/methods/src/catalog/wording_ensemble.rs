//! The bare item in several templates.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ManipulationSpec, Recipe, VerbalizerSpec, WordingsSpec};

/// An ensemble of the data set's templates.
pub(super) const ENTRY: Entry = Entry {
    name: "zero-shot-ensemble",
    title: "the bare item in the data set's template and its variants; the class of the highest mean log-probability",
    reference: "Schick and Schütze, EACL 2021, arXiv 2001.07676, §3.2",
    deviations: "nothing is trained and nothing distilled: the mean of log-probabilities alone, all templates counting alike",
    size: Size::NONE,
    checked: &[Checked::Sweep("text-prompting")],
    method: || {
        let wordings = ManipulationSpec::Wordings(WordingsSpec::default());
        compose([wordings], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), Recipe::default())
    },
};
