//! A learned change of pixels under a mask: what frames, borders, patches and watermarks have in common.
//!
//! `x' = clamp(x + σ ⊙ m ⊙ φ(δ))`; σ is 1, or the deviations by which the backbone divides its pixels, so that δ is added
//! behind that division: `(x + σ ⊙ δ − μ) / σ = (x − μ) / σ + δ`.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::{Backbone, in_f32, lowered, raised};
use reprogram_taxonomy::{InputSpace, Misfit};
use serde::{Deserialize, Serialize};

use crate::manipulations::standard_normal;
use crate::{Placement, Seed, Setup, Squash};

/// What δ is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelUnits {
    /// Pixels in 0..=1: added before the backbone's own standardisation.
    #[default]
    Pixels,
    /// Standard deviations, channel by channel: added behind it.
    Standardised,
}

/// What the changed image may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelRange {
    /// Any number.
    #[default]
    Free,
    /// Numbers in 0..=1: what is beyond is cut off, and has no gradient.
    Clamped,
}

impl PixelRange {
    pub(crate) fn apply(self, image: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Free => image,
            Self::Clamped => image.clamp(0.0, 1.0),
        }
    }
}

/// The canvas that a part draws on: colour channels and where images lie.
pub(crate) fn canvas(setup: &Setup<'_>, part: &str) -> Result<(usize, Placement), Misfit> {
    match (setup.backbone.card().main.input, setup.placement) {
        (InputSpace::Image { channels, .. }, Some(placement)) => Ok((channels, placement)),
        (InputSpace::Image { .. } | InputSpace::Tokens { .. } | InputSpace::Waveform { .. }, _) => {
            Err(Misfit::PartNeeds { part: part.to_owned(), needs: "image input".to_owned() })
        }
    }
}

/// The backbone's standardisation of pixels, `scale ⊙ x + shift`, each `[1, channel, 1, 1]`, read off at 0 and at 1.
pub(crate) fn standardisation(backbone: &dyn Backbone, channels: usize, part: &str) -> Result<(Tensor<4>, Tensor<4>), Misfit> {
    let at = |value: f32| {
        let pixel = Tensor::<4>::full([1, channels, 1, 1], value, in_f32(&backbone.device()));
        backbone.standardised(lowered(pixel)).map(raised)
    };
    let (Some(shift), Some(end)) = (at(0.0), at(1.0)) else {
        let needs = format!("the means and deviations of pixels, which {} does not tell", backbone.card().name);
        return Err(Misfit::PartNeeds { part: part.to_owned(), needs });
    };
    Ok((end - shift.clone(), shift))
}

/// How δ is kept in range and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeltaRule {
    pub(crate) squash: Squash,
    pub(crate) units: PixelUnits,
    pub(crate) range: PixelRange,
}

/// Everything of a masked change but δ.
#[derive(Debug, Clone)]
pub(crate) struct MaskedDelta {
    /// `σ ⊙ m`: `[1, channel or 1, height, width]`.
    weight: Tensor<4>,
    rule: DeltaRule,
    shape: [usize; 4],
    n_covered: usize,
}

impl MaskedDelta {
    /// The mask is 1 where `covers(row, column)`.
    pub(crate) fn new(setup: &Setup<'_>, part: &str, rule: DeltaRule, covers: impl Fn(usize, usize) -> bool) -> Result<Self, Misfit> {
        let (channels, Placement { canvas: [height, width], .. }) = canvas(setup, part)?;
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let mask: Vec<f32> = pixels.map(|(row, column)| f32::from(u8::from(covers(row, column)))).collect();
        let n_covered = mask.iter().filter(|&&bit| bit > 0.0).count();
        let mask = Tensor::<4>::from_data(TensorData::new(mask, [1, 1, height, width]), in_f32(&setup.backbone.device()));
        let weight = match rule.units {
            PixelUnits::Pixels => mask,
            PixelUnits::Standardised => standardisation(setup.backbone, channels, part)?.0.recip() * mask,
        };
        Ok(Self { weight, rule, shape: [1, channels, height, width], n_covered })
    }

    /// Whether the mask is 1 anywhere.
    pub(crate) const fn covers_something(&self) -> bool {
        self.n_covered > 0
    }

    /// Numbers of δ that the mask lets through.
    pub(crate) const fn n_effective(&self) -> usize {
        self.shape[1] * self.n_covered
    }

    /// δ on the whole canvas, `[1, channel, height, width]`, its entries from N(0, std²).
    pub(crate) fn start(&self, std: f32, seed: Seed, device: &Device) -> Param<Tensor<4>> {
        let mut rng = seed.rng();
        let delta: Vec<f32> = (0..self.shape.iter().product()).map(|_| std * standard_normal(&mut rng)).collect();
        Param::from_tensor(Tensor::from_data(TensorData::new(delta, self.shape), in_f32(device)))
    }

    /// The same number everywhere on the canvas, `[1, channel, height, width]`.
    pub(crate) fn constant(&self, value: f32, device: &Device) -> Tensor<4> {
        Tensor::full(self.shape, value, in_f32(device))
    }

    /// `[batch, channel, height, width]`, shape kept.
    pub(crate) fn apply(&self, images: Tensor<4>, delta: Tensor<4>) -> Tensor<4> {
        self.rule.range.apply(images + self.rule.squash.apply(delta) * self.weight.clone())
    }
}
