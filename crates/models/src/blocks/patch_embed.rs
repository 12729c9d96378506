//! Images to patch tokens.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module::linear};

use super::Bias;
use crate::weights::Loader;

/// Non-overlapping patches, each mapped linearly. Stored as the matrix that it is, `[channel · patch · patch, dim]`.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    /// `[channel · patch · patch, dim]`
    pub weight: Param<Tensor<2>>,
    /// `[dim]`
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    patch: usize,
}

impl PatchEmbed {
    /// From its parts.
    pub fn new(weight: Param<Tensor<2>>, bias: Option<Param<Tensor<1>>>, patch: usize) -> Self {
        Self { weight, bias, patch }
    }

    /// Reads the convolution `NAME.weight` (`[dim, channel, patch, patch]`), and `NAME.bias` where there is one.
    pub fn load(loader: &mut Loader<'_>, name: &str, channels: usize, patch: usize, dim: usize, bias: Bias) -> Self {
        let weight = loader.transposed_kernel(&format!("{name}.weight"), [dim, channels, patch, patch]);
        let bias = (bias == Bias::Stored).then(|| loader.param(&format!("{name}.bias"), [dim]));
        Self::new(weight, bias, patch)
    }

    /// Multiply-accumulates of these images, `[batch, channel, height, width]`.
    pub fn macs(&self, [batch, _, height, width]: [usize; 4]) -> u64 {
        let [input, dim] = self.weight.dims();
        (batch * (height / self.patch) * (width / self.patch) * input * dim) as u64
    }

    /// `[batch, channel, height, width]` to `[batch, patches, dim]`, patches in raster order.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = image.dims();
        let (rows, columns, patch) = (height / self.patch, width / self.patch, self.patch);
        let patches = image.reshape([batch, channels, rows, patch, columns, patch]).permute([0, 2, 4, 1, 3, 5]).reshape([
            batch,
            rows * columns,
            channels * patch * patch,
        ]);
        linear(patches, self.weight.val(), self.bias.as_ref().map(Param::val))
    }
}
