//! Scaled dot-product attention over heads.
//!
//! # Reference
//! Vaswani et al., arXiv 1706.03762, eq. 1; grouped key/value heads: Ainslie et al., arXiv 2305.13245.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module::attention};

/// Which keys a query may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// All of them.
    Full,
    /// Those up to its own position; keys may reach further back than queries. Padding on the right is never seen by a
    /// real token, so no other mask is needed.
    Causal,
}

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

/// `[batch, seq, head · head_dim]` to `[batch, head, seq, head_dim]`.
pub fn split_heads(x: Tensor<3>, n_heads: usize) -> Tensor<4> {
    let [batch, seq, dim] = x.dims();
    x.reshape([batch, seq, n_heads, dim / n_heads]).swap_dims(1, 2)
}

/// `[batch, head, seq, head_dim]` to `[batch, seq, head · head_dim]`.
pub fn join_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, n_heads, seq, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, seq, n_heads * head_dim])
}

/// Attention of `query` (`[batch, head, query, head_dim]`) over `key` and `value` (`[batch, kv_head, key, head_dim]`);
/// the result has the query's shape. Each key/value head serves `head / kv_head` query heads.
pub fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, masking: Masking) -> Tensor<4> {
    let n_query_heads = query.dims()[1];
    let options = AttentionModuleOptions { scale: None, softcap: None, is_causal: masking == Masking::Causal };
    attention(query, share_heads(key, n_query_heads), share_heads(value, n_query_heads), None, None, options)
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
