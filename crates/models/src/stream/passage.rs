//! What of a stream says how much it takes to carry it through a block.

use super::{KeyValue, Stream};

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
        let numbers = |map: &super::SideMap| map.down.dims()[1..].iter().product::<usize>() + map.up.dims()[1..].iter().product::<usize>();
        self.side_maps.iter().flatten().map(numbers).sum::<usize>() as u64
    }

    /// Whether gradients flow to what made its tokens.
    pub(crate) fn is_tracked(&self) -> bool {
        self.tokens.is_tracked()
    }

    /// Whether they flow to what is attached for the blocks to come.
    pub(crate) fn has_tracked_attached(&self) -> bool {
        let maps = self.side_maps.iter().flatten().any(|map| map.down.is_tracked() || map.up.is_tracked());
        maps || self.prefix.as_ref().is_some_and(KeyValue::is_tracked) || self.cache.as_ref().is_some_and(super::KvCache::is_tracked)
    }
}
