//! Learned tokens in front of the content: prompt tuning.
//!
//! `z' = [p ; z]`, p `[tokens, dim]`; on a vision transformer the same is VPT-shallow, behind the class token.
//!
//! # Reference
//! Lester et al., EMNLP 2021, arXiv 2104.08691, §2; Jia et al., ECCV 2022, arXiv 2203.12119, eq. 4. Initialisation
//! decides whether it learns: token embeddings are far smaller than N(0, 1).

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use rand::RngExt;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::standard_normal;
use super::site;
use crate::{Manipulate, Part, Setup};

/// Where the tokens start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PromptInit {
    /// Embeddings of tokens drawn from the vocabulary.
    Vocabulary,
    /// Independent normal numbers.
    Normal {
        /// Their standard deviation.
        std: f32,
    },
    /// Embeddings of a text's tokens, repeated or cut to length.
    Text(String),
}

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

const fn text() -> Modality {
    Modality::Text
}

impl PromptInit {
    const fn vocabulary() -> Self {
        Self::Vocabulary
    }
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
        let needs = |needs: &str| Misfit::PartNeeds { part: "soft-prompt".to_owned(), needs: needs.to_owned() };
        if self.tokens == 0 {
            return Err(needs("at least one token"));
        }
        let dim = setup.backbone.card().main.dim;
        let mut rng = setup.seed.fork("soft-prompt").rng();
        let embeddings =
            || setup.backbone.token_embeddings().ok_or_else(|| needs("a backbone with a vocabulary, or `init = { normal = { std = … } }`"));
        let rows = |ids: Vec<i32>, table: Tensor<2>| {
            let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), &table.device());
            table.select(0, ids).into_data()
        };
        let data = match &self.init {
            PromptInit::Normal { std } => {
                TensorData::new((0..self.tokens * dim).map(|_| std * standard_normal(&mut rng)).collect::<Vec<f32>>(), [self.tokens, dim])
            }
            PromptInit::Vocabulary => {
                let table = embeddings()?;
                let n = table.dims()[0];
                rows((0..self.tokens).map(|_| rng.random_range(0..n) as i32).collect(), table)
            }
            PromptInit::Text(words) => {
                let table = embeddings()?;
                let ids = setup.backbone.tokenizer().map(|tokenizer| tokenizer.encode(words)).unwrap_or_default();
                if ids.is_empty() {
                    return Err(needs("an initial text with at least one token"));
                }
                rows(ids.iter().map(|id| id.cast_signed()).cycle().take(self.tokens).collect(), table)
            }
        };
        Ok(SoftPrompt { tokens: Param::from_tensor(Tensor::from_data(data, in_f32(setup.device))) })
    }
}

impl Manipulate for SoftPrompt {
    fn embedding(&self, stream: Stream) -> Stream {
        stream.insert_prompt(self.tokens.val().unsqueeze())
    }
}
