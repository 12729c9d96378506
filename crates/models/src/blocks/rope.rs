//! Rotary position embedding, half-split form.
//!
//! # Reference
//! Su et al., arXiv 2104.09864. The hub's LLaMA layout pairs element `i` with `i + head_dim / 2`; GGUF files pair
//! neighbours, which the loader undoes by permuting rows.

use burn::tensor::{Device, Tensor, TensorData};

/// Tables of cosines and sines for every position of the context.
#[derive(Debug, Clone)]
pub struct Rope {
    /// `[context, head_dim]`
    cos: Tensor<2>,
    /// `[context, head_dim]`
    sin: Tensor<2>,
}

impl Rope {
    /// Tables for `context` positions and base `theta`.
    pub fn new(context: usize, head_dim: usize, theta: f32, device: &Device) -> Self {
        let half = head_dim / 2;
        let inverse: Vec<f32> = (0..half).map(|i| 1.0 / theta.powf(2.0 * i as f32 / head_dim as f32)).collect();
        let table = |f: fn(f32) -> f32| {
            let rows = (0..context).flat_map(|position| (0..head_dim).map(move |i| (position, i)));
            let values: Vec<f32> = rows.map(|(position, i)| f(position as f32 * inverse[i % half])).collect();
            Tensor::from_data(TensorData::new(values, [context, head_dim]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Rotates `[batch, head, seq, head_dim]`, whose first token stands at position `start`.
    pub fn forward(&self, x: Tensor<4>, start: usize) -> Tensor<4> {
        let [_, _, seq, head_dim] = x.dims();
        let rows = |table: &Tensor<2>| table.clone().narrow(0, start, seq).unsqueeze::<4>();
        let half = head_dim / 2;
        let rotated = Tensor::cat(vec![x.clone().narrow(3, half, half).neg(), x.clone().narrow(3, 0, half)], 3);
        x * rows(&self.cos) + rotated * rows(&self.sin)
    }
}
