//! A learned frame of pixels around a smaller image.
//!
//! `x' = pad₀(x) + m ⊙ φ(δ)`, m = 1 on the frame and 0 under the image.
//!
//! # Reference
//! Elsayed et al., ICLR 2019, arXiv 1806.11146, eq. 1 (φ = tanh); Chen et al., CVPR 2023, arXiv 2211.11635 (ILM-VP:
//! φ = sigmoid, δ stored on the whole canvas). The canvas is fixed, so the operator is additive, whatever padding is
//! called elsewhere.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, activation};
use rand::RngExt;
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, InputSpace, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Manipulate, Part, Setup};

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
    pub(super) fn apply(self, delta: Tensor<4>) -> Tensor<4> {
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
}

impl Default for PixelFrameSpec {
    fn default() -> Self {
        Self { squash: Squash::Tanh, init_std: 0.0 }
    }
}

/// The frame.
#[derive(Module, Debug)]
pub struct PixelFrame {
    /// δ, on the whole canvas: `[1, channel, height, width]`.
    delta: Param<Tensor<4>>,
    /// m, on the whole canvas: `[1, 1, height, width]`.
    #[module(skip)]
    mask: Tensor<4>,
    #[module(skip)]
    squash: Squash,
    #[module(skip)]
    n_effective: usize,
}

impl Part for PixelFrameSpec {
    type Coordinates = Site;
    type Module = PixelFrame;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelFrame, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: "pixel-frame".to_owned(), needs: needs.to_owned() };
        let (InputSpace::Image { channels, .. }, Some(placement)) = (setup.backbone.card().main.input, setup.placement) else {
            return Err(needs("image input"));
        };
        let [height, width] = placement.canvas;
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let mask: Vec<f32> = pixels.map(|(row, column)| f32::from(u8::from(placement.is_frame(row, column)))).collect();
        let n_frame = mask.iter().filter(|&&bit| bit > 0.0).count();
        if n_frame == 0 {
            return Err(needs("an image smaller than the canvas: set `image-size`"));
        }
        let mut rng = setup.seed.fork("pixel-frame").rng();
        let delta: Vec<f32> = (0..channels * height * width).map(|_| self.init_std * standard_normal(&mut rng)).collect();
        let delta = TensorData::new(delta, [1, channels, height, width]);
        Ok(PixelFrame {
            delta: Param::from_tensor(Tensor::from_data(delta, in_f32(setup.device))),
            mask: Tensor::from_data(TensorData::new(mask, [1, 1, height, width]), in_f32(&setup.backbone.device())),
            squash: self.squash,
            n_effective: channels * n_frame,
        })
    }
}

/// Box–Muller.
pub(crate) fn standard_normal(rng: &mut impl RngExt) -> f32 {
    let (u, v): (f32, f32) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
}

impl Manipulate for PixelFrame {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        images + self.squash.apply(self.delta.val()) * self.mask.clone()
    }

    fn n_effective(&self) -> Option<usize> {
        Some(self.n_effective)
    }
}
