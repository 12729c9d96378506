//! Normalisations of a row, and their vector–Jacobian products.
//!
//! # Reference
//! See [`crate::blocks::LayerNorm`] and [`crate::blocks::RmsNorm`].

use burn::backend::flex::FlexTensor;
use pulp::Simd;

use super::math::{dot, squares, sum};
use super::parts::values;

/// A normalisation with its constants.
#[derive(Debug, Clone)]
pub(super) enum RowNorm {
    /// Mean and variance.
    Layer {
        /// `[dim]`
        weight: FlexTensor,
        /// `[dim]`
        bias: FlexTensor,
        /// Added to the variance.
        eps: f32,
    },
    /// Mean square alone.
    Rms {
        /// `[dim]`
        weight: Vec<f32>,
        /// Added to the mean square.
        eps: f32,
    },
}

impl RowNorm {
    /// The row's mean, where it counts, and `1 / √(variance + eps)`.
    #[inline(always)]
    fn statistics<S: Simd>(&self, simd: S, x: &[f32]) -> (f32, f32) {
        let n = x.len() as f32;
        match self {
            Self::Layer { eps, .. } => {
                let mean = sum(simd, x) / n;
                (mean, 1.0 / (squares(simd, x, mean) / n + eps).sqrt())
            }
            Self::Rms { eps, .. } => (0.0, 1.0 / (squares(simd, x, 0.0) / n + eps).sqrt()),
        }
    }

    /// `x` normalised.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(&self, simd: S, x: &[f32], out: &mut [f32]) {
        let (mean, scale) = self.statistics(simd, x);
        match self {
            Self::Layer { weight, bias, .. } => {
                for (((out, &x), &weight), &bias) in out.iter_mut().zip(x).zip(values(weight)).zip(values(bias)) {
                    *out = (x - mean) * scale * weight + bias;
                }
            }
            Self::Rms { weight, .. } => {
                for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
                    *out = x * scale * weight;
                }
            }
        }
    }

    /// `gradient`, that of the result, becomes that of `x`.
    #[inline(always)]
    pub(super) fn backward<S: Simd>(&self, simd: S, x: &[f32], gradient: &mut [f32], normal: &mut [f32]) {
        let n = x.len() as f32;
        let (mean, scale) = self.statistics(simd, x);
        let weight = match self {
            Self::Layer { weight, .. } => values(weight),
            Self::Rms { weight, .. } => weight,
        };
        for (((gradient, normal), &x), &weight) in gradient.iter_mut().zip(normal.iter_mut()).zip(x).zip(weight) {
            *gradient *= weight;
            *normal = (x - mean) * scale;
        }
        let along = dot(simd, gradient, normal) / n;
        let shift = match self {
            Self::Layer { .. } => sum(simd, gradient) / n,
            Self::Rms { .. } => 0.0,
        };
        for (gradient, &normal) in gradient.iter_mut().zip(normal.iter()) {
            *gradient = scale * (*gradient - shift - normal * along);
        }
    }
}
