//! LLaMA-style decoders in a GGUF file: metadata to configuration, tensor names to the hub's.
//!
//! # Reference
//! GGUF specification, `{arch}.*`. What a file does not say is what llama.cpp's `load_hparams` and graphs of the
//! architecture fix: which layers of Gemma 2 and 3 see a window, Gemma's score scale by depth, Gemma 3's local base. Unlike
//! llama.cpp, a window that a `llama` file names (Mistral) is kept. Queries and keys are stored pair by pair for `llama`
//! alone; Gemma's norms are stored whole, not less 1.

use super::{LlamaConfig, LlamaError};
use crate::Masking;
use crate::blocks::{Activation, Heads, RopeRule, RopeScaling};
use crate::weights::{Gguf, GgufError, MetadataValue, Weights};

/// Divisors of the rotary frequencies, where a file has them.
const ROPE_DIVISORS: &str = "rope_freqs.weight";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
    Gemma2,
    Gemma3,
}

impl Architecture {
    fn of(gguf: &Gguf<'_>) -> Result<Self, LlamaError> {
        Ok(match gguf.text("general.architecture")? {
            "llama" | "mistral" => Self::Llama,
            "qwen2" => Self::Qwen2,
            "qwen3" => Self::Qwen3,
            "gemma2" => Self::Gemma2,
            "gemma3" => Self::Gemma3,
            other => {
                let read = "`llama`, `mistral`, `qwen2`, `qwen3`, `gemma2` and `gemma3` are read";
                return Err(LlamaError::Unsupported(format!("`general.architecture` is `{other}`, but only {read}")));
            }
        })
    }

    const fn is_gemma(self) -> bool {
        match self {
            Self::Gemma2 | Self::Gemma3 => true,
            Self::Llama | Self::Qwen2 | Self::Qwen3 => false,
        }
    }
}

/// The metadata of the architecture that were not asked for yet.
struct Keys<'g, 'a> {
    gguf: &'g Gguf<'a>,
    prefix: String,
    asked: Vec<String>,
}

impl<'g, 'a> Keys<'g, 'a> {
    fn optional<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        read: impl Fn(&'g MetadataValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let key = format!("{}.{key}", self.prefix);
        let value = self.gguf.get(&key).map(|value| read(value).ok_or_else(|| GgufError::Metadata { key: key.clone(), expected }));
        self.asked.push(key);
        value.transpose()
    }

    fn integer(&mut self, key: &str) -> Result<Option<usize>, GgufError> {
        self.optional(key, "an integer", |value| match *value {
            MetadataValue::Integer(value) => usize::try_from(value).ok(),
            _ => None,
        })
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>, GgufError> {
        self.optional(key, "a number", |value| if let MetadataValue::Float(value) = value { Some(*value) } else { None })
    }

    fn must<T>(&self, key: &str, expected: &'static str, value: Option<T>) -> Result<T, GgufError> {
        value.ok_or_else(|| GgufError::Metadata { key: format!("{}.{key}", self.prefix), expected })
    }

    fn take_integer(&mut self, key: &str) -> Result<usize, GgufError> {
        let value = self.integer(key)?;
        self.must(key, "an integer", value)
    }

    fn take_number(&mut self, key: &str) -> Result<f64, GgufError> {
        let value = self.number(key)?;
        self.must(key, "a number", value)
    }

    /// Refuses what was not asked for: it may change what the model computes.
    fn finish(self) -> Result<(), LlamaError> {
        let own = format!("{}.", self.prefix);
        let is_left = |key: &&str| key.starts_with(&own) && !self.asked.iter().any(|asked| asked == key);
        let left: Vec<String> = self.gguf.keys().filter(is_left).map(|key| format!("`{key}`")).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(LlamaError::Unsupported(format!("metadata that nothing here knows: {}", left.join(", "))))
    }
}

fn unsupported<T>(reason: String) -> Result<T, LlamaError> {
    Err(LlamaError::Unsupported(reason))
}

impl LlamaConfig {
    /// From GGUF metadata. Whatever is not computed here is refused by name.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Self, LlamaError> {
        let architecture = Architecture::of(gguf)?;
        let mut keys = Keys { gguf, prefix: gguf.text("general.architecture")?.to_owned(), asked: Vec::new() };
        let mut config = sizes(gguf, &mut keys)?;
        config.rms_eps = keys.take_number("attention.layer_norm_rms_epsilon")?;
        config.tied = gguf.shape("output.weight").is_none();
        let rope = rope(gguf, &mut keys, config.heads.dim)?;
        config.set_rope(&rope);
        let has = |tensor: &str| gguf.shape(tensor).is_some();
        match architecture {
            Architecture::Llama => {
                (config.qkv_bias, config.output_bias) = (has("blk.0.attn_q.bias"), has("blk.0.attn_output.bias"));
                config.mlp_bias = has("blk.0.ffn_down.bias");
                if let Some(window) = keys.integer("attention.sliding_window")? {
                    config.window(window, |_| true);
                }
            }
            Architecture::Qwen2 => config.qkv_bias = true,
            Architecture::Qwen3 => config.query_key_norm = true,
            Architecture::Gemma2 => {
                config.gemma_from_gguf(&mut keys, 46)?;
                config.score_cap = Some(keys.take_number("attn_logit_softcapping")?);
                config.logit_cap = Some(keys.take_number("final_logit_softcapping")?);
                config.local_layers_from_gguf(&mut keys, 2)?;
            }
            Architecture::Gemma3 => {
                config.gemma_from_gguf(&mut keys, 62)?;
                config.query_key_norm = true;
                config.logit_cap = keys.number("final_logit_softcapping")?;
                config.local_layers_from_gguf(&mut keys, 6)?;
                let local = RopeRule { theta: keys.number("rope.freq_base_swa")?.unwrap_or(1e4), scaling: RopeScaling::None };
                for layer in config.layers.iter_mut().filter(|layer| matches!(layer.masking, Masking::Window(_))) {
                    layer.rope = local.clone();
                }
            }
        }
        keys.finish()?;
        Ok(config)
    }

    /// What both Gemmas share. Only the deepest model of each, told by its depth, scales scores by the width of the stream.
    fn gemma_from_gguf(&mut self, keys: &mut Keys<'_, '_>, deepest: usize) -> Result<(), LlamaError> {
        self.activation = Activation::GeluTanh;
        self.norms_behind = true;
        self.embedding_scale = Some((self.dim as f64).sqrt());
        let per_head = if self.layers.len() == deepest { self.dim as f64 / self.heads.query as f64 } else { self.heads.dim as f64 };
        self.score_scale = Some(keys.number("attention.scale")?.unwrap_or_else(|| per_head.sqrt().recip()));
        Ok(())
    }

    /// All layers but every `pattern`th see a window, if the file does not say otherwise.
    fn local_layers_from_gguf(&mut self, keys: &mut Keys<'_, '_>, pattern: usize) -> Result<(), LlamaError> {
        const KEY: &str = "attention.sliding_window_pattern";
        let window = keys.take_integer("attention.sliding_window")?;
        let expected = "a positive integer, or a boolean for each layer";
        let depth = self.layers.len();
        let stated = keys.optional(KEY, expected, |value| match value {
            MetadataValue::Integer(pattern) => {
                let pattern = usize::try_from(*pattern).ok().filter(|&pattern| pattern > 0)?;
                Some((0..depth).map(|layer| (layer + 1) % pattern != 0).collect())
            }
            MetadataValue::List(layers) if layers.len() == depth => {
                layers.iter().map(|layer| if let MetadataValue::Bool(local) = layer { Some(*local) } else { None }).collect()
            }
            _ => None,
        })?;
        let local: Vec<bool> = stated.unwrap_or_else(|| (0..depth).map(|layer| (layer + 1) % pattern != 0).collect());
        self.window(window, |layer| local[layer]);
        Ok(())
    }
}

/// Everything that has a size. Nothing is believed that the file is too short for.
fn sizes(gguf: &Gguf<'_>, keys: &mut Keys<'_, '_>) -> Result<LlamaConfig, LlamaError> {
    const LONGEST: usize = 1 << 24;
    let (dim, depth) = (keys.take_integer("embedding_length")?, keys.take_integer("block_count")?);
    if depth > gguf.n_tensors() {
        return unsupported(format!("{depth} blocks from {} tensors", gguf.n_tensors()));
    }
    let n_heads = keys.take_integer("attention.head_count")?;
    let key_value = keys.integer("attention.head_count_kv")?.unwrap_or(n_heads);
    if n_heads == 0 || key_value == 0 || !n_heads.is_multiple_of(key_value) {
        return unsupported(format!("{key_value} key/value heads do not divide {n_heads} heads"));
    }
    let head_dim = match keys.integer("attention.key_length")? {
        Some(head_dim) => head_dim,
        None if dim.is_multiple_of(n_heads) => dim / n_heads,
        None => return unsupported(format!("{n_heads} heads do not divide a width of {dim}")),
    };
    for (key, what) in [("attention.value_length", "values"), ("rope.dimension_count", "rotary positions")] {
        if let Some(other) = keys.integer(key)?.filter(|&other| other != head_dim) {
            return unsupported(format!("{what} on {other} of {head_dim} dimensions"));
        }
    }
    if head_dim == 0 || !head_dim.is_multiple_of(2) {
        return unsupported(format!("heads of width {head_dim}, whose dimensions do not come in pairs"));
    }
    let context = keys.take_integer("context_length")?;
    if context > LONGEST {
        return unsupported(format!("a context of {context} tokens"));
    }
    let vocabulary = match gguf.shape("token_embd.weight") {
        Some(&[vocabulary, _]) => vocabulary,
        shape => return unsupported(format!("token embeddings `token_embd.weight` of shape {shape:?}")),
    };
    if let Some(other) = keys.integer("vocab_size")?.filter(|&other| other != vocabulary) {
        return unsupported(format!("`vocab_size` is {other}, but {vocabulary} tokens have embeddings"));
    }
    let heads = Heads { query: n_heads, key_value, dim: head_dim };
    Ok(LlamaConfig::plain(dim, depth, heads, keys.take_integer("feed_forward_length")?, vocabulary, context))
}

fn rope(gguf: &Gguf<'_>, keys: &mut Keys<'_, '_>, head_dim: usize) -> Result<RopeRule, LlamaError> {
    let theta = keys.number("rope.freq_base")?.unwrap_or(1e4);
    let kind =
        keys.optional("rope.scaling.type", "a text", |value| if let MetadataValue::Text(kind) = value { Some(*kind) } else { None })?;
    let factor = keys.number("rope.scaling.factor")?.filter(|&factor| factor != 0.0);
    // These describe how the model was trained.
    keys.optional("rope.scaling.original_context_length", "", |_| Some(()))?;
    keys.optional("rope.scaling.finetuned", "", |_| Some(()))?;
    let scaling = match (kind, factor) {
        (Some("none"), _) | (None | Some("linear"), None) => RopeScaling::None,
        (None | Some("linear"), Some(factor)) => RopeScaling::Linear { factor },
        (Some(other), _) => return unsupported(format!("rotary positions scaled by the rule `{other}`; `none` and `linear` are computed")),
    };
    let Some(divisors) = gguf.tensor(ROPE_DIVISORS) else { return Ok(RopeRule { theta, scaling }) };
    if divisors.len() != head_dim / 2 {
        return unsupported(format!("{} values in `{ROPE_DIVISORS}` for {} rotary frequencies", divisors.len(), head_dim / 2));
    }
    if scaling != RopeScaling::None {
        return unsupported(format!("`{ROPE_DIVISORS}` beside {scaling:?}"));
    }
    Ok(RopeRule { theta, scaling: RopeScaling::Divisors(divisors) })
}

/// The tensors under the hub's names.
pub(super) fn hub_weights<'a>(gguf: &Gguf<'a>, heads: Heads) -> Result<Weights<'a>, LlamaError> {
    let architecture = Architecture::of(gguf)?;
    let weights = gguf.weights(|name| hub_name(name, architecture, heads).unwrap_or_else(|| (name.to_owned(), None)))?;
    Ok(weights.without(|name| name == ROPE_DIVISORS))
}

/// A GGUF tensor's name in the hub's layout, and the number of heads whose rows GGUF stores pair by pair.
fn hub_name(gguf_name: &str, architecture: Architecture, heads: Heads) -> Option<(String, Option<usize>)> {
    match gguf_name {
        "token_embd.weight" => return Some(("model.embed_tokens.weight".to_owned(), None)),
        "output_norm.weight" => return Some(("model.norm.weight".to_owned(), None)),
        "output.weight" => return Some(("lm_head.weight".to_owned(), None)),
        _ => {}
    }
    let (layer, rest) = gguf_name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let is_gemma = architecture.is_gemma();
    let hub_part = match part {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "ffn_norm" if is_gemma => "pre_feedforward_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "post_attention_norm" if is_gemma => "post_attention_layernorm",
        "post_ffw_norm" if is_gemma => "post_feedforward_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    };
    let paired_heads = match (architecture, part) {
        (Architecture::Llama, "attn_q") => Some(heads.query),
        (Architecture::Llama, "attn_k") => Some(heads.key_value),
        _ => None,
    };
    Some((format!("model.layers.{layer}.{hub_part}.{kind}"), paired_heads))
}
