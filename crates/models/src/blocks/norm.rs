//! Normalisation over the last axis, and what scales a branch.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module::layer_norm};

use crate::weights::Loader;
use crate::{lowered, raised};

/// Layer normalisation (Ba et al., arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[dim]`
    pub weight: Param<Tensor<1>>,
    /// `[dim]`
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    pub(crate) eps: f64,
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
        lowered(layer_norm(raised(x), raised(self.weight.val()), Some(raised(self.bias.val())), self.eps))
    }
}

/// Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467).
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// `[dim]`
    pub weight: Param<Tensor<1>>,
    #[module(skip)]
    pub(crate) eps: f64,
    /// Added to the weight: 1 where a file stores the weight's distance from 1 (Gemma).
    #[module(skip)]
    pub(crate) offset: f64,
}

impl RmsNorm {
    /// Reads `NAME.weight`.
    pub fn load(loader: &mut Loader<'_>, name: &str, dim: usize, eps: f64) -> Self {
        Self::load_with_offset(loader, name, dim, eps, 0.0)
    }

    /// Reads `NAME.weight`, to which `offset` is added.
    pub fn load_with_offset(loader: &mut Loader<'_>, name: &str, dim: usize, eps: f64, offset: f64) -> Self {
        Self { weight: loader.param(&format!("{name}.weight"), [dim]), eps, offset }
    }

    /// `[.., dim]`, shape kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let x = raised(x);
        let mean_square = x.clone().square().mean_dim(D - 1);
        let scale = mean_square.add_scalar(self.eps).sqrt().recip();
        let weight = raised(self.weight.val());
        let weight = if self.offset == 0.0 { weight } else { weight.add_scalar(self.offset) };
        lowered(x * scale * weight.unsqueeze())
    }
}

/// Either normalisation.
#[derive(Module, Debug)]
pub enum Norm {
    /// Mean and variance.
    Layer(LayerNorm),
    /// Mean square alone.
    Rms(RmsNorm),
}

impl Norm {
    /// `[.., dim]`, shape kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Layer(norm) => norm.forward(x),
            Self::Rms(norm) => norm.forward(x),
        }
    }
}

/// A factor for each channel of a branch (Touvron et al., arXiv 2103.17239).
#[derive(Module, Debug)]
pub struct LayerScale {
    /// `[dim]`
    pub factor: Param<Tensor<1>>,
}

impl LayerScale {
    /// Reads `NAME`.
    pub fn load(loader: &mut Loader<'_>, name: &str, dim: usize) -> Self {
        Self { factor: loader.param(name, [dim]) }
    }

    /// `[.., dim]`, shape kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x * self.factor.val().unsqueeze()
    }
}
