//! A forecast from the window itself, past f: `ŷ = (x̃ W + b) σ + μ`, x̃ the normalised window. A control: it says what a language
//! model adds to a linear map.
//!
//! # Reference
//! Zeng et al., AAAI 2023, arXiv 2205.13504 (their `NLinear` takes the last value off instead of mean and deviation). I is null,
//! and f is not asked.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::own_scale;
use crate::affine::Affine;
use crate::series::history;
use crate::{Align, Part, Reads, Setup};

/// `part = "window-map"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WindowMapSpec {}

/// W and b.
#[derive(Module, Debug)]
pub struct WindowMap {
    map: Affine,
}

impl Part for WindowMapSpec {
    type Coordinates = Alignment;
    type Module = WindowMap;

    fn coordinates(&self) -> Alignment {
        Alignment::Linear
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WindowMap, Misfit> {
        let history = history(setup, "window-map")?;
        let mut rng = setup.seed.fork("window-map").rng();
        Ok(WindowMap { map: Affine::uniform(history, setup.target.n_classes(), &mut rng, setup.device) })
    }
}

impl Align for WindowMap {
    fn reads(&self) -> Reads {
        Reads::Window
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        own_scale(scores, |window| self.map.forward(window))
    }
}
