//! Activation functions, by the names that hub configurations use.

use burn::tensor::{Device, Tensor, activation};
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
            Self::Gelu => gelu(x),
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

/// `x Φ(x)`. The backward pass that GPU backends inherit (burn-backend 0.22.1) is that of the tanh approximation, off by up to
/// 7e-4 of the largest entry; so there, where gradients are asked for, the function is spelled out. burn-flex has an exact one
/// of its own, which is faster.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !device.is_autodiff() || is_flex(&device) {
        return activation::gelu(x);
    }
    let phi = (x.clone().div_scalar(std::f64::consts::SQRT_2).erf() + 1.0).mul_scalar(0.5);
    x * phi
}

/// burn tells a device's kind in its debug text alone. Were that to change, the slower way would be taken, not the wrong one.
fn is_flex(device: &Device) -> bool {
    format!("{device:?}").contains("Flex")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_known_by_its_text() {
        assert!(is_flex(&Device::flex()) && is_flex(&Device::flex().autodiff()));
    }

    /// The two ways to the same function, at a few points and in their gradients.
    #[test]
    fn gelu_spelled_out_is_gelu() {
        let x = Tensor::<1>::from_floats([-3.0, -0.7, 0.0, 0.4, 2.5], &Device::flex().autodiff()).require_grad();
        let spelled = x.clone() * (x.clone().div_scalar(std::f64::consts::SQRT_2).erf() + 1.0).mul_scalar(0.5);
        let fused = gelu(x.clone());
        let gradient = |y: Tensor<1>| x.grad(&y.sum().backward()).expect("x is tracked");
        let near = |a: Tensor<1>, b: Tensor<1>| (a - b).abs().max().into_scalar::<f32>() < 1e-6;
        assert!(near(spelled.clone().inner(), fused.clone().inner()));
        assert!(near(gradient(spelled), gradient(fused)));
    }
}
