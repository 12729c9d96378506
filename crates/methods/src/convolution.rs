//! Trained convolutions, as parts that make pixels are made of.

use std::ops::Range;

use burn::module::{Module, Param, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor, TensorData, module};
use rand::RngExt;
use reprogram_models::in_f32;

/// A convolution with a kernel of 3 × 3 and one pixel of zeros around: height and width are kept.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    /// `[output, input, 3, 3]`
    weight: Param<Tensor<4>>,
    /// `[output]`
    bias: Param<Tensor<1>>,
}

impl Convolution {
    /// Weights and biases from U(−1/√n, 1/√n), n the numbers that an output sees, as PyTorch starts them.
    pub(crate) fn uniform(n_in: usize, n_out: usize, rng: &mut impl RngExt, device: &Device) -> Self {
        let bound = 1.0 / (9.0 * n_in as f32).sqrt();
        let weight = uniform([n_out, n_in, 3, 3], -bound..bound, rng, device);
        Self { weight, bias: uniform([n_out], -bound..bound, rng, device) }
    }

    /// `[batch, input, height, width]` to `[batch, output, height, width]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        module::conv2d(x, self.weight.val(), Some(self.bias.val()), ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
    }
}

/// Each pixel becomes 2 × 2 by a transposed convolution, channel group by channel group.
#[derive(Module, Debug)]
pub(crate) struct Doubling {
    /// `[input, output / groups, 2, 2]`
    weight: Param<Tensor<4>>,
    /// `[output]`
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    groups: usize,
}

impl Doubling {
    /// Groups divide both numbers of channels. Start as PyTorch's.
    pub(crate) fn uniform([n_in, n_out]: [usize; 2], groups: usize, rng: &mut impl RngExt, device: &Device) -> Self {
        let bound = 1.0 / (4.0 * (n_out / groups) as f32).sqrt();
        let weight = uniform([n_in, n_out / groups, 2, 2], -bound..bound, rng, device);
        Self { weight, bias: Some(uniform([n_out], -bound..bound, rng, device)), groups }
    }

    /// The same without a bias.
    pub(crate) fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// `[batch, input, height, width]` to `[batch, output, 2 height, 2 width]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], self.groups);
        module::conv_transpose2d(x, self.weight.val(), self.bias.as_ref().map(Param::val), options)
    }
}

/// A batch normalisation that starts as the identity on standardised channels; statistics .1 of each batch, ε 1e-5.
pub(crate) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    let full = |value: f32| Tensor::<1>::full([channels], value, in_f32(device));
    BatchNorm {
        gamma: Param::from_tensor(full(1.0)),
        beta: Param::from_tensor(full(0.0)),
        training: Param::from_bool(true),
        running_mean: RunningState::new(full(0.0)),
        running_var: RunningState::new(full(1.0)),
        momentum: 0.1,
        epsilon: 1e-5,
    }
}

/// A map of all channels, pixel by pixel.
#[derive(Module, Debug)]
pub(crate) struct Pointwise {
    /// `[output, input, 1, 1]`
    weight: Param<Tensor<4>>,
}

impl Pointwise {
    /// From U(−1/√output, 1/√output), as PyTorch starts a transposed convolution of one pixel.
    pub(crate) fn uniform(n_in: usize, n_out: usize, rng: &mut impl RngExt, device: &Device) -> Self {
        let bound = 1.0 / (n_out as f32).sqrt();
        Self { weight: uniform([n_out, n_in, 1, 1], -bound..bound, rng, device) }
    }

    /// `[batch, input, height, width]` to `[batch, output, height, width]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        module::conv2d(x, self.weight.val(), None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
    }
}

/// Mean 0 and variance 1 over all channels and pixels of an item, then a factor and a summand a channel.
#[derive(Module, Debug)]
pub(crate) struct ItemNorm {
    /// `[channel]`
    gamma: Param<Tensor<1>>,
    /// `[channel]`
    beta: Param<Tensor<1>>,
}

impl ItemNorm {
    /// Factors 1 and summands 0.
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        let full = |value: f32| Param::from_tensor(Tensor::<1>::full([channels], value, in_f32(device)));
        Self { gamma: full(1.0), beta: full(0.0) }
    }

    /// Shape kept: `[batch, channel, height, width]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let flat = x.reshape([batch, channels * height * width]);
        let centred = flat.clone() - flat.mean_dim(1);
        let deviation = centred.clone().square().mean_dim(1).add_scalar(1e-5).sqrt();
        let normal = (centred / deviation).reshape([batch, channels, height, width]);
        normal * self.gamma.val().reshape([1, channels, 1, 1]) + self.beta.val().reshape([1, channels, 1, 1])
    }
}

/// Independent numbers, uniform in a range.
pub(crate) fn uniform<const D: usize>(shape: [usize; D], range: Range<f32>, rng: &mut impl RngExt, device: &Device) -> Param<Tensor<D>> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(range.clone())).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), in_f32(device)))
}
