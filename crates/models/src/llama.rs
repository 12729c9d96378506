//! LLaMA-style decoder: pre-norm RMS, rotary positions, grouped key/value heads, gated feed-forward, tied embeddings.
//!
//! # Reference
//! Touvron et al., arXiv 2302.13971; key names of the hub's `LlamaForCausalLM` and of GGUF's `llama` architecture.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, InputSpace, Modality, OutputSpace, Tower};

use crate::blocks::{Activation, GatedMlp, Heads, Linear, Masking, RmsNorm, Rope, attend, join_heads, split_heads};
use crate::weights::{Gguf, GgufError, Loader, Weights, WeightsError};
use crate::{Backbone, Frozen, Input, KeyValue, KvCache, Reading, Stream, TextTokenizer, TokenAt, TokenBatch, TokenizerError};

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaConfig {
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: Heads,
    /// Width of the feed-forward network.
    pub hidden: usize,
    /// Distinct tokens.
    pub vocabulary: usize,
    /// Longest sequence.
    pub context: usize,
    /// Base of the rotary positions.
    pub rope_theta: f32,
    /// Of every normalisation.
    pub rms_eps: f64,
}

impl LlamaConfig {
    /// From GGUF metadata. Features that this model lacks are refused by name.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Self, LlamaError> {
        let architecture = gguf.text("general.architecture")?;
        if architecture != "llama" {
            return Err(LlamaError::Unsupported(format!("`general.architecture` is `{architecture}`, only `llama` is read")));
        }
        if let Some(scaling) = gguf.get("llama.rope.scaling.type") {
            return Err(LlamaError::Unsupported(format!("scaled rotary positions ({scaling:?}) are not read")));
        }
        let (dim, n_heads) = (gguf.integer("llama.embedding_length")?, gguf.integer("llama.attention.head_count")?);
        if n_heads == 0 || !dim.is_multiple_of(n_heads) {
            return Err(LlamaError::Unsupported(format!("{n_heads} heads do not divide a width of {dim}")));
        }
        let key_value = gguf.integer("llama.attention.head_count_kv")?;
        if key_value == 0 || !n_heads.is_multiple_of(key_value) {
            return Err(LlamaError::Unsupported(format!("{key_value} key/value heads do not divide {n_heads} heads")));
        }
        let rotated = gguf.integer("llama.rope.dimension_count")?;
        if rotated != dim / n_heads {
            return Err(LlamaError::Unsupported(format!("rotary positions on {rotated} of {} dimensions", dim / n_heads)));
        }
        Ok(Self {
            dim,
            depth: gguf.integer("llama.block_count")?,
            heads: Heads { query: n_heads, key_value, dim: dim / n_heads },
            hidden: gguf.integer("llama.feed_forward_length")?,
            vocabulary: gguf.list("tokenizer.ggml.tokens")?.len(),
            context: gguf.integer("llama.context_length")?,
            rope_theta: gguf.float("llama.rope.freq_base")? as f32,
            rms_eps: gguf.float("llama.attention.layer_norm_rms_epsilon")?,
        })
    }

    fn card(&self, name: &str) -> Card {
        Card {
            name: name.to_owned(),
            modality: Modality::Text,
            towers: vec![Tower::Text],
            access: Access::WhiteBox,
            depth: self.depth,
            dim: self.dim,
            input: InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary },
            output: OutputSpace::Vocabulary { n: self.vocabulary },
        }
    }
}

#[derive(Module, Debug)]
struct LlamaBlock {
    attention_norm: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    mlp_norm: RmsNorm,
    mlp: GatedMlp,
    #[module(skip)]
    heads: Heads,
}

impl LlamaBlock {
    fn load(loader: &mut Loader<'_>, prefix: &str, config: &LlamaConfig) -> Self {
        let Heads { query, key_value, dim: head_dim } = config.heads;
        let (dim, hidden, eps) = (config.dim, config.hidden, config.rms_eps);
        let mut linear = |name: &str, input, output| Linear::load_without_bias(loader, &format!("{prefix}.{name}"), input, output);
        let attention = [
            linear("self_attn.q_proj", dim, query * head_dim),
            linear("self_attn.k_proj", dim, key_value * head_dim),
            linear("self_attn.v_proj", dim, key_value * head_dim),
            linear("self_attn.o_proj", query * head_dim, dim),
        ];
        let mlp = GatedMlp::new(
            linear("mlp.gate_proj", dim, hidden),
            linear("mlp.up_proj", dim, hidden),
            linear("mlp.down_proj", hidden, dim),
            Activation::Silu,
        );
        let [query, key, value, output] = attention;
        Self {
            attention_norm: RmsNorm::load(loader, &format!("{prefix}.input_layernorm"), dim, eps),
            query,
            key,
            value,
            output,
            mlp_norm: RmsNorm::load(loader, &format!("{prefix}.post_attention_layernorm"), dim, eps),
            mlp,
            heads: config.heads,
        }
    }

    fn forward(&self, layer: usize, rope: &Rope, mut stream: Stream) -> Stream {
        let (x, start) = (stream.hidden(), stream.start());
        let normed = self.attention_norm.forward(x.clone());
        let query = rope.forward(split_heads(self.query.forward(normed.clone()), self.heads.query), start);
        let mut key = rope.forward(split_heads(self.key.forward(normed.clone()), self.heads.key_value), start);
        let mut value = split_heads(self.value.forward(normed), self.heads.key_value);
        if let Some(past) = stream.past(layer) {
            key = Tensor::cat(vec![past.key, key], 2);
            value = Tensor::cat(vec![past.value, value], 2);
        }
        if stream.remembers() {
            stream.remember(layer, KeyValue { key: key.clone(), value: value.clone() });
        }
        let mixed = attend(query, key, value, Masking::Causal);
        let x = x + self.output.forward(join_heads(mixed));
        let normed = self.mlp_norm.forward(x.clone());
        stream.with_hidden(x + self.mlp.forward(normed))
    }
}

/// The weights.
#[derive(Module, Debug)]
struct LlamaModel {
    /// `[vocabulary, dim]`; the output layer is its transpose.
    embedding: Param<Tensor<2>>,
    blocks: Vec<LlamaBlock>,
    norm: RmsNorm,
}

/// A frozen language model with its tokenizer.
pub struct Llama {
    model: Frozen<LlamaModel>,
    rope: Rope,
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
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Llama {
    /// Reads weights, configuration and tokenizer from a GGUF file.
    pub fn from_gguf(bytes: &[u8], name: &str, device: &Device) -> Result<Self, LlamaError> {
        let gguf = Gguf::parse(bytes)?;
        let config = LlamaConfig::from_gguf(&gguf)?;
        let weights = gguf.weights(|gguf_name| hub_name(gguf_name, config.heads));
        let tokenizer = TextTokenizer::from_gguf(&gguf)?;
        Self::load(&config, name, weights, Some(tokenizer), device)
    }

    /// Reads weights in the hub's layout.
    pub fn load(
        config: &LlamaConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, LlamaError> {
        let mut loader = Loader::new(weights, device);
        let model = LlamaModel {
            embedding: loader.param("model.embed_tokens.weight", [config.vocabulary, config.dim]),
            blocks: (0..config.depth).map(|layer| LlamaBlock::load(&mut loader, &format!("model.layers.{layer}"), config)).collect(),
            norm: RmsNorm::load(&mut loader, "model.norm", config.dim, config.rms_eps),
        };
        loader.finish()?;
        let rope = Rope::new(config.context, config.heads.dim, config.rope_theta, device);
        Ok(Self { model: Frozen::new(model), rope, tokenizer, card: config.card(name) })
    }

    /// The most likely continuation of one prompt, token by token, until `n_tokens` or the end-of-text token, which is
    /// kept. Keys and values of earlier tokens are not computed again.
    pub fn generate_greedy(&self, prompt: &[u32], n_tokens: usize, eos: u32) -> Vec<u32> {
        let mut cache = KvCache::default();
        let mut next = prompt.to_vec();
        let mut generated = Vec::with_capacity(n_tokens);
        while generated.len() < n_tokens {
            let stream = self.embed(Input::Tokens(TokenBatch { rows: vec![next] })).after(cache);
            let stream = self.blocks(stream);
            let token: i64 = self.read(&stream, Reading::Logits).argmax(1).into_scalar();
            cache = stream.into_cache().expect("the stream was given a cache");
            generated.push(token as u32);
            if token as u32 == eos {
                break;
            }
            next = vec![token as u32];
        }
        generated
    }

    /// Logits over the vocabulary for hidden states `[tokens, dim]` after the last norm.
    fn unembed(&self, features: Tensor<2>) -> Tensor<2> {
        features.matmul(self.model.embedding.val().transpose())
    }
}

impl Backbone for Llama {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.model.embedding.val().device()
    }

    fn embed(&self, input: Input) -> Stream {
        let Input::Tokens(TokenBatch { rows }) = input else { panic!("a language model is fed tokens: Signature::check comes first") };
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let seq = lengths.iter().copied().max().unwrap_or(0);
        let padded = rows.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat(0)).take(seq));
        let ids: Vec<i32> = padded.map(u32::cast_signed).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows.len(), seq]), &self.device());
        let hidden = burn::tensor::module::embedding(self.model.embedding.val(), ids);
        Stream::new(hidden, 0, lengths)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.model.blocks[layer].forward(layer, &self.rope, stream)
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
        Some(self.model.embedding.val())
    }
}

/// A GGUF tensor's name in the hub's layout, and the number of heads whose rows GGUF stores pair by pair.
fn hub_name(gguf_name: &str, heads: Heads) -> (String, Option<usize>) {
    let hub = |name: &str| (name.to_owned(), None);
    match gguf_name {
        "token_embd.weight" => return hub("model.embed_tokens.weight"),
        "output_norm.weight" => return hub("model.norm.weight"),
        _ => {}
    }
    let Some((layer, part)) = gguf_name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) else { return hub(gguf_name) };
    let (part, paired_heads) = match part {
        "attn_norm.weight" => ("input_layernorm.weight", None),
        "attn_q.weight" => ("self_attn.q_proj.weight", Some(heads.query)),
        "attn_k.weight" => ("self_attn.k_proj.weight", Some(heads.key_value)),
        "attn_v.weight" => ("self_attn.v_proj.weight", None),
        "attn_output.weight" => ("self_attn.o_proj.weight", None),
        "ffn_norm.weight" => ("post_attention_layernorm.weight", None),
        "ffn_gate.weight" => ("mlp.gate_proj.weight", None),
        "ffn_up.weight" => ("mlp.up_proj.weight", None),
        "ffn_down.weight" => ("mlp.down_proj.weight", None),
        unknown => return hub(unknown),
    };
    (format!("model.layers.{layer}.{part}"), paired_heads)
}
