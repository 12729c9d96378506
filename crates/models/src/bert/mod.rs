//! Encoder of texts: every token sees every other one.
//!
//! A text's tokens begin with `[CLS]` and end with `[SEP]`, as the checkpoint's tokenizer puts them around it. `[CLS]` is the
//! stream's special token, so a prompt goes between it and the text; prompts get the positions and the type of the seats
//! that they take, as words do.
//!
//! # Reference
//! Devlin et al., arXiv 1810.04805; layout and key names of the hub's `BertModel`. Deviation: the pooler (a layer over
//! `[CLS]` that sentence encoders do not use) is not read.

mod config;
mod modules;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

pub use config::{BertConfig, Pooling};

use crate::blocks::{Attention, AttentionRule, Block, FeedForward, Heads, LayerNorm, Linear, Mlp, Norm, Residual, TokenTable};
use crate::stream::SeatPositions;
use crate::weights::{Loader, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, Frozen, Input, JointSpace, Masking, Reading, Stream, TextTokenizer, TokenBatch};

/// Tensors of the hub's layout that are no part of the function: the pooler, and a list of the numbers from 0.
const LEFT_OUT: [&str; 3] = ["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"];

impl BertConfig {
    fn card(&self, name: &str) -> Card {
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Growing,
            main: TowerCard {
                tower: Tower::Text,
                depth: self.depth,
                dim: self.dim,
                input: InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary },
            },
            second: None,
            output: OutputSpace::Features { dim: self.dim },
        }
    }

    /// The post-norm block under these names.
    fn block(&self, loader: &mut Loader<'_>, prefix: &str) -> Block {
        let (dim, hidden) = (self.dim, self.hidden);
        let mut linear = |name: &str, input, output| Linear::load(loader, &format!("{prefix}.{name}"), input, output);
        let attention = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
            .map(|name| linear(name, dim, dim));
        let mlp = Mlp::new(linear("intermediate.dense", dim, hidden), linear("output.dense", hidden, dim), self.activation);
        let mut norm = |name: &str| Residual::post(Norm::Layer(LayerNorm::load(loader, &format!("{prefix}.{name}"), dim, self.eps)));
        let rule = AttentionRule::plain(Heads::uniform(self.n_heads, dim), Masking::Full);
        let attention = Attention::new(attention, rule);
        Block::new(norm("attention.output.LayerNorm"), attention, norm("output.LayerNorm"), FeedForward::Plain(mlp))
    }
}

#[derive(Module, Debug)]
struct BertModel {
    /// `[vocabulary, dim]`
    words: TokenTable,
    /// `[context, dim]`
    positions: Param<Tensor<2>>,
    /// `[type, dim]`
    types: Param<Tensor<2>>,
    norm: LayerNorm,
    blocks: Vec<Block>,
}

/// A frozen BERT.
pub struct Bert {
    model: Frozen<BertModel>,
    /// Positions and the first type, which every seat has: `[context, dim]`.
    seats: Tensor<2>,
    pooling: Pooling,
    unit_length: bool,
    tokenizer: Option<TextTokenizer>,
    card: Card,
}

impl Bert {
    /// Reads weights in the hub's layout, whose names may begin with `bert.`.
    pub fn load(
        config: &BertConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let prefix = if weights.names().any(|name| name.starts_with("bert.")) { "bert." } else { "" };
        let weights = weights.without(|name| name.strip_prefix(prefix).is_some_and(|name| LEFT_OUT.contains(&name)));
        let mut loader = Loader::new(weights, device);
        let name_of = |part: &str| format!("{prefix}embeddings.{part}_embeddings.weight");
        let words = TokenTable::load(&mut loader, &name_of("word"), config.vocabulary, config.dim);
        let positions = loader.param(&name_of("position"), [config.context, config.dim]);
        let types = loader.param(&name_of("token_type"), [config.n_types, config.dim]);
        let norm = LayerNorm::load(&mut loader, &format!("{prefix}embeddings.LayerNorm"), config.dim, config.eps);
        let blocks = (0..config.depth).map(|layer| config.block(&mut loader, &format!("{prefix}encoder.layer.{layer}"))).collect();
        loader.finish()?;
        let model = Frozen::new(BertModel { words, positions, types, norm, blocks });
        let seats = model.positions.val() + model.types.val().narrow(0, 0, 1);
        let BertConfig { pooling, unit_length, .. } = *config;
        Ok(Self { model, seats, pooling, unit_length, tokenizer, card: config.card(name) })
    }
}

impl Arithmetic for Bert {
    fn embed_macs(&self, _: &Input) -> u64 {
        0
    }

    fn block_work(&self, _: Tower, layer: usize) -> BlockWork {
        self.model.blocks[layer].work()
    }

    /// Pooling adds up, and multiplies with nothing learned.
    fn read_macs(&self, _: Tower, _: usize, _: usize, _: Reading<'_>) -> u64 {
        0
    }
}

impl Backbone for Bert {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.seats.device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.model.each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        let Input::Tokens(TokenBatch { rows, padding }) = input else { panic!("a BERT is fed tokens: Signature::check comes first") };
        let device = self.device();
        let (mut first, mut rest) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let (&start, text) = row.split_first().expect("the tokenizer puts `[CLS]` in front of every text");
            first.push(start.cast_signed());
            rest.push(text.to_vec());
        }
        // `[CLS]` stays at the first seat, wherever short texts are filled up.
        let (ids, spans) = TokenBatch { rows: rest, padding }.padded(&device);
        let first = Tensor::<2, Int>::from_data(TensorData::new(first, [rows.len(), 1]), &device);
        let words = self.model.words.rows(Tensor::cat(vec![first, ids], 1));
        let seats = SeatPositions { table: self.seats.clone(), norm: Some(self.model.norm.clone()) };
        Stream::new(words, Tower::Text, 1, spans).seated(seats)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.model.blocks[layer].forward(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match reading {
            Reading::Features => {
                let features = match self.pooling {
                    Pooling::Mean => stream.mean_tokens(true),
                    Pooling::First => stream.special_tokens(0),
                };
                if self.unit_length { JointSpace::normalise(features) } else { features }
            }
            Reading::Logits | Reading::LogitsAt(_) => panic!("a BERT has no labels of its own: Signature::check comes first"),
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.tokenizer.as_ref()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        Some(self.model.words.whole(&self.device()))
    }

    fn heads(&self) -> Option<Heads> {
        self.model.blocks.first().map(Block::heads)
    }
}
