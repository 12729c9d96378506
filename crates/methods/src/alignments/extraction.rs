//! The answer is found in generated text by the data set's extraction rule.
//!
//! # Reference
//! Kojima et al., arXiv 2205.11916, §3 ("answer cleansing"): decoded greedily; the first candidate of the text, or with examples
//! the first one behind their cue, and where that is not said the last of the text.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_models::Decoding;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::needs_generated_text;
use crate::{Align, AnswerForm, Generated, Part, Pick, Reads, Setup};

/// `part = "extraction"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ExtractionSpec {
    /// Which of the candidates is the answer.
    pub pick: Pick,
    /// Tokens of an answer, at most.
    pub max_tokens: usize,
}

impl Default for ExtractionSpec {
    fn default() -> Self {
        Self { pick: Pick::First, max_tokens: 32 }
    }
}

/// The choice among candidates.
#[derive(Module, Debug)]
pub struct ExtractedAnswer {
    #[module(skip)]
    pick: Pick,
    #[module(skip)]
    max_tokens: usize,
}

impl Part for ExtractionSpec {
    type Coordinates = Alignment;
    type Module = ExtractedAnswer;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn is_drawn(&self) -> bool {
        false
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ExtractedAnswer, Misfit> {
        needs_generated_text(setup, "extraction").map(|()| ExtractedAnswer { pick: self.pick.clone(), max_tokens: self.max_tokens })
    }
}

impl Align for ExtractedAnswer {
    fn reads(&self) -> Reads {
        Reads::Generated
    }

    fn generated(&self) -> Option<Generated> {
        Some(Generated { paths: 1, decoding: Decoding::Greedy, max_tokens: self.max_tokens })
    }

    fn answer(&self, text: &str, form: &AnswerForm) -> Option<String> {
        form.extraction.answer(text, &self.pick)
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
