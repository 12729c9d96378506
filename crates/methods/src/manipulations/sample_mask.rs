//! A learned change of the whole image under a mask that a small network makes of the image.
//!
//! `x' = x + δ ⊙ g_ψ(x)`, x behind the backbone's standardisation. g: convolutions of 3 × 3 with 8, 16, 32, 64 (and 128)
//! channels, each with batch normalisation, `ReLU` and, for the first of them, max-pooling by 2; a last one to three channels
//! without; each value then stands for a patch of `2^pools` pixels' edge.
//!
//! # Reference
//! Cai et al., ICML 2024, arXiv 2406.03150, eq. 4 and figure 3: 26,499 trained numbers in g with five convolutions (`ResNet`s),
//! 102,339 with six (`ViT`s), three poolings. The site is parametric, though δ is added: what is added is a map of the item.

use burn::module::{Module, Param};
use burn::nn::BatchNorm;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Tensor, TensorData, activation, module::max_pool2d};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::convolution::{Convolution, batch_norm};
use crate::masked_delta::{canvas, standardisation};
use crate::{Manipulate, Part, Setup};

/// How many convolutions the mask's network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskNetwork {
    /// Five: the paper's for `ResNet`s.
    #[default]
    Five,
    /// Six: the paper's for `ViT`s.
    Six,
}

impl MaskNetwork {
    /// Channels behind each convolution but the last.
    const fn channels(self) -> &'static [usize] {
        match self {
            Self::Five => &[8, 16, 32, 64],
            Self::Six => &[8, 16, 32, 64, 128],
        }
    }
}

/// `part = "sample-mask"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SampleMaskSpec {
    /// g.
    pub network: MaskNetwork,
    /// Poolings in g: its mask has one value for a square of `2^pools` pixels' edge.
    pub pools: usize,
}

impl Default for SampleMaskSpec {
    fn default() -> Self {
        Self { network: MaskNetwork::Five, pools: 3 }
    }
}

/// δ and g.
#[derive(Module, Debug)]
pub struct SampleMask {
    /// δ, behind standardisation: `[1, channel, height, width]`.
    delta: Param<Tensor<4>>,
    stages: Vec<Stage>,
    last: Convolution,
    /// Standardisation's scale and shift, each `[1, channel, 1, 1]`.
    #[module(skip)]
    standardise: (Tensor<4>, Tensor<4>),
    #[module(skip)]
    pools: usize,
}

/// A convolution and its batch normalisation.
#[derive(Module, Debug)]
struct Stage {
    convolution: Convolution,
    norm: BatchNorm,
}

impl Part for SampleMaskSpec {
    type Coordinates = Site;
    type Module = SampleMask;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<SampleMask, Misfit> {
        let misfit = |needs: String| Misfit::PartNeeds { part: "sample-mask".to_owned(), needs };
        let (channels, placement) = canvas(setup, "sample-mask")?;
        let [height, width] = placement.canvas;
        let widths = self.network.channels();
        if self.pools > widths.len() {
            return Err(misfit(format!("`pools` of at most {}, one behind each convolution but the last", widths.len())));
        }
        let patch = 1 << self.pools;
        if height % patch != 0 || width % patch != 0 {
            return Err(misfit(format!("a canvas of whole squares of {patch} pixels (`pools = {}`), not {height} × {width}", self.pools)));
        }
        let mut rng = setup.seed.fork("sample-mask").rng();
        let mut convolution = |n_in, n_out| Convolution::uniform(n_in, n_out, &mut rng, setup.device);
        let inputs = std::iter::once(&channels).chain(widths);
        let stage = |(&n_in, &n_out)| Stage { convolution: convolution(n_in, n_out), norm: batch_norm(n_out, setup.device) };
        let stages = inputs.zip(widths).map(stage).collect();
        let last = convolution(widths[widths.len() - 1], channels);
        let zeros = TensorData::zeros::<f32, _>([1, channels, height, width]);
        Ok(SampleMask {
            delta: Param::from_tensor(Tensor::from_data(zeros, in_f32(setup.device))),
            stages,
            last,
            standardise: standardisation(setup.backbone, channels, "sample-mask")?,
            pools: self.pools,
        })
    }
}

impl SampleMask {
    /// g, one value a square: `[batch, channel, height, width]` to `[batch, channel, height / 2^pools, width / 2^pools]`.
    fn mask(&self, standardised: Tensor<4>) -> Tensor<4> {
        let forward = |x, (at, stage): (usize, &Stage)| {
            let x = activation::relu(stage.norm.forward(stage.convolution.forward(x)));
            if at < self.pools { max_pool2d(x, MaxPoolOptions::new([2, 2])) } else { x }
        };
        self.last.forward(self.stages.iter().enumerate().fold(standardised, forward))
    }
}

/// Each value `patch × patch` times.
fn spread(mask: Tensor<4>, patch: usize) -> Tensor<4> {
    let [batch, channels, height, width] = mask.dims();
    let mask = mask.reshape([batch, channels, height, 1, width, 1]);
    mask.expand([batch, channels, height, patch, width, patch]).reshape([batch, channels, height * patch, width * patch])
}

impl Manipulate for SampleMask {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        let (scale, shift) = self.standardise.clone();
        let mask = self.mask(images.clone() * scale.clone() + shift);
        images + self.delta.val() * spread(mask, 1 << self.pools) / scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_of_the_mask_stands_for_a_square() {
        let mask = Tensor::<4>::from_floats([[[[1.0, 2.0], [3.0, 4.0]]]], &Device::flex());
        let spread: Vec<f32> = spread(mask, 2).try_into_vec_as().unwrap();
        assert_eq!(spread, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 3.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn networks_have_the_papers_numbers() {
        for (network, numbers) in [(MaskNetwork::Five, 26_499), (MaskNetwork::Six, 102_339)] {
            let widths = network.channels();
            let inputs = std::iter::once(&3).chain(widths);
            let stages: usize = inputs.zip(widths).map(|(n_in, n_out)| 9 * n_in * n_out + 3 * n_out).sum();
            assert_eq!(stages + 9 * widths[widths.len() - 1] * 3 + 3, numbers);
        }
    }
}
