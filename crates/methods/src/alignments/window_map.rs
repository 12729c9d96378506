//! A forecast from the window itself, past f: `ŷ = (c + (x̃ − c) W + b) σ + μ`, x̃ the normalised window, and c its last value, or
//! zero. A control: it says what a language model adds to a linear map.
//!
//! # Reference
//! Zeng et al., AAAI 2023, arXiv 2205.13504 (`NLinear`: around the last value; b here is in the unit of the window's deviation). I
//! is null, and f is not asked.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::own_scale;
use crate::affine::Affine;
use crate::series::{history, horizon};
use crate::{Align, Part, Reads, Setup};

/// What a window is mapped around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// Its last value.
    #[default]
    Last,
    /// Its mean.
    Mean,
}

/// `part = "window-map"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WindowMapSpec {
    /// c.
    pub centre: Centre,
}

/// W and b.
#[derive(Module, Debug)]
pub struct WindowMap {
    map: Affine,
    #[module(skip)]
    centre: Centre,
}

impl Part for WindowMapSpec {
    type Coordinates = Alignment;
    type Module = WindowMap;

    fn coordinates(&self) -> Alignment {
        Alignment::Linear
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WindowMap, Misfit> {
        let (history, horizon) = (history(setup, "window-map")?, horizon(setup, "window-map")?);
        let mut rng = setup.seed.fork("window-map").rng();
        Ok(WindowMap { map: Affine::uniform(history, horizon, &mut rng, setup.device), centre: self.centre })
    }
}

impl Align for WindowMap {
    fn reads(&self) -> Reads {
        Reads::Window
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        own_scale(scores, |window| match self.centre {
            Centre::Mean => self.map.forward(window),
            Centre::Last => {
                let history = window.dims()[1];
                let last = window.clone().narrow(1, history - 1, 1);
                self.map.forward(window - last.clone()) + last
            }
        })
    }
}
