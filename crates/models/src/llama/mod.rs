//! LLaMA-style decoder: RMS norms, rotary positions, grouped key/value heads, gated feed-forward.
//!
//! # Reference
//! Touvron et al., arXiv 2302.13971; what other families change, and where that is published: [`LlamaConfig`]. Key names of
//! the hub and of GGUF.

mod config;
mod gguf;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

pub use config::{LayerRule, LlamaConfig};
use gguf::hub_weights;

use crate::blocks::{
    Attention, AttentionRule, Bias, Block, FeedForward, GatedMlp, Heads, Linear, Norm, Residual, RmsNorm, Rope, RopeRule, TokenTable,
};
use crate::weights::{Gguf, GgufError, Loader, NameClash, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, Frozen, Input, Reading, Stream, TextTokenizer, TokenAt, TokenizerError};

impl LlamaConfig {
    fn card(&self, name: &str) -> Card {
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Growing,
            main: TowerCard {
                tower: Tower::Text,
                depth: self.layers.len(),
                dim: self.dim,
                input: InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary },
            },
            second: None,
            output: OutputSpace::Vocabulary { n: self.vocabulary },
        }
    }

    fn norm(&self, loader: &mut Loader<'_>, name: &str, dim: usize) -> RmsNorm {
        RmsNorm::load_with_offset(loader, name, dim, self.rms_eps, self.norm_offset)
    }

    /// The block under these names. `rope`: its own tables.
    fn block(&self, loader: &mut Loader<'_>, prefix: &str, layer: &LayerRule, rope: Rope) -> Block {
        let Heads { query, key_value, dim: head_dim } = self.heads;
        let (dim, hidden) = (self.dim, self.hidden);
        let name = |name: &str| format!("{prefix}.{name}");
        let (qkv, output, mlp_bias) = (self.qkv_bias.into(), self.output_bias.into(), self.mlp_bias.into());
        let mut linear = |part: &str, input, output, bias| Linear::load_with(loader, &name(part), input, output, bias);
        let maps = [
            linear("self_attn.q_proj", dim, query * head_dim, qkv),
            linear("self_attn.k_proj", dim, key_value * head_dim, qkv),
            linear("self_attn.v_proj", dim, key_value * head_dim, qkv),
            linear("self_attn.o_proj", query * head_dim, dim, output),
        ];
        let mlp = GatedMlp::new(
            linear("mlp.gate_proj", dim, hidden, mlp_bias),
            linear("mlp.up_proj", dim, hidden, mlp_bias),
            linear("mlp.down_proj", hidden, dim, mlp_bias),
            self.activation,
        );
        let rule =
            AttentionRule { heads: self.heads, masking: layer.masking, rope: Some(rope), scale: self.score_scale, softcap: self.score_cap };
        let mut attention = Attention::new(maps, rule);
        if self.query_key_norm {
            attention.query_norm = Some(self.norm(loader, &name("self_attn.q_norm"), head_dim));
            attention.key_norm = Some(self.norm(loader, &name("self_attn.k_norm"), head_dim));
        }
        let mut norm = |part: &str| Norm::Rms(self.norm(loader, &name(part), dim));
        let (around_attention, around_mlp) = if self.norms_behind {
            (
                Residual::both(norm("input_layernorm"), norm("post_attention_layernorm")),
                Residual::both(norm("pre_feedforward_layernorm"), norm("post_feedforward_layernorm")),
            )
        } else {
            (Residual::pre(norm("input_layernorm")), Residual::pre(norm("post_attention_layernorm")))
        };
        Block::new(around_attention, attention, around_mlp, FeedForward::Gated(mlp))
    }
}

/// The weights.
#[derive(Module, Debug)]
struct LlamaModel {
    embedding: TokenTable,
    blocks: Vec<Block>,
    norm: RmsNorm,
    /// `[dim, vocabulary]`, where it is not the embedding's transpose.
    output: Option<Linear>,
}

/// A frozen language model with its tokenizer.
pub struct Llama {
    model: Frozen<LlamaModel>,
    embedding_scale: Option<f64>,
    logit_cap: Option<f64>,
    tokenizer: Option<TextTokenizer>,
    card: Card,
}

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    /// The container.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// Something this model does not compute.
    #[error("unsupported checkpoint: {0}")]
    Unsupported(String),
    /// Two tensors of one name.
    #[error(transparent)]
    Names(#[from] NameClash),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Llama {
    /// Reads weights, configuration and tokenizer from a GGUF file.
    pub fn from_gguf(gguf: &Gguf<'_>, name: &str, device: &Device) -> Result<Self, LlamaError> {
        let config = LlamaConfig::from_gguf(gguf)?;
        let weights = hub_weights(gguf, config.heads)?;
        let tokenizer = TextTokenizer::from_gguf(gguf)?;
        Self::load(&config, name, weights, Some(tokenizer), device)
    }

    /// Reads weights in the hub's layout. A tokenizer must have a token for an empty context.
    pub fn load(
        config: &LlamaConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, LlamaError> {
        if let Some(tokenizer) = &tokenizer {
            tokenizer.prefix()?;
        }
        let mut loader = Loader::new(weights, device);
        let mut ropes: Vec<(&RopeRule, Rope)> = Vec::new();
        let mut rope = |rule| {
            if let Some((_, known)) = ropes.iter().find(|(known, _)| *known == rule) {
                return known.clone();
            }
            let rope = Rope::new(config.context, config.heads.dim, rule, device);
            ropes.push((rule, rope.clone()));
            rope
        };
        let blocks = config.layers.iter().enumerate();
        let model = LlamaModel {
            embedding: TokenTable::load(&mut loader, "model.embed_tokens.weight", config.vocabulary, config.dim),
            blocks: blocks.map(|(i, layer)| config.block(&mut loader, &format!("model.layers.{i}"), layer, rope(&layer.rope))).collect(),
            norm: config.norm(&mut loader, "model.norm", config.dim),
            output: (!config.tied).then(|| Linear::load_with(&mut loader, "lm_head", config.dim, config.vocabulary, Bias::None)),
        };
        loader.finish()?;
        Ok(Self {
            model: Frozen::new(model),
            embedding_scale: config.embedding_scale,
            logit_cap: config.logit_cap,
            tokenizer,
            card: config.card(name),
        })
    }

    /// Logits over the vocabulary for hidden states `[tokens, dim]` after the last norm.
    fn unembed(&self, features: Tensor<2>) -> Tensor<2> {
        let logits = match &self.model.output {
            Some(output) => output.forward(features),
            None => self.model.embedding.scores(features),
        };
        match self.logit_cap {
            Some(cap) => logits.div_scalar(cap).tanh().mul_scalar(cap),
            None => logits,
        }
    }
}

impl Arithmetic for Llama {
    fn embed_macs(&self, _: &Input) -> u64 {
        0
    }

    fn block_work(&self, _: Tower, layer: usize) -> BlockWork {
        self.model.blocks[layer].work()
    }

    fn read_macs(&self, _: Tower, rows: usize, _: usize, reading: Reading<'_>) -> u64 {
        let n_read = match reading {
            Reading::Logits => rows,
            Reading::LogitsAt(tokens) => tokens.len(),
            Reading::Features => 0,
        };
        (n_read * self.card.main.dim * self.card.n_source_classes().unwrap_or(0)) as u64
    }
}

impl Backbone for Llama {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.model.norm.weight.val().device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.model.each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        let Input::Tokens(batch) = input else { panic!("a language model is fed tokens: Signature::check comes first") };
        let (ids, spans) = batch.padded(&self.device());
        let hidden = self.model.embedding.rows(ids);
        let hidden = self.embedding_scale.map_or(hidden.clone(), |scale| hidden.mul_scalar(scale));
        Stream::new(hidden, Tower::Text, 0, spans).of_tokens(batch.rows)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.model.blocks[layer].forward(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match reading {
            Reading::Logits => self.unembed(self.model.norm.forward(stream.last_tokens())),
            Reading::Features => self.model.norm.forward(stream.last_tokens()),
            Reading::LogitsAt(tokens) => {
                let tokens = stream.content_tokens(tokens.iter().map(|&TokenAt { row, index }| (row, index)));
                self.unembed(self.model.norm.forward(tokens))
            }
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.tokenizer.as_ref()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        Some(self.model.embedding.whole(&self.device()))
    }

    fn heads(&self) -> Option<Heads> {
        self.model.blocks.first().map(Block::heads)
    }
}
