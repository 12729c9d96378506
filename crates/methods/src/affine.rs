//! A trained affine map, as parts are made of.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, module::linear};
use rand::RngExt;
use reprogram_models::in_f32;

/// `x W + b`.
#[derive(Module, Debug)]
pub(crate) struct Affine {
    /// `[in, out]`
    weight: Param<Tensor<2>>,
    /// `[out]`
    bias: Param<Tensor<1>>,
}

impl Affine {
    /// W, b ~ U(−1/√in, 1/√in), as PyTorch starts a linear layer.
    pub(crate) fn uniform(n_in: usize, n_out: usize, rng: &mut impl RngExt, device: &Device) -> Self {
        Self::within(1.0 / (n_in as f32).sqrt(), [n_in, n_out], rng, device)
    }

    /// W `[in, out]`, b ~ U(−bound, bound).
    pub(crate) fn within(bound: f32, [n_in, n_out]: [usize; 2], rng: &mut impl RngExt, device: &Device) -> Self {
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-bound..bound)).collect() };
        let weight = TensorData::new(draw(n_in * n_out), [n_in, n_out]);
        let bias = TensorData::new(draw(n_out), [n_out]);
        Self {
            weight: Param::from_tensor(Tensor::from_data(weight, in_f32(device))),
            bias: Param::from_tensor(Tensor::from_data(bias, in_f32(device))),
        }
    }

    /// W, b = 0.
    pub(crate) fn zeros(n_in: usize, n_out: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([n_in, n_out], in_f32(device))),
            bias: Param::from_tensor(Tensor::zeros([n_out], in_f32(device))),
        }
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, self.weight.val(), Some(self.bias.val()))
    }

    /// Some columns of the result, from the first on.
    pub(crate) fn columns(&self, x: Tensor<2>, first: usize, n: usize) -> Tensor<2> {
        linear(x, self.weight.val().narrow(1, first, n), Some(self.bias.val().narrow(0, first, n)))
    }
}
