//! Scaled dot-product attention over heads.
//!
//! # Reference
//! Vaswani et al., arXiv 1706.03762, eq. 1; grouped key/value heads: Ainslie et al., arXiv 2305.13245; normalised queries
//! and keys: Henry et al., arXiv 2010.04245.

use burn::module::Module;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, TensorData, module::attention};

use super::{Linear, RmsNorm, Rope};
use crate::stream::{KeyValue, Mask, Masking, Stream};
use crate::{in_f32, lowered};

/// Numbers of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub query: usize,
    /// Key/value heads; divides `query`.
    pub key_value: usize,
    /// Width of a head.
    pub dim: usize,
}

impl Heads {
    /// As many key/value heads as query heads, which share the whole width.
    pub const fn uniform(n: usize, dim: usize) -> Self {
        Self { query: n, key_value: n, dim: dim / n }
    }
}

/// What of attention is no weight.
#[derive(Debug, Clone)]
pub struct AttentionRule {
    /// Heads.
    pub heads: Heads,
    /// Who sees whom.
    pub masking: Masking,
    /// Rotary positions.
    pub rope: Option<Rope>,
    /// Factor of the scores; `1/√head_dim` where there is none.
    pub scale: Option<f64>,
    /// Scores `s` become `c tanh(s / c)` (Gemma 2).
    pub softcap: Option<f64>,
}

impl AttentionRule {
    /// No positions, the usual scale.
    pub const fn plain(heads: Heads, masking: Masking) -> Self {
        Self { heads, masking, rope: None, scale: None, softcap: None }
    }
}

/// Attention of a stream's tokens over themselves and what the stream remembers.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[dim, head · head_dim]`
    pub query: Linear,
    /// `[dim, kv_head · head_dim]`
    pub key: Linear,
    /// `[dim, kv_head · head_dim]`
    pub value: Linear,
    /// `[head · head_dim, dim]`
    pub output: Linear,
    /// Over each head's queries, before rotation.
    pub query_norm: Option<RmsNorm>,
    /// Over each head's keys, before rotation.
    pub key_norm: Option<RmsNorm>,
    #[module(skip)]
    pub(crate) rule: AttentionRule,
}

impl Attention {
    /// From the maps of query, key, value and output.
    pub fn new([query, key, value, output]: [Linear; 4], rule: AttentionRule) -> Self {
        Self { query, key, value, output, query_norm: None, key_norm: None, rule }
    }

    /// Its heads.
    pub const fn heads(&self) -> Heads {
        self.rule.heads
    }

    /// `x`: `[batch, seq, dim]`, what the block at `layer` makes of the stream's tokens; shape kept.
    pub fn forward(&self, x: Tensor<3>, layer: usize, stream: &mut Stream) -> Tensor<3> {
        let AttentionRule { heads, masking, rope, scale, softcap } = &self.rule;
        let (mut query, mut value) = (self.query.forward(x.clone()), self.value.forward(x.clone()));
        if let Some([beside_query, beside_value]) = stream.take_side_maps() {
            query = query + beside_query.forward(x.clone());
            value = value + beside_value.forward(x.clone());
        }
        let mut query = split_heads(query, heads.query);
        let mut key = split_heads(self.key.forward(x), heads.key_value);
        let value = split_heads(value, heads.key_value);
        if let Some(norm) = &self.query_norm {
            query = norm.forward(query);
        }
        if let Some(norm) = &self.key_norm {
            key = norm.forward(key);
        }
        if let Some(rope) = rope {
            let positions = stream.positions();
            query = rope.forward(query, &positions);
            key = rope.forward(key, &positions);
        }
        let groups = stream.take_group_bias();
        let (KeyValue { key, value }, mask) = stream.attend(layer, KeyValue { key, value }, *masking);
        let bias = groups.map(|(n, bias)| front_bias(&query, &key, n, bias));
        self.output.forward(join_heads(attend(query, key, value, mask, bias, [*scale, *softcap])))
    }

    /// Attention of `x` (`[batch, query, dim]`) over other tokens, all of which it sees (`[batch, seq, dim]`), without positions
    /// or norms of its own; the result has the shape of `x`.
    pub fn forward_over(&self, x: Tensor<3>, tokens: Tensor<3>) -> Tensor<3> {
        let AttentionRule { heads, scale, softcap, .. } = &self.rule;
        let query = split_heads(self.query.forward(x), heads.query);
        let key = split_heads(self.key.forward(tokens.clone()), heads.key_value);
        let value = split_heads(self.value.forward(tokens), heads.key_value);
        self.output.forward(join_heads(attend(query, key, value, Mask::None, None, [*scale, *softcap])))
    }
}

/// What is added to scores, `[batch, head, query, key]`: `bias` to those of the first `n` keys.
fn front_bias(query: &Tensor<4>, key: &Tensor<4>, n: usize, bias: f32) -> Tensor<4> {
    let ([batch, n_heads, n_queries, _], n_keys) = (query.dims(), key.dims()[2]);
    let values: Vec<f32> = (0..n_keys).map(|at| if at < n { bias } else { 0.0 }).collect();
    let values = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 1, n_keys]), in_f32(&query.device()));
    lowered(values).expand([batch, n_heads, n_queries, n_keys])
}

/// Attention of `query` (`[batch, head, query, head_dim]`) over `key` and `value` (`[batch, kv_head, key, head_dim]`);
/// the result has the query's shape. Each key/value head serves `head / kv_head` query heads.
fn attend(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    mask: Mask,
    bias: Option<Tensor<4>>,
    [scale, softcap]: [Option<f64>; 2],
) -> Tensor<4> {
    let [batch, n_heads, n_queries, _] = query.dims();
    let n_keys = key.dims()[2];
    let (mask, is_causal) = match mask {
        Mask::None => (None, false),
        Mask::Causal => (None, true),
        Mask::Hidden(hidden) => (Some(hidden.expand([batch, n_heads, n_queries, n_keys])), false),
    };
    let options = AttentionModuleOptions { scale, softcap, is_causal };
    attention(query, share_heads(key, n_heads), share_heads(value, n_heads), mask, bias, options)
}

/// `[batch, seq, head · head_dim]` to `[batch, head, seq, head_dim]`.
fn split_heads(x: Tensor<3>, n_heads: usize) -> Tensor<4> {
    let [batch, seq, dim] = x.dims();
    x.reshape([batch, seq, n_heads, dim / n_heads]).swap_dims(1, 2)
}

/// `[batch, head, seq, head_dim]` to `[batch, seq, head · head_dim]`.
fn join_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, n_heads, seq, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, seq, n_heads * head_dim])
}

fn share_heads(x: Tensor<4>, n_query_heads: usize) -> Tensor<4> {
    let [batch, n_heads, seq, head_dim] = x.dims();
    if n_heads == n_query_heads {
        return x;
    }
    let group = n_query_heads / n_heads;
    x.reshape([batch, n_heads, 1, seq, head_dim]).expand([batch, n_heads, group, seq, head_dim]).reshape([
        batch,
        n_query_heads,
        seq,
        head_dim,
    ])
}
