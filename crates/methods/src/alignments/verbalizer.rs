//! Each class is an answer in words; its score is the log-likelihood of the whole answer after the prompt.
//!
//! # Reference
//! Schick and Schütze, EACL 2021, arXiv 2001.07676, §3 (verbalizers); answers of several tokens are scored by their
//! summed log-likelihood, as lm-evaluation-harness scores choices.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::{Align, Part, Prompt, Reads, Setup};

/// `part = "verbalizer"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerbalizerSpec {}

/// A table of answers, which the data set's template holds.
#[derive(Module, Debug, Default)]
pub struct Verbalizer {}

/// The misfit of a part that needs answers in words, each of a token at least.
pub(super) fn needs_answers(setup: &Setup<'_>, part: &str) -> Result<(), Misfit> {
    let misfit = |needs: String| Misfit::PartNeeds { part: part.to_owned(), needs };
    let (Some(template), Some(tokenizer)) = (&setup.target.template, setup.backbone.tokenizer()) else {
        return Err(misfit("a language model and a data set whose template has answers in words".to_owned()));
    };
    let bare = template.render(&Prompt::new(""));
    match template.answers().iter().find(|answer| tokenizer.encode_pair(&bare, answer).continuation.is_empty()) {
        None => Ok(()),
        Some(answer) => Err(misfit(format!("answers that the tokenizer keeps apart from the cue: of `{answer}` no token is left"))),
    }
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
