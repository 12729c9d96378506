//! Columns of pixels beside the image, learned or grey, which becomes wider by them: for networks that take images of any size.
//!
//! `x' = [x ; δ]`, δ `[channel, height, width]`, joined at the right edge: the input grows, so that no pixel is lost, and nothing
//! is laid over another. Where images have one size there is no such thing; what lies on their canvas is additive
//! ([`super::PixelFrame`]).
//!
//! # Reference
//! The survey's concatenative operator at the input, arXiv 2506.04650; Bahng et al., arXiv 2203.17274, §3.1, pad images as
//! well, but on a canvas that stays as it is.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::standard_normal;
use super::site;
use crate::family::is_default;
use crate::masked_delta::canvas;
use crate::{Manipulate, Part, Setup};

/// `part = "pixel-strip"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PixelStripSpec {
    /// Pixels.
    pub width: usize,
    /// Standard deviation of the initial δ around grey.
    #[serde(default)]
    pub init_std: f32,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub content: StripContent,
}

/// What a strip is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StripContent {
    /// It is trained.
    #[default]
    Learned,
    /// Pixels stay as they start: grey, or noise around it.
    Fixed,
}

/// The strip.
#[derive(Module, Debug)]
pub struct PixelStrip {
    /// δ: `[1, channel, height, width]`, pixels in 0..=1 are not enforced.
    strip: Param<Tensor<4>>,
}

impl Part for PixelStripSpec {
    type Coordinates = Site;
    type Module = PixelStrip;

    fn coordinates(&self) -> Site {
        let format = match self.content {
            StripContent::Learned => Format::Learnable,
            StripContent::Fixed => Format::Fixed,
        };
        site(Modality::Vision, format, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelStrip, Misfit> {
        let (channels, placement) = canvas(setup, "pixel-strip")?;
        if self.width == 0 {
            return Err(Misfit::PartNeeds { part: "pixel-strip".to_owned(), needs: "a `width` of at least one pixel".to_owned() });
        }
        let shape = [1, channels, placement.canvas[0], self.width];
        let mut rng = setup.seed.fork("pixel-strip").rng();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| 0.5 + self.init_std * standard_normal(&mut rng)).collect();
        let strip = Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), in_f32(setup.device)));
        Ok(PixelStrip { strip: strip.set_require_grad(self.content == StripContent::Learned) })
    }
}

impl Manipulate for PixelStrip {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        let [batch, ..] = images.dims();
        let [_, channels, height, width] = self.strip.dims();
        let strip = self.strip.val().expand([batch, channels, height, width]);
        Tensor::cat(vec![images, strip], 3)
    }
}
