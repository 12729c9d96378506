//! Learned keys and values in front of each block's own: prefix tuning.
//!
//! `attention(q, [K_l ; k], [V_l ; v])`, with K, V free, or made of an embedding by a map of two layers that is thrown away
//! after training: `[K ; V] = tanh(E W₁ + b₁) W₂ + b₂`. Keys are used as they are, not rotated; the item's positions begin
//! behind the prefix.
//!
//! # Reference
//! Li and Liang, ACL 2021, arXiv 2101.00190, eq. 3 and §4.3 (the map); Liu et al., ACL 2022, arXiv 2110.07602 (P-tuning v2:
//! without the map, linear head). Layout and start N(0, 1) are PEFT's; `init = "vocabulary"` takes keys and values that the
//! backbone computes of drawn tokens (Li and Liang, §7.4: real activations start better).

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use reprogram_models::{Input, KeyValue, KvCache, Stream, TokenBatch, in_f32};
use reprogram_taxonomy::{Format, Layers, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::standard_normal;
use super::{all_layers, hidden_site, layers_within, text};
use crate::affine::Affine;
use crate::{Manipulate, Part, Setup};

/// Where the prefix starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PrefixInit {
    /// Independent normal numbers: keys and values, or, with a map, the embedding.
    Normal {
        /// Their standard deviation.
        std: f32,
    },
    /// Keys and values of tokens drawn from the vocabulary. Not with a map.
    Vocabulary,
}

/// `part = "key-value-prefix"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyValuePrefixSpec {
    /// Keys and values in front, for each head.
    pub tokens: usize,
    /// At which blocks.
    #[serde(default = "all_layers")]
    pub layers: Layers,
    /// Where they start.
    #[serde(default = "normal")]
    pub init: PrefixInit,
    /// Width of the map's hidden layer; without it there is no map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<usize>,
    /// The backbone's modality.
    #[serde(default = "text")]
    pub modality: Modality,
}

const fn normal() -> PrefixInit {
    PrefixInit::Normal { std: 1.0 }
}

/// The prefix.
#[derive(Module, Debug)]
pub struct KeyValuePrefix {
    /// `[tokens, 2 · blocks · kv_head · head_dim]`, a block's keys before its values; with a map `[tokens, dim]`.
    values: Param<Tensor<2>>,
    map: Option<Map>,
    #[module(skip)]
    first: usize,
    #[module(skip)]
    n_blocks: usize,
    #[module(skip)]
    heads: [usize; 2],
}

/// From an embedding to keys and values.
#[derive(Module, Debug)]
struct Map {
    /// `[dim, hidden]`
    inner: Affine,
    /// `[hidden, 2 · blocks · kv_head · head_dim]`
    outer: Affine,
}

impl Part for KeyValuePrefixSpec {
    type Coordinates = Site;
    type Module = KeyValuePrefix;

    fn coordinates(&self) -> Site {
        hidden_site(self.modality, Format::Learnable, Operator::Concatenative, self.layers)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<KeyValuePrefix, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: "key-value-prefix".to_owned(), needs: needs.to_owned() };
        if self.tokens == 0 || self.map == Some(0) {
            return Err(needs("at least one token, and a `map` of at least one"));
        }
        let heads = setup.backbone.heads().ok_or_else(|| needs("a backbone with attention"))?;
        let blocks = layers_within(self.layers, setup);
        let width = 2 * blocks.len() * heads.key_value * heads.dim;
        let mut rng = setup.seed.fork("key-value-prefix").rng();
        let (values, map) = match (&self.init, self.map) {
            (PrefixInit::Vocabulary, Some(_)) => return Err(needs("no `map`, where it starts from the vocabulary")),
            (PrefixInit::Vocabulary, None) => {
                let table = setup.backbone.token_embeddings().ok_or_else(|| needs("a backbone with a vocabulary, or another `init`"))?;
                let n = table.dims()[0];
                let drawn = (0..self.tokens).map(|_| rng.random_range(0..n) as u32).collect();
                let stream = setup.backbone.embed(Input::Tokens(TokenBatch::new(vec![drawn]))).after(KvCache::default());
                let cache = setup.backbone.blocks(stream).into_cache().expect("the stream was given a cache");
                let flat = |tensor: &Tensor<4>| tensor.clone().swap_dims(1, 2).reshape([self.tokens, heads.key_value * heads.dim]);
                let layers = blocks.clone().map(|layer| cache.layer(layer).expect("one entry a block"));
                let pieces = layers.flat_map(|KeyValue { key, value }| [flat(key), flat(value)]);
                (Tensor::cat(pieces.collect(), 1).into_data(), None)
            }
            (PrefixInit::Normal { std }, map) => {
                let dim = setup.backbone.card().main.dim;
                let columns = if map.is_some() { dim } else { width };
                let values: Vec<f32> = (0..self.tokens * columns).map(|_| std * standard_normal(&mut rng)).collect();
                let map = map.map(|hidden| Map {
                    inner: Affine::uniform(dim, hidden, &mut rng, setup.device),
                    outer: Affine::uniform(hidden, width, &mut rng, setup.device),
                });
                (TensorData::new(values, [self.tokens, columns]), map)
            }
        };
        Ok(KeyValuePrefix {
            values: Param::from_tensor(Tensor::from_data(values, in_f32(setup.device))),
            map,
            first: blocks.start,
            n_blocks: blocks.len(),
            heads: [heads.key_value, heads.dim],
        })
    }
}

impl KeyValuePrefix {
    /// What stands in front of its `at`-th block's own.
    fn block(&self, at: usize) -> KeyValue {
        let [n_heads, head_dim] = self.heads;
        let width = n_heads * head_dim;
        let values = self.values.val();
        let own = match &self.map {
            None => values.narrow(1, 2 * at * width, 2 * width),
            Some(Map { inner, outer }) => outer.columns(inner.forward(values).tanh(), 2 * at * width, 2 * width),
        };
        let n_tokens = own.dims()[0];
        let split = |from: usize| own.clone().narrow(1, from, width).reshape([1, n_tokens, n_heads, head_dim]).swap_dims(1, 2);
        KeyValue { key: split(0), value: split(width) }
    }
}

impl Manipulate for KeyValuePrefix {
    fn n_positions(&self) -> usize {
        self.values.dims()[0]
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        match layer.checked_sub(self.first) {
            Some(at) if at < self.n_blocks => {
                let stream = if at == 0 { stream.shift_positions(self.values.dims()[0]) } else { stream };
                stream.insert_prefix(self.block(at))
            }
            Some(_) | None => stream,
        }
    }
}
