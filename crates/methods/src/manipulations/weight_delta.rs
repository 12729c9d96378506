//! All weights of f, learned as a difference from what they were: full fine-tuning, the baseline that reprogramming does without.
//!
//! `f_{θ + δ}`, δ zero at the start. The frozen θ stay as they are; a copy with θ + δ is what items go through, so that the
//! backbone is the same for everybody afterwards. It lies outside of the formula, which leaves f alone, and is a point of the grid in
//! name only: everything from the input on may change.
//!
//! # Reference
//! Zhuang et al., arXiv 1911.02685 (transfer by tuning all parameters); as a baseline of reprogramming: Chen et al., CVPR 2023,
//! arXiv 2211.11635, official code. Weights that nothing reads behind the chosen output (a source classifier, where ω takes
//! features) are counted and stay.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Backbone, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{site, vision};
use crate::{Manipulate, Part, Setup};

/// `part = "weight-delta"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeightDeltaSpec {
    /// The backbone's modality.
    #[serde(default = "vision")]
    pub modality: Modality,
}

/// δ.
#[derive(Module, Debug)]
pub struct WeightDelta {
    /// One a weight, row-major.
    deltas: Vec<Param<Tensor<1>>>,
}

impl Part for WeightDeltaSpec {
    type Coordinates = Site;
    type Module = WeightDelta;

    fn coordinates(&self) -> Site {
        site(self.modality, Format::Learnable, Location::Input, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WeightDelta, Misfit> {
        let sizes = setup.backbone.weight_sizes().ok_or_else(|| Misfit::PartNeeds {
            part: "weight-delta".to_owned(),
            needs: format!("a backbone of which a copy with other weights can be made, which {} is not", setup.backbone.card().name),
        })?;
        let zeros = |n: usize| Param::from_tensor(Tensor::zeros([n], in_f32(setup.device)));
        Ok(WeightDelta { deltas: sizes.into_iter().map(zeros).collect() })
    }
}

impl Manipulate for WeightDelta {
    fn tunes_backbone(&self) -> bool {
        true
    }

    fn backbone(&self, backbone: &dyn Backbone) -> Option<Box<dyn Backbone>> {
        let deltas: Vec<Tensor<1>> = self.deltas.iter().map(Param::val).collect();
        backbone.shifted(&deltas)
    }
}
