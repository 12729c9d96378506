//! The generated text is the answer as it stands: right where it is the gold answer letter by letter, blanks at its ends aside.
//!
//! # Reference
//! Brown et al., arXiv 2005.14165, §2.4 (exact match of free completions), without any normalisation. In the taxonomy the text is
//! parsed verbatim: `O(u) = u`.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_models::Decoding;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::needs_generated_text;
use crate::{Align, AnswerForm, Generated, Part, Reads, Setup};

/// `part = "verbatim"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct VerbatimSpec {
    /// Tokens of an answer, at most.
    pub max_tokens: usize,
}

impl Default for VerbatimSpec {
    fn default() -> Self {
        Self { max_tokens: 32 }
    }
}

/// How long an answer may be.
#[derive(Module, Debug)]
pub struct Verbatim {
    #[module(skip)]
    max_tokens: usize,
}

impl Part for VerbatimSpec {
    type Coordinates = Alignment;
    type Module = Verbatim;

    fn coordinates(&self) -> Alignment {
        Alignment::Identity
    }

    fn is_drawn(&self) -> bool {
        false
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Verbatim, Misfit> {
        needs_generated_text(setup, "verbatim").map(|()| Verbatim { max_tokens: self.max_tokens })
    }
}

impl Align for Verbatim {
    fn reads(&self) -> Reads {
        Reads::Generated
    }

    fn generated(&self) -> Option<Generated> {
        Some(Generated { paths: 1, decoding: Decoding::Greedy, max_tokens: self.max_tokens })
    }

    fn answer(&self, text: &str, _form: &AnswerForm) -> Option<String> {
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn rule(&self, _form: &AnswerForm) -> String {
        "verbatim@1".to_owned()
    }

    fn gold(&self, gold: &str, _form: &AnswerForm) -> Option<String> {
        Some(gold.to_owned())
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
