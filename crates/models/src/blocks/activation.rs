//! Activation functions, by the names that hub configurations use.

use burn::tensor::{Tensor, activation};
use serde::Deserialize;

/// An activation. An unknown name is an error when the configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x Φ(x)`, with the exact error function.
    Gelu,
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
            Self::Silu => activation::silu(x),
            Self::Relu => activation::relu(x),
        }
    }
}
