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

/// Whether a file holds a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// `NAME.bias`, too.
    Stored,
    /// `NAME.weight` alone.
    None,
}

impl From<bool> for Bias {
    fn from(stored: bool) -> Self {
        if stored { Self::Stored } else { Self::None }
    }
}

impl Linear {
    /// Reads `NAME.weight` (`[output, input]`) and `NAME.bias`.
    pub fn load(loader: &mut Loader<'_>, name: &str, input: usize, output: usize) -> Self {
        Self::load_with(loader, name, input, output, Bias::Stored)
    }

    /// Reads `NAME.weight` (`[output, input]`), and `NAME.bias` where there is one.
    pub fn load_with(loader: &mut Loader<'_>, name: &str, input: usize, output: usize, bias: Bias) -> Self {
        let weight = loader.transposed(&format!("{name}.weight"), output, input);
        let bias = (bias == Bias::Stored).then(|| loader.param(&format!("{name}.bias"), [output]));
        Self { weight, bias }
    }

    /// `[.., input]` to `[.., output]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }
}
