//! Several replies are drawn, an answer is found in each, and most votes win.
//!
//! # Reference
//! Wang et al., ICLR 2023, arXiv 2203.11171, §2 (self-consistency, the unweighted vote); there is no official code. Temperature .7
//! and the 40 best tokens are those of its §3.1 for the largest model. Of equally many votes those that came first win.

use std::num::NonZeroUsize;

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_models::{Decoding, Sampling};
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::needs_generated_text;
use crate::{Align, AnswerForm, Generated, Part, Pick, Reads, Setup};

/// `part = "majority"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MajoritySpec {
    /// Replies to an item.
    pub paths: NonZeroUsize,
    /// What scores are divided by.
    pub temperature: f64,
    /// Tokens that may be drawn: the best so many.
    pub top_k: Option<NonZeroUsize>,
    /// Which of the candidates is the answer of a reply.
    pub pick: Pick,
    /// Tokens of an answer, at most.
    pub max_tokens: usize,
}

impl Default for MajoritySpec {
    fn default() -> Self {
        let forty = NonZeroUsize::new(40);
        Self { paths: forty.unwrap_or(NonZeroUsize::MIN), temperature: 0.7, top_k: forty, pick: Pick::First, max_tokens: 32 }
    }
}

/// The draw and the choice.
#[derive(Module, Debug)]
pub struct Majority {
    #[module(skip)]
    generated: Generated,
    #[module(skip)]
    pick: Pick,
}

impl Part for MajoritySpec {
    type Coordinates = Alignment;
    type Module = Majority;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Majority, Misfit> {
        needs_generated_text(setup, "majority")?;
        let sampling = Sampling::new(self.temperature, self.top_k, None);
        let sampling = sampling.map_err(|error| Misfit::PartNeeds {
            part: "majority".to_owned(),
            needs: format!("to draw: {}", error.to_string().lines().next().unwrap_or_default()),
        })?;
        let generated = Generated { paths: self.paths.get(), decoding: Decoding::Sampled(sampling), max_tokens: self.max_tokens };
        Ok(Majority { generated, pick: self.pick.clone() })
    }
}

impl Align for Majority {
    fn reads(&self) -> Reads {
        Reads::Generated
    }

    fn generated(&self) -> Option<Generated> {
        Some(self.generated)
    }

    fn answer(&self, text: &str, form: &AnswerForm) -> Option<String> {
        form.extraction.answer(text, &self.pick)
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
