//! What every resampling is made of: a generator whose seed is a name, and quantiles of replicates.
//!
//! # Reference
//! Quantiles: Hyndman and Fan, The American Statistician 50, 1996, definition 7: linear between the two order statistics
//! next to `q (n − 1)`.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// A generator for one purpose: the same name, the same draws.
pub(super) fn named_rng(name: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(Sha256::digest(name).into())
}

/// The quantile of sorted values, interpolated linearly between the two next to it.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}
