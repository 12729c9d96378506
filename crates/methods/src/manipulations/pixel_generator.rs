//! A learned network draws a change of the whole image for each item, from the backbone's own features of it.
//!
//! `x' = clamp(x + ε σ ⊙ d_ψ([h(x) ; t]))`: h the frozen features, t a learned trigger, σ the deviations by which the backbone
//! divides its pixels, clamped to 0..=1. d reads its code as an image of a 32nd of the canvas's edge and doubles it five times.
//!
//! # Reference
//! Oh et al., CVPR 2023, arXiv 2303.14773, §3.1 (BlackVIP's coordinator; on 224 pixels and 768 features 9,920 numbers are
//! trained). Deviations: h is the backbone itself, not a second network (MAE), so that an item costs a second pass; batch
//! normalisation is replaced by a normalisation of each item alone, with as many numbers, so that a query's answer does not
//! depend on its neighbours. The site is parametric, though what is drawn is added.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use reprogram_models::{Backbone, Input, Reading, lowered, raised};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::convolution::{Doubling, ItemNorm, Pointwise, uniform};
use crate::masked_delta::{PixelRange, canvas, standardisation};
use crate::{Manipulate, Part, Setup};

/// `part = "pixel-generator"`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PixelGeneratorSpec {
    /// ε: how strongly what is drawn is added.
    pub strength: f32,
}

impl Default for PixelGeneratorSpec {
    fn default() -> Self {
        Self { strength: 1.0 }
    }
}

/// d and t.
#[derive(Module, Debug)]
pub struct PixelGenerator {
    /// t: `[1, trigger]`, from U(0, .1).
    trigger: Param<Tensor<2>>,
    stages: Vec<Stage>,
    last: Doubling,
    /// `ε σ`: `[1, channel, 1, 1]`.
    #[module(skip)]
    strength: Tensor<4>,
    #[module(skip)]
    sketch: Sketch,
}

/// A doubling within groups of channels, a map of all channels, a normalisation.
#[derive(Module, Debug)]
struct Stage {
    doubling: Doubling,
    pointwise: Pointwise,
    norm: ItemNorm,
}

/// What the decoder starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sketch {
    /// Edge of the first image.
    edge: usize,
    /// Its channels.
    channels: usize,
    /// Numbers of the trigger.
    trigger: usize,
    /// Height and width of the canvas.
    canvas: [usize; 2],
}

/// Channels behind each stage but the last.
const WIDTHS: [[usize; 2]; 4] = [[64, 64], [64, 32], [32, 32], [32, 16]];

impl Sketch {
    /// At least 32 channels, a power of two, and a trigger that is at least as long as the features.
    fn new(canvas: [usize; 2], dim: usize) -> Self {
        let edge = canvas[0].max(canvas[1]).div_ceil(32);
        let channels = (2 * dim).div_ceil(edge * edge).next_power_of_two().max(32);
        Self { edge, channels, trigger: channels * edge * edge - dim, canvas }
    }
}

impl Part for PixelGeneratorSpec {
    type Coordinates = Site;
    type Module = PixelGenerator;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PixelGenerator, Misfit> {
        let (channels, placement) = canvas(setup, "pixel-generator")?;
        let (scale, _) = standardisation(setup.backbone, channels, "pixel-generator")?;
        let sketch = Sketch::new(placement.canvas, setup.backbone.card().main.dim);
        let (mut rng, device) = (setup.seed.fork("pixel-generator").rng(), setup.device);
        let trigger = uniform([1, sketch.trigger], 0.0..0.1, &mut rng, device);
        let inputs = std::iter::once(sketch.channels).chain(WIDTHS.map(|[_, behind]| behind));
        let stage = |(n_in, [within, behind]): (usize, [usize; 2])| Stage {
            doubling: Doubling::uniform([n_in, within], n_in.min(within), &mut rng, device),
            pointwise: Pointwise::uniform(within, behind, &mut rng, device),
            norm: ItemNorm::new(behind, device),
        };
        let stages = inputs.zip(WIDTHS).map(stage).collect();
        let last = Doubling::uniform([WIDTHS[3][1], channels], 1, &mut rng, device).without_bias();
        Ok(PixelGenerator { trigger, stages, last, strength: scale.recip().mul_scalar(self.strength), sketch })
    }
}

impl PixelGenerator {
    /// Features `[batch, dim]` to what is added, `[batch, channel, height, width]`.
    fn draw(&self, features: Tensor<2>) -> Tensor<4> {
        let [batch, _] = features.dims();
        let Sketch { edge, channels, trigger, canvas: [height, width] } = self.sketch;
        let trigger = self.trigger.val().expand([batch, trigger]);
        let code = Tensor::cat(vec![features, trigger], 1).reshape([batch, channels, edge, edge]);
        let forward = |x, stage: &Stage| activation::gelu(stage.norm.forward(stage.pointwise.forward(stage.doubling.forward(x))));
        let drawn = self.last.forward(self.stages.iter().fold(code, forward));
        let (top, left) = ((32 * edge - height) / 2, (32 * edge - width) / 2);
        drawn.narrow(2, top, height).narrow(3, left, width)
    }
}

impl Manipulate for PixelGenerator {
    fn pixels_for(&self, backbone: &dyn Backbone, images: Tensor<4>) -> Tensor<4> {
        let stream = backbone.blocks(backbone.embed(Input::Image(lowered(images.clone().detach()))));
        let features = raised(backbone.read(&stream, Reading::Features));
        PixelRange::Clamped.apply(images + self.draw(features) * self.strength.clone())
    }

    fn n_own_passes(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_code_is_32_channels_of_7_by_7_with_a_trigger_of_800() {
        assert_eq!(Sketch::new([224, 224], 768), Sketch { edge: 7, channels: 32, trigger: 800, canvas: [224, 224] });
        assert_eq!(Sketch::new([32, 32], 128), Sketch { edge: 1, channels: 256, trigger: 128, canvas: [32, 32] });
    }

    #[test]
    fn the_papers_decoder_has_9_920_numbers() {
        let Sketch { channels, trigger, .. } = Sketch::new([224, 224], 768);
        let inputs = std::iter::once(channels).chain(WIDTHS.map(|[_, behind]| behind));
        let stage =
            |(n_in, [within, behind]): (usize, [usize; 2])| 4 * n_in * within / n_in.min(within) + within + within * behind + 2 * behind;
        let stages: usize = inputs.zip(WIDTHS).map(stage).sum();
        assert_eq!(trigger + stages + 4 * WIDTHS[3][1] * 3, 9_920);
    }
}
