//! Activation functions, by the names that hub configurations use.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// An activation. An unknown name is an error when the configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x Φ(x)`, with the exact error function.
    Gelu,
    /// `x σ(1.702 x)`, CLIP's own.
    QuickGelu,
    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`.
    #[serde(rename = "gelu_pytorch_tanh", alias = "gelu_new")]
    GeluTanh,
    /// `x σ(x)`.
    Silu,
    /// `max(0, x)`.
    Relu,
}

impl Activation {
    /// Element-wise.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Gelu => activation::gelu(x),
            Self::QuickGelu => x.clone() * activation::sigmoid(x.mul_scalar(1.702)),
            Self::GeluTanh => {
                let cubic = x.clone() * (x.clone().square().mul_scalar(0.044_715) + 1.0);
                x.mul_scalar(0.5) * (cubic.mul_scalar((2.0 / std::f64::consts::PI).sqrt()).tanh() + 1.0)
            }
            Self::Silu => activation::silu(x),
            Self::Relu => activation::relu(x),
        }
    }
}
