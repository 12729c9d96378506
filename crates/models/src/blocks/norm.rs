//! Normalisation over the last axis.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module::layer_norm};

use crate::weights::Loader;

/// Layer normalisation (Ba et al., arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[dim]`
    pub weight: Param<Tensor<1>>,
    /// `[dim]`
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl LayerNorm {
    /// From its parts. `weight` and `bias`: `[dim]`.
    pub fn new(weight: Param<Tensor<1>>, bias: Param<Tensor<1>>, eps: f64) -> Self {
        Self { weight, bias, eps }
    }

    /// Reads `NAME.weight` and `NAME.bias`.
    pub fn load(loader: &mut Loader<'_>, name: &str, dim: usize, eps: f64) -> Self {
        Self::new(loader.param(&format!("{name}.weight"), [dim]), loader.param(&format!("{name}.bias"), [dim]), eps)
    }

    /// `[.., dim]`, shape kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.weight.val(), Some(self.bias.val()), self.eps)
    }
}

/// Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467).
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// `[dim]`
    pub weight: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl RmsNorm {
    /// Reads `NAME.weight`.
    pub fn load(loader: &mut Loader<'_>, name: &str, dim: usize, eps: f64) -> Self {
        Self { weight: loader.param(&format!("{name}.weight"), [dim]), eps }
    }

    /// `[.., dim]`, shape kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mean_square = x.clone().square().mean_dim(D - 1);
        let scale = mean_square.add_scalar(self.eps).sqrt().recip();
        x * scale * self.weight.val().unsqueeze()
    }
}
