//! Decoding on all threads: large tensors in pieces.

/// Fills pieces of `out` of `len` numbers each, given their index.
#[cfg(feature = "flex")]
pub(super) fn fill_pieces(out: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32]) + Sync) {
    use rayon::prelude::*;

    out.par_chunks_mut(len.max(1)).enumerate().for_each(|(i, piece)| fill(i, piece));
}

/// Fills pieces of `out` of `len` numbers each, given their index.
#[cfg(not(feature = "flex"))]
pub(super) fn fill_pieces(out: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32]) + Sync) {
    out.chunks_mut(len.max(1)).enumerate().for_each(|(i, piece)| fill(i, piece));
}
