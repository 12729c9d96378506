//! Learned tokens in front of the content, others at every block: VPT-deep.
//!
//! At the first of its blocks the prompt `P_l` is put in behind the special tokens; at each later one what has become of it is
//! dropped and that block's own tokens stand in its place: `[x_l, _, E_l] = L_l([x_{l−1}, P_{l−1}, E_{l−1}])`. Behind the last
//! of its blocks the tokens flow on.
//!
//! # Reference
//! Jia et al., ECCV 2022, arXiv 2203.12119, eq. 6. The same for language models is not P-tuning v2, which learns keys and
//! values: see [`super::KeyValuePrefix`].

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Layers, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{all_layers, hidden_site, layers_within, vision};
use crate::{Manipulate, Part, PromptInit, Setup};

/// `part = "deep-prompt"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeepPromptSpec {
    /// Number of tokens at each block.
    pub tokens: usize,
    /// At which blocks.
    #[serde(default = "all_layers")]
    pub layers: Layers,
    /// Where they start.
    #[serde(default = "PromptInit::xavier")]
    pub init: PromptInit,
    /// The backbone's modality.
    #[serde(default = "vision")]
    pub modality: Modality,
}

/// The prompts.
#[derive(Module, Debug)]
pub struct DeepPrompt {
    /// `[blocks, tokens, dim]`
    tokens: Param<Tensor<3>>,
    #[module(skip)]
    first: usize,
}

impl Part for DeepPromptSpec {
    type Coordinates = Site;
    type Module = DeepPrompt;

    fn coordinates(&self) -> Site {
        hidden_site(self.modality, Format::Learnable, Operator::Concatenative, self.layers)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<DeepPrompt, Misfit> {
        let blocks = layers_within(self.layers, setup);
        let dim = setup.backbone.card().main.dim;
        let data = self.init.draw(self.tokens * blocks.len(), setup, "deep-prompt")?;
        let tokens = Tensor::<2>::from_data(data, in_f32(setup.device)).reshape([blocks.len(), self.tokens, dim]);
        Ok(DeepPrompt { tokens: Param::from_tensor(tokens), first: blocks.start })
    }
}

impl Manipulate for DeepPrompt {
    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        let tokens = self.tokens.val();
        match layer.checked_sub(self.first) {
            Some(0) => stream.insert_prompt(tokens.narrow(0, 0, 1)),
            Some(at) if at < tokens.dims()[0] => stream.replace_prompt(tokens.narrow(0, at, 1)),
            Some(_) | None => stream,
        }
    }
}
