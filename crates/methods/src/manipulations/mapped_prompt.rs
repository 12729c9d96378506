//! Learned tokens that a network makes of an embedding: P-tuning's prompt encoder.
//!
//! `z' = [MLP(E) ; z]`, E `[tokens, dim]`, `MLP(e) = W₃ relu(W₂ relu(W₁ e + b₁) + b₂) + b₃`; or `W₂ relu(W₁ LSTM(E) + b₁) + b₂`
//! with an LSTM of two layers that reads the prompt from both sides. The network is trained with E and could be thrown away
//! afterwards.
//!
//! # Reference
//! Liu et al., arXiv 2103.10385, §3.2; the networks are those of PEFT's `PromptEncoder`, by default the one with
//! `encoder_reparameterization_type = "MLP"`; the paper's is `encoder = "lstm"`, here without dropout.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::relu};
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{site, text};
use crate::affine::Affine;
use crate::family::is_default;
use crate::lstm::BiLstm;
use crate::{Manipulate, Part, PromptInit, Setup};

/// `part = "mapped-prompt"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MappedPromptSpec {
    /// Number of tokens.
    pub tokens: usize,
    /// Width of the network's hidden layers; without it, that of the backbone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Where E starts.
    #[serde(default = "unit_normal")]
    pub init: PromptInit,
    /// The backbone's modality.
    #[serde(default = "text")]
    pub modality: Modality,
    /// The network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoder: PromptEncoder,
}

/// What makes tokens of an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptEncoder {
    /// Each token for itself, three layers.
    #[default]
    Mlp,
    /// Both directions over all tokens, two layers, then two for each token.
    Lstm,
}

const fn unit_normal() -> PromptInit {
    PromptInit::Normal { std: 1.0 }
}

/// The embedding and its network.
#[derive(Module, Debug)]
pub struct MappedPrompt {
    /// E: `[tokens, dim]`
    embedding: Param<Tensor<2>>,
    lstm: Option<BiLstm>,
    layers: Vec<Affine>,
}

impl Part for MappedPromptSpec {
    type Coordinates = Site;
    type Module = MappedPrompt;

    fn coordinates(&self) -> Site {
        site(self.modality, Format::Learnable, Location::Embedding, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<MappedPrompt, Misfit> {
        let dim = setup.backbone.card().main.dim;
        let hidden = self.hidden.unwrap_or(dim);
        if hidden == 0 {
            return Err(Misfit::PartNeeds { part: "mapped-prompt".to_owned(), needs: "a `hidden` of at least one".to_owned() });
        }
        let embedding = self.init.draw(self.tokens, setup, "mapped-prompt")?;
        let mut rng = setup.seed.fork("mapped-prompt network").rng();
        let (lstm, widths) = match self.encoder {
            PromptEncoder::Mlp => (None, vec![(dim, hidden), (hidden, hidden), (hidden, dim)]),
            PromptEncoder::Lstm => {
                let lstm = BiLstm::uniform(dim, hidden, 2, &mut rng, setup.device);
                (Some(lstm), vec![(2 * hidden, 2 * hidden), (2 * hidden, dim)])
            }
        };
        let layers = widths.into_iter().map(|(n, m)| Affine::uniform(n, m, &mut rng, setup.device)).collect();
        let embedding = Param::from_tensor(Tensor::from_data(embedding, in_f32(setup.device)));
        Ok(MappedPrompt { embedding, lstm, layers })
    }
}

impl Manipulate for MappedPrompt {
    fn embedding(&self, stream: Stream) -> Stream {
        let embedding = self.embedding.val();
        let read = self.lstm.as_ref().map_or(embedding.clone(), |lstm| lstm.forward(embedding));
        let (last, inner) = self.layers.split_last().expect("a network has layers");
        let tokens = last.forward(inner.iter().fold(read, |tokens, layer| relu(layer.forward(tokens))));
        stream.insert_prompt(tokens.unsqueeze())
    }
}
