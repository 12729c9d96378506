//! Rotary position embedding, half-split form.
//!
//! # Reference
//! Su et al., arXiv 2104.09864. The hub's LLaMA layout pairs element `i` with `i + head_dim / 2`; GGUF files pair
//! neighbours, which the loader undoes by permuting rows. Scaled frequencies: Chen et al., arXiv 2306.15595 (linear);
//! Llama 3.1's rule as in the reference implementation's `rope_utils` (arXiv 2407.21783 states the base alone).

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::stream::Positions;

/// How frequencies are lowered for contexts longer than those trained on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All by one factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Long wavelengths by a factor, short ones not at all, smoothly in between.
    Llama3 {
        /// The factor.
        factor: f64,
        /// Wavelengths above `context / low` are long.
        low: f64,
        /// Wavelengths below `context / high` are short.
        high: f64,
        /// Context trained on.
        context: f64,
    },
    /// Each by a factor of its own, `[head_dim / 2]`, as GGUF files store Llama 3.1's.
    Divisors(Vec<f32>),
}

/// What the tables follow from.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeRule {
    /// Base.
    pub theta: f64,
    /// Lowered frequencies.
    pub scaling: RopeScaling,
}

impl RopeRule {
    /// Angle a position, `[head_dim / 2]`, computed in f32 as the reference does.
    fn frequencies(&self, head_dim: usize) -> Vec<f32> {
        let plain = (0..head_dim / 2).map(|i| 1.0 / (self.theta as f32).powf(2.0 * i as f32 / head_dim as f32));
        match &self.scaling {
            RopeScaling::None => plain.collect(),
            RopeScaling::Linear { factor } => plain.map(|frequency| frequency / *factor as f32).collect(),
            RopeScaling::Llama3 { factor, low, high, context } => {
                let lower = |frequency: f32| {
                    let wavelength = 2.0 * std::f64::consts::PI / f64::from(frequency);
                    if wavelength > context / low {
                        return frequency / *factor as f32;
                    }
                    if wavelength < context / high {
                        return frequency;
                    }
                    let smooth = (context / wavelength - low) / (high - low);
                    ((1.0 - smooth) * f64::from(frequency) / factor + smooth * f64::from(frequency)) as f32
                };
                plain.map(lower).collect()
            }
            RopeScaling::Divisors(divisors) => plain.zip(divisors).map(|(frequency, divisor)| frequency / divisor).collect(),
        }
    }
}

/// Tables of cosines and sines for every position of the context.
#[derive(Debug, Clone)]
pub struct Rope {
    /// `[context, head_dim]`
    pub(crate) cos: Tensor<2>,
    /// `[context, head_dim]`
    pub(crate) sin: Tensor<2>,
}

impl Rope {
    /// Tables for `context` positions.
    pub fn new(context: usize, head_dim: usize, rule: &RopeRule, device: &Device) -> Self {
        let frequencies = rule.frequencies(head_dim);
        let table = |f: fn(f32) -> f32| {
            let mut values = Vec::with_capacity(context * head_dim);
            for position in 0..context {
                let row = frequencies.iter().map(|frequency| f(position as f32 * frequency));
                values.extend(row.clone().chain(row));
            }
            Tensor::from_data(TensorData::new(values, [context, head_dim]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Rotates `[batch, head, seq, head_dim]`.
    pub(crate) fn forward(&self, x: Tensor<4>, positions: &Positions) -> Tensor<4> {
        let [_, _, seq, head_dim] = x.dims();
        let rows = |table: &Tensor<2>| positions.rows(table, seq).unsqueeze_dim::<4>(1);
        let half = head_dim / 2;
        let rotated = Tensor::cat(vec![x.clone().narrow(3, half, half).neg(), x.clone().narrow(3, 0, half)], 3);
        x * rows(&self.cos) + rotated * rows(&self.sin)
    }
}
