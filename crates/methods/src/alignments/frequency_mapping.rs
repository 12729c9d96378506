//! Each target class is the source class it is most often predicted as, one to one.
//!
//! Counted once under the initial program (FLM), or again before every epoch (ILM).
//!
//! # Reference
//! Chen et al., CVPR 2023, arXiv 2211.11635, eq. 3 and algorithm 1; Tsai et al., ICML 2020, arXiv 2007.08714 (BAR's
//! frequency mapping).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{describe_map, fitted_matrix, n_source_one_to_one};
use crate::counts::one_hot;
use crate::{Align, Counts, Evidence, Fitting, Part, Setup};

/// When the map is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refit {
    /// Once, under the initial program: FLM.
    #[default]
    Once,
    /// Before every epoch: ILM.
    EveryEpoch,
}

/// `part = "frequency-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FrequencyMappingSpec {
    /// When the map is counted.
    pub refit: Refit,
}

/// The counted map.
#[derive(Module, Debug)]
pub struct FrequencyMapping {
    /// 0/1, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    refit: Refit,
    #[module(skip)]
    classes: Vec<String>,
    #[module(skip)]
    note: Option<String>,
}

impl Part for FrequencyMappingSpec {
    type Coordinates = Alignment;
    type Module = FrequencyMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<FrequencyMapping, Misfit> {
        let n_source = n_source_one_to_one(setup, "frequency-mapping")?;
        let n_target = setup.target.n_classes();
        let matrix = fitted_matrix(vec![0.0; n_source * n_target], n_target, setup.device);
        Ok(FrequencyMapping { matrix, refit: self.refit, classes: setup.target.classes.clone(), note: None })
    }
}

impl Align for FrequencyMapping {
    fn evidence(&self) -> Evidence {
        match self.refit {
            Refit::Once => Evidence::TrainingOnce,
            Refit::EveryEpoch => Evidence::TrainingEveryEpoch,
        }
    }

    fn fit(&mut self, Fitting { scores, labels }: Fitting<'_>) {
        let n_target = self.classes.len();
        let map = Counts::of_predictions(scores, labels, n_target).one_to_one();
        self.matrix = fitted_matrix(one_hot(&map, scores.dims()[1]), n_target, &self.matrix.val().device());
        self.note = Some(describe_map(map.into_iter(), &self.classes));
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }
}
