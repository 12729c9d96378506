//! An affine map.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module::linear};

use crate::weights::Loader;

/// `x W + b`. The weight is stored `[input, output]`, the transpose of the hub's layout.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[input, output]`
    pub weight: Param<Tensor<2>>,
    /// `[output]`
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Reads `NAME.weight` (`[output, input]`) and `NAME.bias`.
    pub fn load(loader: &mut Loader<'_>, name: &str, input: usize, output: usize) -> Self {
        let bias = loader.param(&format!("{name}.bias"), [output]);
        Self { bias: Some(bias), ..Self::load_without_bias(loader, name, input, output) }
    }

    /// Reads `NAME.weight` (`[output, input]`) alone.
    pub fn load_without_bias(loader: &mut Loader<'_>, name: &str, input: usize, output: usize) -> Self {
        Self { weight: loader.transposed(&format!("{name}.weight"), output, input), bias: None }
    }

    /// `[.., input]` to `[.., output]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }
}
