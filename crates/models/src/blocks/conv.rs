//! Convolution over an image or a spectrogram.

use burn::module::{Module, Param, ParamId};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module::conv2d};

use crate::weights::Loader;

/// What stands around the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvPadding {
    /// As many zeros before and behind, of height and of width.
    Zeros([(usize, usize); 2]),
    /// As many zeros as give `⌈size / stride⌉` outputs; an odd one stands behind (TensorFlow's `SAME`).
    Same,
}

/// What of a convolution is no weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvRule {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Along height and width.
    pub stride: [usize; 2],
    /// At the edges.
    pub padding: ConvPadding,
    /// Groups of channels that do not see each other; divides both numbers of channels.
    pub groups: usize,
}

impl ConvRule {
    /// A square kernel with `SAME` padding.
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: ConvPadding::Same, groups: 1 }
    }

    /// The same, each channel alone.
    #[must_use]
    pub const fn depthwise(self, channels: usize) -> Self {
        Self { groups: channels, ..self }
    }

    /// Zeros before and behind an axis of this size.
    fn padding(&self, size: [usize; 2]) -> [(usize, usize); 2] {
        match self.padding {
            ConvPadding::Zeros(zeros) => zeros,
            ConvPadding::Same => std::array::from_fn(|axis| {
                let (size, kernel, stride) = (size[axis], self.kernel[axis], self.stride[axis]);
                let zeros = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
                (zeros / 2, zeros - zeros / 2)
            }),
        }
    }
}

/// A convolution.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[output, input / groups, height, width]`
    pub weight: Param<Tensor<4>>,
    /// `[output]`
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    rule: ConvRule,
}

impl Conv2d {
    /// Reads a kernel for `input` channels to `output`, and a bias, under these very names.
    pub fn load(loader: &mut Loader<'_>, weight: &str, bias: Option<&str>, [input, output]: [usize; 2], rule: ConvRule) -> Self {
        let [height, width] = rule.kernel;
        let weight = loader.param(weight, [output, input / rule.groups, height, width]);
        Self { weight, bias: bias.map(|bias| loader.param(bias, [output])), rule }
    }

    /// Reads the kernel `NAME.weight` and the batch normalisation `norm` behind it (`.weight`, `.bias`, `.running_mean`,
    /// `.running_var`), which with fixed statistics is one affine map with the kernel.
    ///
    /// # Reference
    /// Ioffe and Szegedy, arXiv 1502.03167, algorithm 2, line 11.
    pub fn load_normalised(loader: &mut Loader<'_>, name: &str, norm: &str, channels: [usize; 2], rule: ConvRule, eps: f64) -> Self {
        let kernel = Self::load(loader, &format!("{name}.weight"), None, channels, rule).weight;
        let output = channels[1];
        let mut row = |part: &str| loader.param::<1>(&format!("{norm}.{part}"), [output]).val();
        let (weight, bias, mean, variance) = (row("weight"), row("bias"), row("running_mean"), row("running_var"));
        let scale = weight / variance.add_scalar(eps).sqrt();
        let weight = kernel.val() * scale.clone().reshape([output, 1, 1, 1]);
        let bias = bias - mean * scale;
        Self {
            weight: Param::initialized(ParamId::new(), weight.detach()),
            bias: Some(Param::initialized(ParamId::new(), bias.detach())),
            rule,
        }
    }

    /// Height and width behind one of this size, and multiply-accumulates of it; zeros at the edges are multiplied, too.
    pub fn macs(&self, size: [usize; 2]) -> ([usize; 2], u64) {
        let padding = self.rule.padding(size);
        let behind: [usize; 2] = std::array::from_fn(|axis| {
            let (before, after) = padding[axis];
            (size[axis] + before + after - self.rule.kernel[axis]) / self.rule.stride[axis] + 1
        });
        (behind, (behind[0] * behind[1] * self.weight.dims().iter().product::<usize>()) as u64)
    }

    /// `[batch, input, height, width]` to `[batch, output, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let padding = self.rule.padding([height, width]);
        let options = ConvOptions::new_with_padding(self.rule.stride, padding, [1, 1], self.rule.groups);
        conv2d(x, self.weight.val(), self.bias.as_ref().map(Param::val), options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplications_are_those_of_the_loops() {
        let rule = ConvRule { kernel: [3, 2], stride: [2, 1], padding: ConvPadding::Zeros([(1, 0), (0, 1)]), groups: 2 };
        let weight = Tensor::zeros([4, 3, 3, 2], &burn::tensor::Device::flex());
        let conv = Conv2d { weight: Param::initialized(ParamId::new(), weight), bias: None, rule };
        let (mut n, mut rows, mut columns) = (0, 0, 0);
        for top in (0..=7 + 1 - 3).step_by(2) {
            rows = top / 2 + 1;
            for left in 0..=(5 + 1 - 2) {
                columns = left + 1;
                for _output in 0..4 {
                    n += 3 * 3 * 2; // Channels of its group, and the kernel.
                }
            }
        }
        assert_eq!(conv.macs([7, 5]), ([rows, columns], n));
        assert_eq!(conv.forward(Tensor::zeros([1, 6, 7, 5], &burn::tensor::Device::flex())).dims(), [1, 4, rows, columns]);
    }

    #[test]
    fn same_padding_puts_the_odd_zero_behind() {
        assert_eq!(ConvRule::same(3, 1).padding([7, 8]), [(1, 1), (1, 1)]);
        assert_eq!(ConvRule::same(3, 2).padding([7, 8]), [(1, 1), (0, 1)]);
        assert_eq!(ConvRule::same(5, 2).padding([7, 8]), [(2, 2), (1, 2)]);
        assert_eq!(ConvRule::same(1, 2).padding([7, 8]), [(0, 0), (0, 0)]);
    }
}
