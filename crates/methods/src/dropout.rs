//! Numbers that are left out of a training pass.
//!
//! # Reference
//! Srivastava et al., Dropout, JMLR 15, 2014; kept numbers are divided by the share that is kept. Each pass has its own draw
//! from the trial's seed, in the order of the passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use reprogram_models::in_f32;

use crate::Seed;

/// A share of numbers, drawn anew each time.
#[derive(Debug, Clone)]
pub(crate) struct Dropout {
    share: f64,
    seed: Seed,
    n_draws: Arc<AtomicU64>,
}

impl Dropout {
    /// This share is left out, in 0..1.
    pub(crate) fn new(share: f64, seed: Seed) -> Self {
        Self { share, seed, n_draws: Arc::new(AtomicU64::new(0)) }
    }

    /// The same shape, in a training pass; where nothing is left out, nothing is drawn.
    pub(crate) fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.share <= 0.0 {
            return x;
        }
        let mask = self.mask(x.dims(), &x.device());
        x * mask
    }

    /// 0, or what makes up for the zeros.
    fn mask<const D: usize>(&self, shape: [usize; D], device: &Device) -> Tensor<D> {
        let draw = self.n_draws.fetch_add(1, Ordering::Relaxed);
        let mut rng = self.seed.fork(&draw.to_string()).rng();
        let kept = 1.0 / (1.0 - self.share) as f32;
        let mask: Vec<f32> = (0..shape.iter().product()).map(|_| if rng.random::<f64>() < self.share { 0.0 } else { kept }).collect();
        Tensor::from_data(TensorData::new(mask, shape), in_f32(device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ones(dropout: &Dropout) -> Vec<f32> {
        dropout.apply(Tensor::<2>::ones([40, 50], &Device::flex())).try_into_vec_as().unwrap()
    }

    #[test]
    fn a_share_is_left_out_and_the_mean_stays() {
        let values = ones(&Dropout::new(0.4, Seed::new(1)));
        let zeros = values.iter().filter(|value| **value == 0.0).count() as f32 / 2_000.0;
        let mean = values.iter().sum::<f32>() / 2_000.0;
        assert!((zeros - 0.4).abs() < 0.05 && (mean - 1.0).abs() < 0.08, "{zeros}, {mean}");
    }

    #[test]
    fn each_pass_has_a_draw_of_its_own_and_a_seed_repeats_them() {
        let (one, other) = (Dropout::new(0.5, Seed::new(1)), Dropout::new(0.5, Seed::new(1)));
        let first = ones(&one);
        assert_ne!(first, ones(&one));
        assert_eq!(first, ones(&other));
        assert_eq!(ones(&Dropout::new(0.0, Seed::new(1))), vec![1.0; 2_000]);
    }
}
