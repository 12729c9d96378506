//! Learned tokens in front of the content: prompt tuning.
//!
//! `z' = [p ; z]`, p `[tokens, dim]`; on a vision transformer the same is VPT-shallow, behind the class token.
//!
//! # Reference
//! Lester et al., EMNLP 2021, arXiv 2104.08691, §2; Jia et al., ECCV 2022, arXiv 2203.12119, eq. 4.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{site, text};
use crate::{Manipulate, Part, PromptInit, Setup};

/// `part = "soft-prompt"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SoftPromptSpec {
    /// Number of tokens.
    pub tokens: usize,
    /// Where they start.
    #[serde(default = "PromptInit::vocabulary")]
    pub init: PromptInit,
    /// The backbone's modality.
    #[serde(default = "text")]
    pub modality: Modality,
}

/// The prompt.
#[derive(Module, Debug)]
pub struct SoftPrompt {
    /// `[tokens, dim]`
    tokens: Param<Tensor<2>>,
}

impl Part for SoftPromptSpec {
    type Coordinates = Site;
    type Module = SoftPrompt;

    fn coordinates(&self) -> Site {
        site(self.modality, Format::Learnable, Location::Embedding, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<SoftPrompt, Misfit> {
        let data = self.init.draw(self.tokens, setup, "soft-prompt")?;
        Ok(SoftPrompt { tokens: Param::from_tensor(Tensor::from_data(data, in_f32(setup.device))) })
    }
}

impl Manipulate for SoftPrompt {
    fn embedding(&self, stream: Stream) -> Stream {
        stream.insert_prompt(self.tokens.val().unsqueeze())
    }
}
