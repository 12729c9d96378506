//! A learned change of pixels of the whole image, a border of it, or a patch: visual prompts on top of the image.
//!
//! `x' = x + m ⊙ φ(δ)`, m = 1 where it covers.
//!
//! # Reference
//! Bahng et al., arXiv 2203.17274, §3.1 (`border`: their padding, 30 of 224 pixels; `patch`: their fixed patch; φ none, δ from
//! N(0, 1)); as `whole`, the watermark of Cai et al., arXiv 2406.03150, §3, without a mask. Deviation: δ is added before the
//! backbone's own normalisation, in units of pixels in 0..=1, where Bahng et al. add behind it.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, InputSpace, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::{Squash, standard_normal};
use super::site;
use crate::{Manipulate, Part, Setup};

/// Where the change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cover {
    /// Everywhere.
    Whole,
    /// Along all four edges.
    Border {
        /// Pixels.
        width: usize,
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
    const fn covers(self, [height, width]: [usize; 2], row: usize, column: usize) -> bool {
        match self {
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
}

/// The change.
#[derive(Module, Debug)]
pub struct PixelDelta {
    /// δ: `[1, channel, height, width]`.
    delta: Param<Tensor<4>>,
    /// m: `[1, 1, height, width]`.
    #[module(skip)]
    mask: Tensor<4>,
    #[module(skip)]
    squash: Squash,
    #[module(skip)]
    n_effective: usize,
}

impl Part for PixelDeltaSpec {
    type Coordinates = Site;
    type Module = PixelDelta;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelDelta, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: "pixel-delta".to_owned(), needs: needs.to_owned() };
        let InputSpace::Image { channels, height, width } = setup.backbone.card().main.input else { return Err(needs("image input")) };
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let mask: Vec<f32> = pixels.map(|(row, column)| f32::from(u8::from(self.cover.covers([height, width], row, column)))).collect();
        let n_covered = mask.iter().filter(|&&bit| bit > 0.0).count();
        if n_covered == 0 {
            return Err(needs("a `cover` of at least one pixel of the canvas"));
        }
        let mut rng = setup.seed.fork("pixel-delta").rng();
        let delta: Vec<f32> = (0..channels * height * width).map(|_| self.init_std * standard_normal(&mut rng)).collect();
        let delta = TensorData::new(delta, [1, channels, height, width]);
        Ok(PixelDelta {
            delta: Param::from_tensor(Tensor::from_data(delta, in_f32(setup.device))),
            mask: Tensor::from_data(TensorData::new(mask, [1, 1, height, width]), in_f32(&setup.backbone.device())),
            squash: self.squash,
            n_effective: channels * n_covered,
        })
    }
}

impl Manipulate for PixelDelta {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        images + self.squash.apply(self.delta.val()) * self.mask.clone()
    }

    fn n_effective(&self) -> Option<usize> {
        Some(self.n_effective)
    }
}
