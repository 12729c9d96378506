//! The inverted residual block: wide inside, narrow at both ends.
//!
//! # Reference
//! Sandler et al., arXiv 1801.04381, figure 3; the Lite variants leave squeeze and excitation out.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::blocks::{Conv2d, ConvRule};
use crate::weights::Loader;

/// `x + project(depthwise(expand(x)))`, or without `x` where the shape changes.
#[derive(Module, Debug)]
pub(super) struct MbConv {
    /// Absent where the block is not wider inside.
    expand: Option<Conv2d>,
    depthwise: Conv2d,
    project: Conv2d,
    #[module(skip)]
    is_residual: bool,
}

/// The numbers of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct MbShape {
    pub input: usize,
    pub output: usize,
    pub expansion: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl MbConv {
    /// Reads the block under these names.
    pub(super) fn load(loader: &mut Loader<'_>, prefix: &str, shape: MbShape, eps: f64) -> Self {
        let MbShape { input, output, expansion, kernel, stride } = shape;
        let inside = input * expansion;
        let mut conv = |name: &str, norm: &str, channels, rule| {
            Conv2d::load_normalised(loader, &format!("{prefix}.{name}"), &format!("{prefix}.{norm}"), channels, rule, eps)
        };
        let point = ConvRule::same(1, 1);
        Self {
            expand: (expansion != 1).then(|| conv("_expand_conv", "_bn0", [input, inside], point)),
            depthwise: conv("_depthwise_conv", "_bn1", [inside, inside], ConvRule::same(kernel, stride).depthwise(inside)),
            project: conv("_project_conv", "_bn2", [inside, output], point),
            is_residual: stride == 1 && input == output,
        }
    }

    /// Height and width behind images of this size, and multiply-accumulates of one.
    pub(super) fn macs(&self, size: [usize; 2]) -> ([usize; 2], u64) {
        [self.expand.as_ref(), Some(&self.depthwise), Some(&self.project)].into_iter().flatten().fold((size, 0), |(size, sum), conv| {
            let (size, macs) = conv.macs(size);
            (size, sum + macs)
        })
    }

    /// `[batch, input, height, width]` to `[batch, output, ⌈height / stride⌉, ⌈width / stride⌉]`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inside = self.expand.as_ref().map_or_else(|| x.clone(), |expand| relu6(expand.forward(x.clone())));
        let out = self.project.forward(relu6(self.depthwise.forward(inside)));
        if self.is_residual { x + out } else { out }
    }
}

/// `min(max(0, x), 6)` (Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010).
pub(super) fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}
