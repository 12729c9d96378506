//! Tokens in front of the content that nobody learns: vectors of a text, or the mean embedding of each class's training items.
//!
//! `z' = [p ; z]`. With a text, p are the embeddings of its tokens, so that without special tokens it is the text itself, put in
//! front behind the embedding map. With classes, `p_c` is the mean content token of class c, first over an item's tokens, then
//! over items: one token a class, which no input has.
//!
//! # Reference
//! Petrov et al., ICLR 2024, arXiv 2310.19698, §2 (prompts at the embedding, fixed and learned, as one operator); Snell et al.,
//! NeurIPS 2017, arXiv 1703.05175, eq. 1 (means of classes as prototypes, there of features, and compared with, not put in
//! front).

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{same_classes, site, text};
use crate::{Manipulate, Part, PromptInit, Setup, Shown};

/// `part = "fixed-prompt"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FixedPromptSpec {
    /// What stands in front.
    pub of: FixedTokens,
    /// The backbone's modality.
    #[serde(default = "text")]
    pub modality: Modality,
}

/// What stands in front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FixedTokens {
    /// Embeddings of a text's tokens. Backbones with a vocabulary.
    Text(String),
    /// One token a class: the mean embedding of its training items.
    ClassMeans,
}

/// The tokens.
#[derive(Module, Debug)]
pub struct FixedPrompt {
    /// `[tokens, dim]`; means of classes are zero until they are made.
    tokens: Param<Tensor<2>>,
    #[module(skip)]
    is_of_items: bool,
}

impl Part for FixedPromptSpec {
    type Coordinates = Site;
    type Module = FixedPrompt;

    fn coordinates(&self) -> Site {
        site(self.modality, Format::Fixed, Location::Embedding, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<FixedPrompt, Misfit> {
        match &self.of {
            FixedTokens::Text(words) => {
                let n = setup.backbone.tokenizer().map_or(1, |tokenizer| tokenizer.encode(words).len().max(1));
                let data = PromptInit::Text(words.clone()).draw(n, setup, "fixed-prompt")?;
                Ok(FixedPrompt { tokens: constant(data, setup.device), is_of_items: false })
            }
            FixedTokens::ClassMeans => {
                same_classes(setup, "fixed-prompt")?;
                let shape = [setup.target.n_classes(), setup.backbone.card().main.dim];
                let zeros = TensorData::zeros::<f32, _>(shape);
                Ok(FixedPrompt { tokens: constant(zeros, setup.device), is_of_items: true })
            }
        }
    }
}

fn constant(data: TensorData, device: &Device) -> Param<Tensor<2>> {
    Param::initialized(ParamId::new(), Tensor::from_data(data, in_f32(device))).set_require_grad(false)
}

impl Manipulate for FixedPrompt {
    fn is_made_of_items(&self) -> bool {
        self.is_of_items
    }

    fn make(&mut self, shown: &Shown<'_>) -> Result<(), Misfit> {
        let classes = shown.class_means(None).remove(0);
        let shape = [classes.len(), classes[0].len()];
        self.tokens = constant(TensorData::new(classes.concat(), shape), &self.tokens.val().device());
        Ok(())
    }

    fn embedding(&self, stream: Stream) -> Stream {
        stream.insert_prompt(self.tokens.val().unsqueeze())
    }
}
