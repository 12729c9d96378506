//! The door: what every frozen model offers.

use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_taxonomy::Card;

use crate::blocks::Heads;
use crate::{Arithmetic, JointSpace, Span, Stream, TextTokenizer};

/// The side on which short rows are filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// Behind the tokens.
    #[default]
    Right,
    /// In front of them, so that all rows end together.
    Left,
}

/// Token ids of a batch, rows of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// One row an item.
    pub rows: Vec<Vec<u32>>,
    /// Where short rows are filled up.
    pub padding: Padding,
}

impl TokenBatch {
    /// Rows that are filled up on the right.
    pub const fn new(rows: Vec<Vec<u32>>) -> Self {
        Self { rows, padding: Padding::Right }
    }

    /// Rows that are filled up on the left.
    pub const fn left_padded(rows: Vec<Vec<u32>>) -> Self {
        Self { rows, padding: Padding::Left }
    }

    /// Ids with padding, `[batch, seq]`, and where the real ones stand. Padding has id 0, which nothing sees.
    pub(crate) fn padded(&self, device: &Device) -> (Tensor<2, Int>, Vec<Span>) {
        let seq = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut ids = vec![0i32; self.rows.len() * seq];
        let mut spans = Vec::with_capacity(self.rows.len());
        for (row, tokens) in self.rows.iter().enumerate() {
            let offset = match self.padding {
                Padding::Right => 0,
                Padding::Left => seq - tokens.len(),
            };
            for (seat, token) in ids[row * seq + offset..].iter_mut().zip(tokens) {
                *seat = token.cast_signed();
            }
            spans.push(Span { offset, length: tokens.len() });
        }
        (Tensor::from_data(TensorData::new(ids, [self.rows.len(), seq]), device), spans)
    }
}

/// What is fed to a backbone.
#[derive(Debug, Clone)]
pub enum Input {
    /// Pixels in 0..=1, before the backbone's own normalisation: `[batch, channel, height, width]`.
    Image(Tensor<4>),
    /// Token ids.
    Tokens(TokenBatch),
    /// Samples in −1..=1, at the backbone's own rate: `[batch, sample]`.
    Waveform(Tensor<2>),
}

impl Input {
    /// Whether gradients flow to what made it.
    pub(crate) fn is_tracked(&self) -> bool {
        match self {
            Self::Image(image) => image.is_tracked(),
            Self::Waveform(waveform) => waveform.is_tracked(),
            Self::Tokens(_) => false,
        }
    }
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
pub trait Backbone: Arithmetic + Send + Sync {
    /// What it offers.
    fn card(&self) -> &Card;

    /// Where its weights are.
    fn device(&self) -> Device;

    /// Every weight as it lies in memory, in a fixed order: what shows that f stays what it was.
    fn each_weight(&self, visit: &mut dyn FnMut(TensorData));

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

    /// Pixels in 0..=1 as the network was trained on them, `[batch, channel, height, width]`; nothing where it is not fed images.
    fn standardised(&self, _pixels: Tensor<4>) -> Option<Tensor<4>> {
        None
    }

    /// The space in which items are compared with texts, where there are two towers.
    fn joint(&self) -> Option<&JointSpace> {
        None
    }

    /// What stands at each content token of an item behind the last block, in the joint space, `[batch, tokens, joint]`; nothing
    /// where items are one feature only.
    fn local_features(&self, _stream: &Stream) -> Option<Tensor<3>> {
        None
    }

    /// The heads of its main tower's attention, where keys and values can be put in front of a block's own.
    fn heads(&self) -> Option<Heads> {
        None
    }

    /// Numbers of each of its weights, where a copy with others can be made.
    fn weight_sizes(&self) -> Option<Vec<usize>> {
        None
    }

    /// Such a copy: one vector is added to each weight, and gradients flow to it.
    fn shifted(&self, _by: &[Tensor<1>]) -> Option<Box<dyn Backbone>> {
        None
    }

    /// Features of texts in the joint space, `[texts, joint]`, not of unit length; for backbones that have one. `rows` are
    /// tokens, special ones included. `run` carries a stream from the embedding through the blocks, and must do the same to
    /// every row and every part of a row: texts may be laid out as trees.
    fn text_features(&self, rows: Vec<Vec<u32>>, run: &dyn Fn(Stream) -> Stream) -> Tensor<2> {
        self.text_features_times(1, rows, run)
    }

    /// The same texts several times, one copy of all behind the other, `[copies · texts, joint]`: for a `run` that does
    /// something else to each copy. The rows of its stream are as many times more.
    fn text_features_times(&self, copies: usize, rows: Vec<Vec<u32>>, run: &dyn Fn(Stream) -> Stream) -> Tensor<2> {
        let n = copies * rows.len();
        let stream = run(self.embed(Input::Tokens(TokenBatch::new(rows.into_iter().cycle().take(n).collect()))));
        self.read(&stream, Reading::Features)
    }

    /// All blocks in order, nothing changed in between.
    fn blocks(&self, mut stream: Stream) -> Stream {
        let depth = self.card().tower(stream.tower()).map_or(0, |tower| tower.depth);
        for layer in 0..depth {
            stream = self.block(layer, stream);
        }
        stream
    }
}
