//! Several learned frames of pixels around a smaller image, each for texts of its own.
//!
//! `x'_v = pad₀(x) + m ⊙ φ(δ_v)`; a text t is compared with `x'_{v(t)}` alone. v is the group that the text is in, or its cluster
//! among the frozen features of all texts. An item goes through f once for each frame.
//!
//! # Reference
//! Cai et al., ICML 2025, arXiv 2506.01000 (DVP), §4: by causes (DVP-cse) and by clusters (DVP-cls).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{JointSpace, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::class_texts::frozen_features;
use crate::clusters::clusters;
use crate::masked_delta::{DeltaRule, MaskedDelta, canvas};
use crate::{ClassTexts, Manipulate, Part, PixelRange, PixelUnits, Setup, Squash, Views};

/// `part = "decoupled-frame"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecoupledFrameSpec {
    /// V.
    pub frames: usize,
    /// Which texts a frame is for.
    pub by: Decoupled,
    /// φ.
    pub squash: Squash,
    /// Standard deviation of the initial δ; zero starts at zero.
    pub init_std: f32,
}

/// How texts are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoupled {
    /// By the groups that they are written in.
    Groups,
    /// By k-means on their features.
    Clusters,
}

/// The frames.
#[derive(Module, Debug)]
pub struct DecoupledFrame {
    /// δ, each on the whole canvas: `[frame, channel, height, width]`.
    deltas: Param<Tensor<4>>,
    #[module(skip)]
    change: MaskedDelta,
    #[module(skip)]
    by: Decoupled,
    /// The frame of each text.
    #[module(skip)]
    views: Vec<usize>,
}

fn needs(needs: String) -> Misfit {
    Misfit::PartNeeds { part: "decoupled-frame".to_owned(), needs }
}

impl Part for DecoupledFrameSpec {
    type Coordinates = Site;
    type Module = DecoupledFrame;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<DecoupledFrame, Misfit> {
        let (_, placement) = canvas(setup, "decoupled-frame")?;
        let rule = DeltaRule { squash: self.squash, units: PixelUnits::Pixels, range: PixelRange::Free };
        let change = MaskedDelta::new(setup, "decoupled-frame", rule, |row, column| placement.is_frame(row, column))?;
        if !change.covers_something() {
            return Err(needs("an image smaller than the canvas: set `image-size`".to_owned()));
        }
        if self.frames == 0 {
            return Err(needs("at least one frame".to_owned()));
        }
        let start = |frame| change.start(self.init_std, setup.seed.fork(&format!("decoupled-frame/{frame}")), setup.device).val();
        let deltas = Tensor::cat((0..self.frames).map(start).collect(), 0).into_data();
        let deltas = Param::from_tensor(Tensor::from_data(deltas, in_f32(setup.device)));
        Ok(DecoupledFrame { deltas, change, by: self.by, views: Vec::new() })
    }
}

impl Manipulate for DecoupledFrame {
    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        let frames = self.deltas.dims()[0];
        self.views = match self.by {
            Decoupled::Groups if texts.n_groups() != frames => {
                return Err(needs(format!("as many groups of texts as frames, but there are {} for {frames}", texts.n_groups())));
            }
            Decoupled::Groups => texts.groups().to_vec(),
            Decoupled::Clusters => {
                let features = JointSpace::normalise(frozen_features(setup.backbone, texts));
                let [_, dim] = features.dims();
                let values: Vec<f32> = features.try_into_vec_as().expect("features are floats");
                let points: Vec<Vec<f32>> = values.chunks(dim).map(<[f32]>::to_vec).collect();
                clusters(&points, frames, setup.seed.fork("decoupled-frame/clusters"))
            }
        };
        Ok(())
    }

    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        let frame = |frame| self.change.apply(images.clone(), self.deltas.val().narrow(0, frame, 1));
        Tensor::cat((0..self.deltas.dims()[0]).map(frame).collect(), 0)
    }

    fn views(&self) -> Option<Views<'_>> {
        Some(Views { n: self.deltas.dims()[0], of_texts: &self.views })
    }

    fn n_own_passes(&self) -> usize {
        self.deltas.dims()[0] - 1
    }

    fn n_effective(&self) -> Option<usize> {
        Some(self.deltas.dims()[0] * self.change.n_effective())
    }
}
