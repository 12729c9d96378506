//! An affine map.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module::linear};

use crate::compact::Compact;
use crate::weights::Loader;

/// `x W + b`. The weight is stored `[input, output]`, the transpose of the hub's layout.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[input, output]`
    pub weight: Weight,
    /// `[output]`
    pub bias: Option<Param<Tensor<1>>>,
}

/// A matrix, as it lies in memory.
#[derive(Module, Debug)]
pub enum Weight {
    /// In the device's own floats.
    Floats(Param<Tensor<2>>),
    /// In fewer bits. It cannot be trained.
    Compact(Compact),
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
        let weight = loader.matrix(&format!("{name}.weight"), output, input);
        let bias = (bias == Bias::Stored).then(|| loader.param(&format!("{name}.bias"), [output]));
        Self { weight, bias }
    }

    /// Multiply-accumulates of one vector.
    pub fn macs(&self) -> u64 {
        let [input, output] = self.weight.dims();
        (input * output) as u64
    }

    /// `[.., input]` to `[.., output]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match (&self.weight, &self.bias) {
            (Weight::Floats(weight), bias) => linear(x, weight.val(), bias.as_ref().map(Param::val)),
            (Weight::Compact(weight), None) => weight.product(x),
            (Weight::Compact(weight), Some(bias)) => weight.product(x) + bias.val().unsqueeze(),
        }
    }
}

impl Weight {
    /// `[input, output]`
    pub fn dims(&self) -> [usize; 2] {
        match self {
            Self::Floats(weight) => weight.val().dims(),
            Self::Compact(weight) => weight.dims(),
        }
    }
}
