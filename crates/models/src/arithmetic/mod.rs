//! What a pass through f costs: floating-point operations, counted from the shapes that go through.
//!
//! Two operations a multiply-accumulate, of patch embeddings, convolutions, the maps of attention and feed-forward networks,
//! both products of attention (scores and mixtures) and heads. Not counted: look-ups, and what is done number by number (norms,
//! activations, positions, the softmax). What a block computes again on its way back is not, either.
//! What is laid out is computed: padding counts, and so do pairs that a mask hides.
//!
//! ```text
//! forward    2 MAC
//! backward   of what flows: each map once more; both products of attention twice more, each of whose two factors has a
//!            gradient. Of weights, where f itself is tuned: each map once more. Nothing in front of the first learned place
//! ```
//!
//! With frozen weights a backward pass costs about as much as a forward one, with tuned ones twice as much.
//!
//! # Reference
//! Kaplan et al., arXiv 2001.08361, §2.1: `2 N` a token forward, N the numbers of all maps; `4 N` backward with those of weights.

mod metered;

use reprogram_taxonomy::Tower;

pub use metered::{Meter, Metered, Spent};

use crate::blocks::Heads;
use crate::{Input, Reading};

/// Multiply-accumulates of a backbone's parts, known from its shapes.
pub trait Arithmetic {
    /// Of what makes a stream of this input, all its items together.
    fn embed_macs(&self, input: &Input) -> u64;

    /// Of a block.
    ///
    /// # Panics
    /// When there is no such block.
    fn block_work(&self, tower: Tower, layer: usize) -> BlockWork;

    /// Of what is read of `rows` items whose streams have `seq` tokens each.
    fn read_macs(&self, tower: Tower, rows: usize, seq: usize, reading: Reading<'_>) -> u64;

    /// Tokens that every row is filled up to in front of the first block, where a tower does so.
    fn filled_to(&self, _tower: Tower) -> Option<usize> {
        None
    }
}

/// Multiply-accumulates of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockWork {
    /// A token's, of the maps to queries, keys and values.
    pub entering: u64,
    /// A token's, of the map behind attention and of the feed-forward network.
    pub behind: u64,
    /// The heads of its attention.
    pub heads: Heads,
}

/// What goes through a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// Rows.
    pub batch: usize,
    /// Tokens of a row, padding and prompts included.
    pub seq: usize,
    /// Keys that attention sees beside those of the tokens themselves.
    pub keys_in_front: usize,
    /// A token's multiply-accumulates of learned maps beside the block's own.
    pub beside: u64,
}

/// Which gradients a backward pass needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gradients {
    /// None: nothing learned stands in front.
    None,
    /// Of what is attached to this part alone: nothing learned stands in front of it.
    Attached,
    /// Of what flows.
    Flow,
    /// Of the part's own weights, and of what flows, if that has one.
    Weights {
        /// Whether it has.
        flow: bool,
    },
}

impl BlockWork {
    /// A passage forward.
    pub const fn forward_macs(&self, passage: Passage) -> u64 {
        passage.tokens() * (self.entering + self.behind + passage.beside) + self.attention_macs(passage)
    }

    /// The same backward.
    pub const fn backward_macs(&self, passage: Passage, gradients: Gradients) -> u64 {
        let (tokens, attention) = (passage.tokens(), 2 * self.attention_macs(passage));
        let maps = self.entering + self.behind;
        match gradients {
            Gradients::None => 0,
            // The block's own maps in front of attention lead to nothing learned; the learned ones have gradients of their weights.
            Gradients::Attached => tokens * (self.behind + passage.beside) + attention,
            Gradients::Flow => tokens * (maps + 2 * passage.beside) + attention,
            Gradients::Weights { flow } => tokens * (maps * (1 + flow as u64) + 2 * passage.beside) + attention,
        }
    }

    /// Scores and mixtures, between all pairs.
    const fn attention_macs(&self, passage: Passage) -> u64 {
        let width = (self.heads.query * self.heads.dim) as u64;
        2 * passage.tokens() * (passage.seq + passage.keys_in_front) as u64 * width
    }
}

impl Passage {
    const fn tokens(self) -> u64 {
        (self.batch * self.seq) as u64
    }
}

impl Gradients {
    /// Of a map that is no block's, by how often its forward pass.
    pub const fn times_forward(self) -> u64 {
        match self {
            Self::None | Self::Attached => 0,
            Self::Flow => 1,
            Self::Weights { flow } => 1 + flow as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of ViT-B: width 768, 12 heads, 3072 hidden units.
    const VIT_B: BlockWork = BlockWork { entering: 3 * 768 * 768, behind: 768 * 768 + 2 * 768 * 3072, heads: Heads::uniform(12, 768) };

    const fn passage(seq: usize) -> Passage {
        Passage { batch: 1, seq, keys_in_front: 0, beside: 0 }
    }

    /// ViT-B/16 at 224 pixels is said to take 17.6 GMAC, without attention's products 16.9.
    #[test]
    fn vit_b_16_takes_what_is_written_of_it() {
        let patches = 196 * 3 * 16 * 16 * 768;
        let total = patches + 12 * VIT_B.forward_macs(passage(197)) + 768 * 1000;
        assert_eq!(total, 17_563_828_224);
        let products = 12 * 2 * 197 * 197 * 768;
        assert_eq!(total - products, 16_848_500_736);
    }

    /// SmolLM2-135M: 30 blocks of width 576, 9 heads, 3 of keys and values, 1536 hidden units behind a gate.
    #[test]
    fn a_token_of_a_language_model_takes_twice_its_maps_and_its_attention() {
        let heads = Heads { query: 9, key_value: 3, dim: 64 };
        let block = BlockWork { entering: 576 * (576 + 2 * 192), behind: 576 * 576 + 3 * 576 * 1536, heads };
        let n_maps = 30 * (block.entering + block.behind);
        assert_eq!(n_maps, 106_168_320, "134,515,008 numbers, less 28,311,552 of the embedding and 35,136 of norms");
        let of = |keys_in_front| 30 * block.forward_macs(Passage { batch: 1, seq: 1, keys_in_front, beside: 0 });
        assert_eq!(of(99), n_maps + 30 * 2 * 100 * 576);
        let whole: u64 = (0..100).map(of).sum();
        let laid_out = 30 * block.forward_macs(passage(100));
        assert_eq!(laid_out - whole, 30 * 2 * 576 * (100 * 99 / 2), "a mask saves nothing");
    }

    /// One multiplication after the other, as the loops of a plain implementation would do them.
    #[test]
    fn a_small_block_is_counted_as_its_loops_do() {
        let (batch, seq, before, dim, hidden) = (2, 3, 4, 6, 10);
        let heads = Heads { query: 2, key_value: 1, dim: 3 };
        let mut n = 0;
        let mut map = |input: usize, output: usize| (0..batch * seq * input * output).for_each(|_| n += 1);
        map(dim, heads.query * heads.dim);
        map(dim, heads.key_value * heads.dim);
        map(dim, heads.key_value * heads.dim);
        map(heads.query * heads.dim, dim);
        map(dim, hidden);
        map(hidden, dim);
        for _row in 0..batch {
            for _head in 0..heads.query {
                for _query in 0..seq {
                    for _key in 0..before + seq {
                        n += heads.dim; // A score.
                        n += heads.dim; // Its part of the mixture.
                    }
                }
            }
        }
        let entering = (dim * (heads.query + 2 * heads.key_value) * heads.dim) as u64;
        let block = BlockWork { entering, behind: (heads.query * heads.dim * dim + 2 * dim * hidden) as u64, heads };
        assert_eq!(block.forward_macs(Passage { batch, seq, keys_in_front: before, beside: 0 }), n as u64);
    }

    #[test]
    fn a_backward_pass_of_frozen_weights_costs_about_a_forward_one_and_of_tuned_ones_two() {
        let passage = passage(197);
        let forward = VIT_B.forward_macs(passage);
        let attention = 2 * 197 * 197 * 768;
        assert_eq!(VIT_B.backward_macs(passage, Gradients::None), 0);
        assert_eq!(VIT_B.backward_macs(passage, Gradients::Flow), forward + attention);
        assert_eq!(VIT_B.backward_macs(passage, Gradients::Weights { flow: true }), 2 * forward);
        let attached = Passage { beside: 8 * (768 + 768), ..passage };
        let behind = 197 * (VIT_B.behind + attached.beside) + 2 * attention;
        assert_eq!(VIT_B.backward_macs(attached, Gradients::Attached), behind);
    }
}
