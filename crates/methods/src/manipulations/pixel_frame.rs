//! A learned frame of pixels around a smaller image.
//!
//! `x' = pad₀(x) + m ⊙ φ(δ)`, m = 1 on the frame and 0 under the image.
//!
//! # Reference
//! Elsayed et al., ICLR 2019, arXiv 1806.11146, eq. 1 (φ = tanh); Chen et al., CVPR 2023, arXiv 2211.11635 (ILM-VP:
//! φ = sigmoid, δ stored on the whole canvas); Wu et al., arXiv 2212.10556, §3.1 (EVP: no φ). The canvas is fixed, so the
//! operator is additive, whatever padding is called elsewhere.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use rand::RngExt;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::family::is_default;
use crate::masked_delta::{DeltaRule, MaskedDelta, canvas};
use crate::{Manipulate, Part, PixelRange, PixelUnits, Setup};

/// φ: how δ is kept in range. Pixels lie in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Squash {
    /// `tanh δ`: a zero δ changes nothing.
    Tanh,
    /// `σ(δ)`: a zero δ is a grey frame.
    Sigmoid,
    /// `δ` itself.
    None,
}

impl Squash {
    pub(crate) fn apply(self, delta: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Tanh => activation::tanh(delta),
            Self::Sigmoid => activation::sigmoid(delta),
            Self::None => delta,
        }
    }
}

/// `part = "pixel-frame"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PixelFrameSpec {
    /// φ.
    pub squash: Squash,
    /// Standard deviation of the initial δ; zero starts at zero.
    pub init_std: f32,
    /// What δ is measured in.
    #[serde(skip_serializing_if = "is_default")]
    pub units: PixelUnits,
    /// What the framed image may hold.
    #[serde(skip_serializing_if = "is_default")]
    pub range: PixelRange,
}

impl Default for PixelFrameSpec {
    fn default() -> Self {
        Self { squash: Squash::Tanh, init_std: 0.0, units: PixelUnits::Pixels, range: PixelRange::Free }
    }
}

/// The frame.
#[derive(Module, Debug)]
pub struct PixelFrame {
    /// δ, on the whole canvas: `[1, channel, height, width]`.
    delta: Param<Tensor<4>>,
    #[module(skip)]
    change: MaskedDelta,
}

impl Part for PixelFrameSpec {
    type Coordinates = Site;
    type Module = PixelFrame;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelFrame, Misfit> {
        let (_, placement) = canvas(setup, "pixel-frame")?;
        let rule = DeltaRule { squash: self.squash, units: self.units, range: self.range };
        let change = MaskedDelta::new(setup, "pixel-frame", rule, |row, column| placement.is_frame(row, column))?;
        if !change.covers_something() {
            let needs = "an image smaller than the canvas: set `image-size`".to_owned();
            return Err(Misfit::PartNeeds { part: "pixel-frame".to_owned(), needs });
        }
        Ok(PixelFrame { delta: change.start(self.init_std, setup.seed.fork("pixel-frame"), setup.device), change })
    }
}

/// Box–Muller.
pub(crate) fn standard_normal(rng: &mut impl RngExt) -> f32 {
    let (u, v): (f32, f32) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
}

impl Manipulate for PixelFrame {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        self.change.apply(images, self.delta.val())
    }

    fn n_effective(&self) -> Option<usize> {
        Some(self.change.n_effective())
    }
}
