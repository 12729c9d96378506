//! Source classes are dealt out to the target classes in the order of their logits on a base image, lowest first.
//!
//! With `s₀, s₁, …` in that order, class t is `s_t, s_{t + C}, s_{t + 2C}, …`, m of them; their logits are reduced to one by
//! their largest or their mean.
//!
//! # Reference
//! Neekhara et al., WACV 2022, arXiv 2102.07325 (cross-modal reprogramming: m up to 10, largest). The base image holds no
//! item of the task, so rule-based.

use std::num::NonZeroUsize;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use reprogram_models::{Input, Reading, raised};
use reprogram_taxonomy::{Alignment, InputSpace, Misfit};
use serde::{Deserialize, Serialize};

use super::{describe_groups, fitted_matrix, n_source_for};
use crate::counts::one_hot;
use crate::{Align, Part, Setup};

/// The image whose logits give the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseImage {
    /// Independent pixels from 0 to 1, drawn from the trial's seed.
    #[default]
    Noise,
    /// All pixels ½: the same order for every seed.
    Grey,
}

/// How m logits become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Their largest.
    #[default]
    Max,
    /// Their mean.
    Mean,
}

/// `part = "rank-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RankMappingSpec {
    /// m: source classes of each target class.
    pub per_class: NonZeroUsize,
    /// How their logits become one.
    #[serde(default)]
    pub reduction: Reduction,
    /// What gives the order.
    #[serde(default)]
    pub base: BaseImage,
}

/// The map.
#[derive(Module, Debug)]
pub struct RankMapping {
    /// 0/1, `[source, target · m]`: the m sources of a class stand together.
    chosen: Param<Tensor<2>>,
    #[module(skip)]
    n_target: usize,
    #[module(skip)]
    reduction: Reduction,
    #[module(skip)]
    note: String,
}

impl Part for RankMappingSpec {
    type Coordinates = Alignment;
    type Module = RankMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<RankMapping, Misfit> {
        let n_source = n_source_for(setup, "rank-mapping", self.per_class)?;
        let (n_target, m) = (setup.target.n_classes(), self.per_class.get());
        let logits = self.base_logits(setup)?;
        let mut order: Vec<usize> = (0..n_source).collect();
        order.sort_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(a.cmp(&b)));
        let of_class = |target: usize| order[target..].iter().step_by(n_target).take(m).copied().collect();
        let groups: Vec<Vec<usize>> = (0..n_target).map(of_class).collect();
        let chosen = fitted_matrix(one_hot(&groups.concat(), n_source), n_target * m, setup.device);
        let note = describe_groups(&groups, &setup.target.classes);
        Ok(RankMapping { chosen, n_target, reduction: self.reduction, note })
    }
}

impl RankMappingSpec {
    fn base_logits(&self, setup: &Setup<'_>) -> Result<Vec<f32>, Misfit> {
        let InputSpace::Image { channels, height, width } = setup.backbone.card().main.input else {
            return Err(Misfit::PartNeeds { part: "rank-mapping".to_owned(), needs: "image input, for its base image".to_owned() });
        };
        let n = channels * height * width;
        let pixels: Vec<f32> = match self.base {
            BaseImage::Grey => vec![0.5; n],
            BaseImage::Noise => {
                let mut rng = setup.seed.fork("rank-mapping").rng();
                (0..n).map(|_| rng.random()).collect()
            }
        };
        let image = Tensor::<4>::from_data(TensorData::new(pixels, [1, channels, height, width]), &setup.backbone.device());
        let stream = setup.backbone.blocks(setup.backbone.embed(Input::Image(image)));
        let logits = raised(setup.backbone.read(&stream, Reading::Logits));
        Ok(logits.try_into_vec_as().expect("logits are floats"))
    }
}

impl Align for RankMapping {
    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        let [batch, _] = scores.dims();
        let chosen = scores.matmul(self.chosen.val());
        let m = chosen.dims()[1] / self.n_target;
        let chosen = chosen.reshape([batch, self.n_target, m]);
        let reduced = match self.reduction {
            Reduction::Max => chosen.max_dim(2),
            Reduction::Mean => chosen.mean_dim(2),
        };
        reduced.reshape([batch, self.n_target])
    }

    fn note(&self) -> Option<String> {
        Some(self.note.clone())
    }
}
