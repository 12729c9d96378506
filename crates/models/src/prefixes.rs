//! Keys and values of what texts begin with, computed once for all texts that continue it.
//!
//! A prefix is computed in pieces that end at fixed places, so that its numbers follow from its tokens alone: not from what
//! was computed before, nor from what is still kept.

use std::collections::BTreeMap;

use crate::{Backbone, Input, KvCache, Stream, TokenBatch};

/// Pieces end at multiples of this many tokens, the last one excepted.
const PIECE: usize = 128;

/// The past of prefixes, for one backbone and one way through its blocks, within a bound; the least recently used goes first.
#[derive(Debug)]
pub struct PrefixCache {
    capacity: usize,
    /// By all tokens up to the piece's end.
    pieces: BTreeMap<Vec<u32>, Piece>,
    clock: u64,
    n_computed: usize,
}

#[derive(Debug)]
struct Piece {
    past: KvCache,
    /// When it was last used, and how many pieces the prefix had from it on: the last one goes first.
    used: (u64, usize),
}

impl PrefixCache {
    /// Keeps at most `capacity` tokens; with none, every prefix is computed when it is asked for.
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, pieces: BTreeMap::new(), clock: 0, n_computed: 0 }
    }

    /// Whether it keeps anything at all.
    pub const fn keeps_any(&self) -> bool {
        self.capacity > 0
    }

    /// Tokens that it keeps.
    pub fn len(&self) -> usize {
        self.pieces.values().map(|piece| piece.past.len()).sum()
    }

    /// Whether it keeps nothing yet.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Tokens that went through the blocks so far.
    pub const fn n_computed(&self) -> usize {
        self.n_computed
    }

    /// The past of a text that begins with `tokens`, shared by any number of rows. `run` carries a stream from the embedding
    /// to the last block; where it puts a prompt in front, this belongs to the past. Where gradients flow nothing is kept.
    ///
    /// `run` must be the same each time: a cache belongs to one backbone, and to one program that does not change.
    pub fn past(&mut self, backbone: &dyn Backbone, tokens: &[u32], run: impl Fn(Stream) -> Stream) -> KvCache {
        self.clock += 1;
        let n_pieces = tokens.len().div_ceil(PIECE).max(1);
        let mut past = KvCache::default();
        for index in 0..n_pieces {
            let end = ((index + 1) * PIECE).min(tokens.len());
            let used = (self.clock, n_pieces - index);
            if let Some(piece) = self.pieces.get_mut(&tokens[..end]) {
                piece.used = used;
                past = past.then_shared(&piece.past);
                continue;
            }
            let fed = TokenBatch::new(vec![tokens[index * PIECE..end].to_vec()]);
            self.n_computed += end - index * PIECE;
            let stream = run(backbone.embed(Input::Tokens(fed)).after(past.clone()));
            let own = stream.into_cache().expect("the stream was given a cache").own_as_shared();
            past = past.then_shared(&own);
            if own.len() <= self.capacity && !own.is_tracked() {
                self.pieces.insert(tokens[..end].to_vec(), Piece { past: own, used });
            }
        }
        self.shrink();
        past
    }

    fn shrink(&mut self) {
        while self.len() > self.capacity {
            let oldest = self.pieces.iter().min_by_key(|(_, piece)| piece.used).map(|(tokens, _)| tokens.clone());
            let Some(oldest) = oldest else { return };
            self.pieces.remove(&oldest);
        }
    }
}

/// Tokens that all rows begin with.
pub fn common_prefix<Row: AsRef<[u32]>>(rows: &[Row]) -> usize {
    let Some((first, rest)) = rows.split_first() else { return 0 };
    let first = first.as_ref();
    let shared = |length: usize, row: &Row| first.iter().zip(row.as_ref()).take(length).take_while(|(a, b)| a == b).count();
    rest.iter().fold(first.len(), shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_prefix_is_counted_over_all_rows() {
        assert_eq!(common_prefix(&[vec![1, 2, 3], vec![1, 2, 4, 5], vec![1, 2]]), 2);
        assert_eq!(common_prefix(&[vec![1, 2, 3]]), 3);
        assert_eq!(common_prefix::<Vec<u32>>(&[]), 0);
    }
}
