//! A learned change of pixels of the whole image, a border of it, or a patch: visual prompts on top of the image.
//!
//! `x' = x + m ⊙ φ(δ)`, m = 1 where it covers.
//!
//! # Reference
//! Bahng et al., arXiv 2203.17274, §3.1 (`border`: their padding, 30 of 224 pixels; `patch`: their fixed patch; φ none, δ from
//! N(0, 1), added behind standardisation: `units = "standardised"`); as `whole`, the watermark of Cai et al., arXiv
//! 2406.03150, §3, without a mask.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::Squash;
use super::site;
use crate::family::is_default;
use crate::masked_delta::{DeltaRule, MaskedDelta, canvas};
use crate::{Manipulate, Part, PixelRange, PixelUnits, Setup};

/// Where the change is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cover {
    /// Everywhere.
    Whole,
    /// Along all four edges.
    Border {
        /// Pixels.
        width: usize,
    },
    /// The same, as wide as this share of the shorter edge, rounded, and at least a pixel.
    BorderShare {
        /// In 0..=1.
        share: f64,
    },
    /// A square in the upper left corner, its edge this share of the shorter one, rounded, and at least a pixel.
    CornerShare {
        /// In 0..=1.
        share: f64,
    },
    /// A square.
    Patch {
        /// Pixels of its edge.
        size: usize,
        /// Its upper left pixel's row.
        row: usize,
        /// And column.
        column: usize,
    },
}

impl Cover {
    /// The same in pixels of a canvas.
    fn on(self, [height, width]: [usize; 2]) -> Self {
        let pixels = |share: f64| ((share * height.min(width) as f64).round() as usize).max(1);
        match self {
            Self::BorderShare { share } => Self::Border { width: pixels(share) },
            Self::CornerShare { share } => Self::Patch { size: pixels(share), row: 0, column: 0 },
            Self::Whole | Self::Border { .. } | Self::Patch { .. } => self,
        }
    }

    pub(super) fn covers(self, canvas: [usize; 2], row: usize, column: usize) -> bool {
        let [height, width] = canvas;
        match self {
            Self::BorderShare { .. } | Self::CornerShare { .. } => self.on(canvas).covers(canvas, row, column),
            Self::Whole => true,
            Self::Border { width: edge } => row < edge || column < edge || row + edge >= height || column + edge >= width,
            Self::Patch { size, row: top, column: left } => row >= top && row < top + size && column >= left && column < left + size,
        }
    }
}

/// `part = "pixel-delta"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PixelDeltaSpec {
    /// Where.
    pub cover: Cover,
    /// φ.
    pub squash: Squash,
    /// Standard deviation of the initial δ; zero starts at zero.
    #[serde(default)]
    pub init_std: f32,
    /// What δ is measured in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub units: PixelUnits,
    /// What the changed image may hold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub range: PixelRange,
}

/// The change.
#[derive(Module, Debug)]
pub struct PixelDelta {
    /// δ: `[1, channel, height, width]`.
    delta: Param<Tensor<4>>,
    #[module(skip)]
    change: MaskedDelta,
}

impl Part for PixelDeltaSpec {
    type Coordinates = Site;
    type Module = PixelDelta;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelDelta, Misfit> {
        let (_, placement) = canvas(setup, "pixel-delta")?;
        let rule = DeltaRule { squash: self.squash, units: self.units, range: self.range };
        let cover = self.cover.on(placement.canvas);
        let change = MaskedDelta::new(setup, "pixel-delta", rule, |row, column| cover.covers(placement.canvas, row, column))?;
        if !change.covers_something() {
            let needs = "a `cover` of at least one pixel of the canvas".to_owned();
            return Err(Misfit::PartNeeds { part: "pixel-delta".to_owned(), needs });
        }
        Ok(PixelDelta { delta: change.start(self.init_std, setup.seed.fork("pixel-delta"), setup.device), change })
    }
}

impl Manipulate for PixelDelta {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        self.change.apply(images, self.delta.val())
    }

    fn n_effective(&self) -> Option<usize> {
        Some(self.change.n_effective())
    }
}
