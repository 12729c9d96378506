//! Learned tokens that a network makes of an embedding: P-tuning's prompt encoder.
//!
//! `z' = [MLP(E) ; z]`, E `[tokens, dim]`, `MLP(e) = W₃ relu(W₂ relu(W₁ e + b₁) + b₂) + b₃`. The network is trained with E and
//! could be thrown away afterwards.
//!
//! # Reference
//! Liu et al., arXiv 2103.10385, §3.2; the network is that of PEFT's `PromptEncoder` with `encoder_reparameterization_type =
//! "MLP"`. Deviation: the paper's biLSTM in front of the MLP is not there.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::relu};
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{site, text};
use crate::affine::Affine;
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
}

const fn unit_normal() -> PromptInit {
    PromptInit::Normal { std: 1.0 }
}

/// The embedding and its network.
#[derive(Module, Debug)]
pub struct MappedPrompt {
    /// E: `[tokens, dim]`
    embedding: Param<Tensor<2>>,
    layers: [Affine; 3],
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
        let layers = [(dim, hidden), (hidden, hidden), (hidden, dim)].map(|(n, m)| Affine::uniform(n, m, &mut rng, setup.device));
        Ok(MappedPrompt { embedding: Param::from_tensor(Tensor::from_data(embedding, in_f32(setup.device))), layers })
    }
}

impl Manipulate for MappedPrompt {
    fn embedding(&self, stream: Stream) -> Stream {
        let [first, second, third] = &self.layers;
        let tokens = third.forward(relu(second.forward(relu(first.forward(self.embedding.val())))));
        stream.insert_prompt(tokens.unsqueeze())
    }
}
