//! The operations that backbones are made of, each as backbones call it.

use burn::tensor::ops::{AttentionModuleOptions, ConvOptions};
use burn::tensor::{Device, Int, Tensor, TensorData, activation, module};
use reprogram_models::blocks::Activation;
use reprogram_models::weights::{StoredTensor, Weights};
use reprogram_models::{cross_entropy, in_f32, raised};

use super::{Deviation, Outcome};

/// The stored inputs and outputs of one operation.
pub(super) struct Stored<'a> {
    tensors: &'a Weights<'a>,
    operation: &'static str,
    device: Device,
}

/// An operation on one tensor and what else it takes.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    run: fn(&Stored<'_>) -> Outcome,
}

impl Operation {
    pub(super) fn run(self, tensors: &Weights<'_>, device: &Device) -> Outcome {
        (self.run)(&Stored { tensors, operation: self.name, device: device.clone() })
    }
}

impl Stored<'_> {
    fn raw(&self, part: &str) -> StoredTensor {
        let name = format!("{}.{part}", self.operation);
        self.tensors.tensor(&name).unwrap_or_else(|| panic!("the self-test's own table has `{name}`"))
    }

    /// A constant.
    fn tensor<const D: usize>(&self, part: &str) -> Tensor<D> {
        let StoredTensor { shape, values, .. } = self.raw(part);
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn integers<const D: usize>(&self, part: &str) -> Tensor<D, Int> {
        let StoredTensor { shape, values, .. } = self.raw(part);
        let values: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Forward, and backward to the input.
    fn differentiate<const D: usize, const E: usize>(&self, function: impl FnOnce(Tensor<D>) -> Tensor<E>) -> Outcome {
        let StoredTensor { shape, values, .. } = self.raw("input");
        let input = Tensor::<D>::from_data(TensorData::new(values, shape), &self.device.clone().autodiff()).require_grad();
        let output = function(input.clone());
        let measured = deviation(output.clone().inner(), &self.raw("output").values);
        let StoredTensor { shape, values, .. } = self.raw("weight");
        let weight = Tensor::<E>::from_data(TensorData::new(values, shape), in_f32(&self.device));
        let gradients = (raised(output) * weight).sum().backward();
        let expected = self.raw("gradient").values;
        let gradient = input.grad(&gradients).map_or_else(|| Deviation::of(&[], &expected), |gradient| deviation(gradient, &expected));
        Outcome::Measured { output: measured, gradient: Some(gradient) }
    }

    fn elementwise(&self, function: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Outcome {
        self.differentiate(function)
    }

    fn attention(&self, is_causal: bool) -> Outcome {
        let hidden = self.tensors.shape(&format!("{}.hidden", self.operation)).map(|_| self.integers::<4>("hidden").equal_elem(1));
        let options = AttentionModuleOptions { is_causal, ..AttentionModuleOptions::default() };
        self.differentiate(|x: Tensor<4>| {
            let [batch, heads, queries, _] = x.dims();
            let [key, value] = ["key", "value"].map(|part| share_heads(self.tensor::<4>(part), heads));
            let hidden = hidden.map(|hidden| hidden.expand([batch, heads, queries, key.dims()[2]]));
            module::attention(x, key, value, hidden, None, options)
        })
    }

    fn convolution(&self, stride: usize, padding: usize, groups: usize) -> Outcome {
        let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], groups);
        self.differentiate(|x: Tensor<4>| module::conv2d(x, self.tensor("kernel"), None, options))
    }
}

fn deviation<const D: usize>(found: Tensor<D>, expected: &[f32]) -> Deviation {
    let found: Vec<f32> = found.try_into_vec_as().expect("a tensor of floats");
    Deviation::of(&found, expected)
}

/// Each key/value head serves as many query heads as it takes.
fn share_heads(x: Tensor<4>, n_query_heads: usize) -> Tensor<4> {
    let [batch, n_heads, seq, head_dim] = x.dims();
    let group = n_query_heads / n_heads;
    let shared = x.reshape([batch, n_heads, 1, seq, head_dim]).expand([batch, n_heads, group, seq, head_dim]);
    shared.reshape([batch, n_query_heads, seq, head_dim])
}

/// All of them.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "matmul", run: |stored| stored.differentiate(|x: Tensor<4>| x.matmul(stored.tensor("other"))) },
    Operation {
        name: "linear",
        run: |stored| stored.differentiate(|x: Tensor<3>| module::linear(x, stored.tensor("matrix"), Some(stored.tensor("bias")))),
    },
    Operation { name: "attention", run: |stored| stored.attention(false) },
    Operation { name: "causal_attention", run: |stored| stored.attention(true) },
    Operation { name: "masked_attention", run: |stored| stored.attention(false) },
    Operation { name: "grouped_attention", run: |stored| stored.attention(true) },
    Operation {
        name: "grouped_keys",
        run: |stored| {
            stored.differentiate(|x: Tensor<4>| {
                let query = stored.tensor::<4>("query");
                let keys = share_heads(x, query.dims()[1]);
                query.matmul(keys.swap_dims(2, 3))
            })
        },
    },
    Operation { name: "softmax", run: |stored| stored.elementwise(|x| activation::softmax(x, 1)) },
    Operation {
        name: "layer_norm",
        run: |stored| stored.differentiate(|x: Tensor<3>| module::layer_norm(x, stored.tensor("scale"), Some(stored.tensor("bias")), 1e-5)),
    },
    Operation {
        name: "rms_norm",
        run: |stored| {
            stored.differentiate(|x: Tensor<3>| {
                let scale = x.clone().square().mean_dim(2).add_scalar(1e-5).sqrt().recip();
                x * scale * stored.tensor::<1>("scale").unsqueeze()
            })
        },
    },
    Operation { name: "gelu", run: |stored| stored.elementwise(|x| Activation::Gelu.forward(x)) },
    Operation { name: "gelu_tanh", run: |stored| stored.elementwise(|x| Activation::GeluTanh.forward(x)) },
    Operation { name: "quick_gelu", run: |stored| stored.elementwise(|x| Activation::QuickGelu.forward(x)) },
    Operation { name: "silu", run: |stored| stored.elementwise(|x| Activation::Silu.forward(x)) },
    Operation { name: "relu", run: |stored| stored.elementwise(|x| Activation::Relu.forward(x)) },
    Operation { name: "relu6", run: |stored| stored.elementwise(|x| x.clamp(0.0, 6.0)) },
    Operation { name: "tanh", run: |stored| stored.elementwise(Tensor::tanh) },
    Operation {
        name: "rope",
        run: |stored| {
            stored.differentiate(|x: Tensor<4>| {
                let half = x.dims()[3] / 2;
                let turned = Tensor::cat(vec![x.clone().narrow(3, half, half).neg(), x.clone().narrow(3, 0, half)], 3);
                x * stored.tensor::<2>("cos").unsqueeze() + turned * stored.tensor::<2>("sin").unsqueeze()
            })
        },
    },
    Operation { name: "embedding", run: |stored| stored.differentiate(|x: Tensor<2>| module::embedding(x, stored.integers("ids"))) },
    Operation { name: "select", run: |stored| stored.differentiate(|x: Tensor<2>| x.select(0, stored.integers::<1>("ids"))) },
    Operation {
        name: "cut_and_join",
        run: |stored| {
            stored.differentiate(|x: Tensor<3>| {
                let [batch, seq, dim] = x.dims();
                let other = stored.tensor::<3>("other");
                let joined = other.dims()[1];
                Tensor::cat(vec![x.clone().narrow(1, 0, 1), other.expand([batch, joined, dim]), x.narrow(1, 1, seq - 1)], 1)
            })
        },
    },
    Operation { name: "pad", run: |stored| stored.differentiate(|x: Tensor<4>| x.pad((3, 2, 1, 4), 0.0)) },
    Operation {
        name: "patches",
        run: |stored| {
            stored.differentiate(|x: Tensor<4>| {
                let kernel = stored.tensor::<4>("kernel");
                let ([batch, channels, height, width], [dim, _, patch, _]) = (x.dims(), kernel.dims());
                let (rows, columns) = (height / patch, width / patch);
                let cut = x.reshape([batch, channels, rows, patch, columns, patch]).permute([0, 2, 4, 1, 3, 5]);
                let cut: Tensor<3> = cut.reshape([batch, rows * columns, channels * patch * patch]);
                module::linear(cut, kernel.reshape([dim, channels * patch * patch]).transpose(), Some(stored.tensor("bias")))
            })
        },
    },
    Operation { name: "conv2d", run: |stored| stored.convolution(2, 1, 1) },
    Operation { name: "depthwise_conv2d", run: |stored| stored.convolution(1, 2, 6) },
    Operation { name: "sum", run: |stored| stored.differentiate(|x: Tensor<3>| x.sum_dim(2).squeeze_dim::<2>(2)) },
    Operation { name: "mean", run: |stored| stored.differentiate(|x: Tensor<3>| x.mean_dim(1).squeeze_dim::<2>(1)) },
    Operation {
        name: "cross_entropy",
        run: |stored| {
            let labels: Vec<usize> = stored.raw("labels").values.into_iter().map(|label| label as usize).collect();
            stored.differentiate(|x: Tensor<2>| cross_entropy(x, &labels))
        },
    },
    Operation {
        name: "argmax",
        run: |stored| {
            let found: Vec<i64> = stored.tensor::<2>("input").argmax(1).try_into_vec_as().expect("indices are whole numbers");
            let expected = stored.raw("output").values;
            let found: Vec<f32> = found.into_iter().map(|index| index as f32).collect();
            Outcome::Measured { output: Deviation::of(&found, &expected), gradient: None }
        },
    },
];
