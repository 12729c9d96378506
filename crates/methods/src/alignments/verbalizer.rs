//! Each class is an answer in words; its score is the log-likelihood of the whole answer after the prompt.
//!
//! # Reference
//! Schick and Schütze, EACL 2021, arXiv 2001.07676, §3 (verbalizers); answers of several tokens are scored by their
//! summed log-likelihood, as lm-evaluation-harness scores choices.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::{Align, Part, Reads, Setup};

/// `part = "verbalizer"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerbalizerSpec {}

/// A table of answers, which the data set's template holds.
#[derive(Module, Debug, Default)]
pub struct Verbalizer {}

/// The misfit of a part that needs answers in words.
pub(super) fn needs_answers(setup: &Setup<'_>, part: &str) -> Result<(), Misfit> {
    if setup.target.template.is_some() && setup.backbone.tokenizer().is_some() {
        return Ok(());
    }
    Err(Misfit::PartNeeds {
        part: part.to_owned(),
        needs: "a language model and a data set whose template has answers in words".to_owned(),
    })
}

impl Part for VerbalizerSpec {
    type Coordinates = Alignment;
    type Module = Verbalizer;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Verbalizer, Misfit> {
        needs_answers(setup, "verbalizer").map(|()| Verbalizer {})
    }
}

impl Align for Verbalizer {
    fn reads(&self) -> Reads {
        Reads::Answers
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
