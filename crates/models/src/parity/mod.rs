//! Is this checkpoint loaded right? Recorded outputs of the reference implementation, against what the model here computes.
//!
//! A file of expected tensors names its inputs and its outputs; [`Expected::compare`] feeds the ones to a backbone and
//! compares the others. Losses are mean cross-entropies, gradients those of the loss beside them.
//!
//! ```text
//! images       pixel_values labels             → hidden.i logits loss grad_pixel_values
//!              vp.{image,delta,mask}           → vp.{logits,loss,grad_delta}
//!              vpt.prompts                     → vpt_{shallow,deep}.{logits,loss,grad}
//! texts        input_ids labels                → hidden.i logits loss grad_inputs_embeds
//!              attention_mask                  → masked.{logits,loss}
//!              leftpad.{input_ids,attention_mask,position_ids} → leftpad.last_logits
//!              greedy.prompt                   → greedy.output
//!              prompt_tuning.param.*           → prompt_tuning.{logits,loss,grad.*}
//!              prefix_tuning.param.*           → prefix_tuning.{logits,loss,grad.*}
//!              p_tuning.virtual_tokens         → p_tuning.{logits,loss}
//! encoders     input_ids attention_mask        → hidden.i features
//! two towers   pixel_values input_ids labels   → {vision,text}.hidden.i {image,text}_embeds logits_per_{image,text} probabilities
//!                                                loss grad_pixel_values
//!              coop.{ctx,input_ids}            → coop.{text_embeds,logits,loss,grad_ctx}
//! ```
//!
//! `hidden.0` is what the first block is fed and `hidden.i` what block i gives; in a language model the last one is taken
//! behind the last norm, as the reference does. Pixels are fed as they are: the backbone was loaded with or without a normalisation of its own. What a file holds
//! beyond that is reported by name, not passed over.

mod classifier;
mod decoder;
mod encoder;
mod learned;
mod report;
mod session;
mod two_towers;

use burn::tensor::Tensor;
use reprogram_taxonomy::{OutputSpace, Tower};

pub use report::{Comparison, Difference, Quantity, Report, Tolerance};
use session::Session;

use crate::weights::{SafetensorsError, Weights};
use crate::{Backbone, Stream};

/// Recorded inputs and outputs of the reference implementation.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    tensors: Weights<'a>,
}

/// A file of expected tensors that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// No safetensors file.
    #[error(transparent)]
    Container(#[from] SafetensorsError),
    /// An input that the checkpoint does not take.
    #[error("`{name}` {reason}\n  help: inputs must be those that the reference was given with this very checkpoint")]
    Input {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing that is known here.
    #[error("nothing can be compared: of {n} tensors none is an input of {kind}\n  help: it needs `{wanted}` at least")]
    NoInput {
        /// Tensors in the file.
        n: usize,
        /// What the checkpoint is.
        kind: &'static str,
        /// The input that is looked for.
        wanted: &'static str,
    },
}

impl<'a> Expected<'a> {
    /// Reads a safetensors file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParityError> {
        Ok(Self { tensors: Weights::from_safetensors(bytes)? })
    }

    /// Feeds the inputs to a backbone and compares every output that is known.
    pub fn compare(&self, backbone: &dyn Backbone) -> Result<Report, ParityError> {
        let mut session = Session::new(backbone, &self.tensors);
        let (kind, wanted) = match backbone.card().output {
            OutputSpace::Joint { .. } => {
                two_towers::compare(&mut session)?;
                ("a model of two towers", "pixel_values")
            }
            OutputSpace::Vocabulary { .. } => {
                decoder::compare(&mut session)?;
                ("a language model", "input_ids")
            }
            OutputSpace::Classes { .. } | OutputSpace::Features { .. } => match backbone.card().main.tower {
                Tower::Text => {
                    encoder::compare(&mut session)?;
                    ("a text encoder", "input_ids")
                }
                Tower::Vision => {
                    classifier::compare(&mut session)?;
                    ("an image encoder", "pixel_values")
                }
                Tower::Acoustic => ("an acoustic encoder, whose tensors have no names here", "none"),
            },
        };
        let report = session.finish();
        if report.compared.is_empty() {
            return Err(ParityError::NoInput { n: self.tensors.names().count(), kind, wanted });
        }
        Ok(report)
    }
}

/// Hidden states before, between and behind all blocks, by `prefix`; gives the stream behind the last. With
/// `but_last`, what comes out of the last block is left to the caller.
fn hidden_states(session: &mut Session<'_>, mut stream: Stream, prefix: &str, but_last: bool) -> Stream {
    let depth = session.backbone.card().tower(stream.tower()).map_or(0, |tower| tower.depth);
    for layer in 0..=depth {
        if !(but_last && layer == depth) {
            session.value(&format!("{prefix}hidden.{layer}"), stream.hidden());
        }
        if layer < depth {
            stream = session.backbone.block(layer, stream);
        }
    }
    stream
}

/// The gradient of a loss with respect to a tensor; zeros where it does not depend on it.
fn gradient<const D: usize>(loss: Tensor<1>, of: &Tensor<D>) -> Tensor<D> {
    of.grad(&loss.backward()).unwrap_or_else(|| of.clone().inner().zeros_like())
}
