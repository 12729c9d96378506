//! What of a stream says how much it takes to carry it through a block.

use burn::tensor::Tensor;

use super::{KeyValue, KvCache, SideMap, Stream};
use crate::blocks::Heads;
use crate::{in_f32, lowered};

impl Stream {
    /// Rows, and tokens of a row, padding included.
    pub(crate) fn n_rows_and_tokens(&self) -> [usize; 2] {
        let [batch, seq, _] = self.tokens.dims();
        [batch, seq]
    }

    /// Tokens of all rows, padding left out.
    pub(crate) fn n_real(&self) -> usize {
        self.spans.iter().map(|span| self.layout.front() + span.length).sum()
    }

    /// Keys that the block at `layer` sees in front of those of the tokens.
    pub(crate) fn n_keys_in_front(&self, layer: usize) -> usize {
        let cached = self.cache.iter().flat_map(|cache| [&cache.layers, &cache.shared]);
        let len = |keys: Option<&KeyValue>| keys.map_or(0, KeyValue::len);
        cached.map(|layers| len(layers.get(layer))).sum::<usize>() + len(self.prefix.as_ref())
    }

    /// A token's multiply-accumulates of the maps beside the next block's own.
    pub(crate) fn beside_macs(&self) -> u64 {
        let numbers = |map: &SideMap| map.down.dims()[1..].iter().product::<usize>() + map.up.dims()[1..].iter().product::<usize>();
        self.side_maps.iter().flatten().map(numbers).sum::<usize>() as u64
    }

    /// As behind the block at `layer`, which was left out: the tokens are what they were, and zeros are remembered of them. Gradients
    /// still find their way to what was attached.
    pub(crate) fn passed_by(mut self, layer: usize, heads: Heads) -> Self {
        let [batch, seq] = self.n_rows_and_tokens();
        let mut hidden = self.hidden();
        let maps = self.take_side_maps().into_iter().flatten().map(|map| map.down.clone().sum() + map.up.clone().sum());
        let prefix = self.prefix.take().map(|KeyValue { key, value }| key.sum() + value.sum());
        if let Some(attached) = maps.chain(prefix).filter(Tensor::is_tracked).reduce(|sum, of| sum + of) {
            hidden = hidden + lowered(attached.mul_scalar(0.0).reshape([1, 1, 1]));
        }
        self.n_groups = 1;
        if let (Some(cache), true) = (&mut self.cache, self.is_kept) {
            // What was remembered before is zeros as well: all of it is a view of one number, so that a text may grow for nothing.
            let n = cache.layers.get(layer).map_or(0, KeyValue::len) + seq;
            let zero = lowered(Tensor::<4>::zeros([1; 4], in_f32(&hidden.device())));
            let zeros = zero.expand([batch, heads.key_value, n, heads.dim]);
            let remembered = KeyValue { key: zeros.clone(), value: zeros };
            match cache.layers.get_mut(layer) {
                Some(past) => *past = remembered,
                None => cache.layers.push(remembered),
            }
        }
        self.with_hidden(hidden)
    }

    /// Whether gradients flow to what made its tokens.
    pub(crate) fn is_tracked(&self) -> bool {
        self.tokens.is_tracked()
    }

    /// Whether they flow to what is attached for the blocks to come.
    pub(crate) fn has_tracked_attached(&self) -> bool {
        let maps = self.side_maps.iter().flatten().any(|map| map.down.is_tracked() || map.up.is_tracked());
        maps || self.prefix.as_ref().is_some_and(KeyValue::is_tracked) || self.cache.as_ref().is_some_and(KvCache::is_tracked)
    }
}
