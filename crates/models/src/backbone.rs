//! The door: what every frozen model offers.

use burn::tensor::{Device, Tensor};
use reprogram_taxonomy::Card;

use crate::{Stream, TextTokenizer};

/// Token ids of a batch, rows of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// One row an item.
    pub rows: Vec<Vec<u32>>,
}

/// What is fed to a backbone.
#[derive(Debug, Clone)]
pub enum Input {
    /// Pixels in 0..=1, before the backbone's own normalisation: `[batch, channel, height, width]`.
    Image(Tensor<4>),
    /// Token ids.
    Tokens(TokenBatch),
}

/// A content token: its row in the batch, and its index in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenAt {
    /// Row.
    pub row: usize,
    /// Index, counted from the row's first content token.
    pub index: usize,
}

/// How f's output is read.
#[derive(Debug, Clone, Copy)]
pub enum Reading<'a> {
    /// Logits over the source labels, `[batch, source]`: a classifier's classes, or the token after the last one.
    Logits,
    /// The features under the last layer, `[batch, dim]`: a ViT's class token, a language model's last token.
    Features,
    /// Next-token logits at these tokens only, `[tokens, source]`. Language models.
    LogitsAt(&'a [TokenAt]),
}

/// A frozen model, cut at its three interfaces. Object-safe, so that methods never name a concrete model.
pub trait Backbone: Send + Sync {
    /// What it offers.
    fn card(&self) -> &Card;

    /// Where its weights are.
    fn device(&self) -> Device;

    /// ℓ = input → embedding.
    ///
    /// # Panics
    /// When the input is of the wrong kind: [`reprogram_taxonomy::Signature::check`] comes first.
    fn embed(&self, input: Input) -> Stream;

    /// ℓ = hidden(layer) → hidden(layer + 1).
    fn block(&self, layer: usize, stream: Stream) -> Stream;

    /// ℓ = hidden(depth) → output.
    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2>;

    /// The tokenizer, where the input is text.
    fn tokenizer(&self) -> Option<&TextTokenizer>;

    /// The table of token embeddings, `[vocabulary, dim]`, where the input is text.
    fn token_embeddings(&self) -> Option<Tensor<2>>;

    /// All blocks in order, nothing changed in between.
    fn blocks(&self, mut stream: Stream) -> Stream {
        for layer in 0..self.card().depth {
            stream = self.block(layer, stream);
        }
        stream
    }
}
