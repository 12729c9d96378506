//! What a block's attention sees: a stream's own keys and values, those of earlier tokens, and learned ones.

use super::visibility::Keys;
use super::{KeyValue, Mask, Masking, Stream};

impl Stream {
    /// Takes what the block at `layer` has to join with the keys and values that it computes, and what its queries may then
    /// see; the joined ones are remembered for the tokens to come, learned and shared ones excepted.
    pub(crate) fn attend(&mut self, layer: usize, own: KeyValue, masking: Masking) -> (KeyValue, Mask) {
        let branches = self.branches.clone().map(|branches| (self.layout.front(), branches));
        let mut keys = Keys { real: self.real_tokens(), n_queries: self.layout.total(), branches };
        let mut joined = own;
        if let Some(cache) = &mut self.cache {
            if let Some(past) = cache.layers.get(layer) {
                joined = past.clone().then(joined);
                keys.prepend(&cache.real);
                if self.is_kept {
                    cache.layers[layer] = joined.clone();
                }
            } else if self.is_kept {
                assert_eq!(layer, cache.layers.len(), "blocks run in order");
                cache.layers.push(joined.clone());
            }
            if let Some(shared) = cache.shared.get(layer) {
                keys.prepend(&vec![vec![true; shared.len()]; self.spans.len()]);
                joined = shared.clone().then(joined);
            }
        }
        if let Some(prefix) = self.prefix.take() {
            keys.prepend(&vec![vec![true; prefix.len()]; self.spans.len()]);
            joined = prefix.then(joined);
        }
        (joined, self.mask(masking, keys))
    }

    /// How many keys of groups stand in front of the next block's own, and what is added to scores of each; nothing where there are
    /// no groups, or one.
    pub(crate) fn take_group_bias(&mut self) -> Option<(usize, f32)> {
        let n_groups = std::mem::replace(&mut self.n_groups, 1);
        let n_keys = self.prefix.as_ref().filter(|_| n_groups > 1)?.len();
        Some((n_keys, -(n_groups as f32).ln()))
    }

    /// Blocks of one rule ask for one mask.
    fn mask(&mut self, masking: Masking, keys: Keys) -> Mask {
        if let Some((_, _, mask)) = self.masks.iter().find(|(rule, made_for, _)| *rule == masking && *made_for == keys) {
            return mask.clone();
        }
        let mask = keys.mask(masking, &self.tokens.device());
        self.masks.push((masking, keys, mask.clone()));
        mask
    }
}
