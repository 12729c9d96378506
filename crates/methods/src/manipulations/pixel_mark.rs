//! A mark that is the same on every image, drawn by a rule: a border, a patch, or all of it, made brighter by a fixed amount.
//!
//! `x' = clamp(x + m v)`, m = 1 where the mark is, v a number that nobody learns. It is the fixed counterpart of
//! [`super::PixelDelta`]: what of a learned border's effect is there with any border?
//!
//! # Reference
//! Shtedritski et al., ICCV 2023, arXiv 2304.06712 (a drawn circle directs a frozen CLIP); the survey's fixed additive operator
//! at the input, arXiv 2506.04650. Deviation: theirs is drawn around an object by hand, this one lies where `cover` says.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::Squash;
use super::site;
use crate::masked_delta::{DeltaRule, MaskedDelta, canvas};
use crate::{Cover, Manipulate, Part, PixelRange, PixelUnits, Setup};

/// `part = "pixel-mark"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PixelMarkSpec {
    /// Where.
    pub cover: Cover,
    /// v, of every channel; pixels lie in 0..=1.
    #[serde(default = "bright")]
    pub value: f32,
}

const fn bright() -> f32 {
    0.5
}

/// The mark.
#[derive(Module, Debug)]
pub struct PixelMark {
    /// `[1, channel, height, width]`
    #[module(skip)]
    value: Tensor<4>,
    #[module(skip)]
    change: MaskedDelta,
}

impl Part for PixelMarkSpec {
    type Coordinates = Site;
    type Module = PixelMark;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Fixed, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelMark, Misfit> {
        let (_, placement) = canvas(setup, "pixel-mark")?;
        let rule = DeltaRule { squash: Squash::None, units: PixelUnits::Pixels, range: PixelRange::Clamped };
        let change = MaskedDelta::new(setup, "pixel-mark", rule, |row, column| self.cover.covers(placement.canvas, row, column))?;
        if !change.covers_something() {
            let needs = "a `cover` of at least one pixel of the canvas".to_owned();
            return Err(Misfit::PartNeeds { part: "pixel-mark".to_owned(), needs });
        }
        Ok(PixelMark { value: change.constant(self.value, &setup.backbone.device()), change })
    }
}

impl Manipulate for PixelMark {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        self.change.apply(images, self.value.clone())
    }
}
