//! Rotary positions of rows.
//!
//! # Reference
//! See [`crate::blocks::Rope`].

use burn::backend::flex::FlexTensor;

use super::parts::{constant, values};
use crate::blocks::Rope;

/// Cosines and sines.
#[derive(Debug)]
pub(super) struct Tables {
    /// `[context, head_dim]`
    cos: FlexTensor,
    /// `[context, head_dim]`
    sin: FlexTensor,
}

/// Which way round.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    /// Towards the position.
    There,
    /// The transpose.
    Back,
}

impl Tables {
    pub(super) fn new(rope: &Rope) -> Option<Self> {
        Some(Self { cos: constant(rope.cos.clone())?, sin: constant(rope.sin.clone())? })
    }

    /// Rotates heads that stand one behind the other.
    #[inline(always)]
    pub(super) fn rotate(&self, heads: &mut [f32], head_dim: usize, position: usize, direction: Direction) {
        let half = head_dim / 2;
        let row = |table| &values(table)[position * head_dim..][..half];
        let (cos, sin) = (row(&self.cos), row(&self.sin));
        let turn = match direction {
            Direction::There => 1.0,
            Direction::Back => -1.0,
        };
        for head in heads.chunks_exact_mut(head_dim) {
            let (first, second) = head.split_at_mut(half);
            for (((a, b), &cos), &sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                let sin = turn * sin;
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}
