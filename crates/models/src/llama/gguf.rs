//! A LLaMA-style decoder in a GGUF file: metadata to configuration, tensor names to the hub's.

use super::{LlamaConfig, LlamaError};
use crate::blocks::{Heads, RopeRule, RopeScaling};
use crate::weights::Gguf;

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
        let plain = Self::plain(
            dim,
            gguf.integer("llama.block_count")?,
            Heads { query: n_heads, key_value, dim: dim / n_heads },
            gguf.integer("llama.feed_forward_length")?,
            gguf.list("tokenizer.ggml.tokens")?.len(),
            gguf.integer("llama.context_length")?,
        );
        let rope = RopeRule { theta: gguf.float("llama.rope.freq_base")?, scaling: RopeScaling::None };
        Ok(Self { rms_eps: gguf.float("llama.attention.layer_norm_rms_epsilon")?, ..plain.with_rope(&rope) })
    }
}

/// A GGUF tensor's name in the hub's layout, and the number of heads whose rows GGUF stores pair by pair.
pub(super) fn hub_name(gguf_name: &str, heads: Heads) -> (String, Option<usize>) {
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
