//! Labels on top of the features: an affine map, trained by somebody else.

use burn::tensor::Device;

use super::AcousticError;
use crate::Frozen;
use crate::blocks::Linear;
use crate::weights::{Loader, Weights};

/// The labels' map: `head.weight`, `[class, dim]`, and `head.bias`.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) map: Frozen<Linear>,
    pub(super) n_classes: usize,
}

impl Head {
    /// Reads the map, which says by its shape how many classes there are.
    pub(super) fn load(weights: Weights<'_>, dim: usize, device: &Device) -> Result<Self, AcousticError> {
        let n_classes = weights.shape("head.bias").and_then(|shape| shape.first().copied()).unwrap_or(0);
        let mut loader = Loader::new(weights, device);
        let map = Linear::load(&mut loader, "head", dim, n_classes);
        loader.finish()?;
        Ok(Self { map: Frozen::new(map), n_classes })
    }
}
