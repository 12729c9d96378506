//! In-context learning and bare items whose answers are divided by how likely they are anyway.

use std::num::NonZeroUsize;

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, AnswerPriorSpec, DemonstrationsSpec, ManipulationSpec, PriorOf, Recipe};

const DOMAIN_TEXTS: NonZeroUsize = NonZeroUsize::new(20).expect("not zero");

/// Four demonstrations; the prior is a mean over items.
pub(super) const BATCH: Entry = Entry {
    name: "icl-batch-calibrated",
    title: "in-context learning with 4 demonstrations, answers divided by their mean probability over items",
    reference: "Zhou et al., ICLR 2024, arXiv 2309.17249, eq. 3",
    deviations: "the mean is over the training items, their labels unseen (paper: over the tested batch, which makes a prediction depend \
                 on the items beside it); an item that is a demonstration, too, has the next of the draw in its place",
    size: Size::NONE.fitted("C"),
    checked: &[Checked::Sweep("text-prompting")],
    method: || of(4, PriorOf::TrainingItems),
};

/// Four demonstrations; the prior is a mean over texts of words of the domain.
pub(super) const DOMAIN: Entry = Entry {
    name: "icl-domain-calibrated",
    title: "in-context learning with 4 demonstrations, answers divided by their mean probability over 20 texts of drawn words",
    reference: "Fei et al., ACL 2023, arXiv 2305.19148, §4",
    deviations: "words are drawn from the training items of the trial (paper: from the whole task corpus)",
    size: Size::NONE.fitted("C"),
    checked: &[Checked::Sweep("text-prompting")],
    method: || of(4, PriorOf::DomainWords { texts: DOMAIN_TEXTS }),
};

/// No demonstrations; the prior is that behind the cue.
pub(super) const PMI: Entry = Entry {
    name: "zero-shot-pmi",
    title: "the bare item; the class whose answer gains most by it over the cue alone",
    reference: "Holtzman et al., EMNLP 2021, arXiv 2104.08315, eq. 2",
    deviations: "the template's cue is the domain premise (paper: a sentence written for each data set)",
    size: Size::NONE.fitted("C"),
    checked: &[Checked::Sweep("text-prompting")],
    method: || of(0, PriorOf::Cue),
};

fn of(shots: usize, of: PriorOf) -> crate::Method {
    let shots = (shots > 0).then(|| ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(shots)));
    compose(shots, AlignmentSpec::AnswerPrior(AnswerPriorSpec { of }), Recipe::default())
}
