//! Each target class is a source class drawn at random (RLM).
//!
//! # Reference
//! Elsayed et al., ICLR 2019, arXiv 1806.11146 (a fixed map chosen beforehand); Chen et al., CVPR 2023, arXiv
//! 2211.11635, "RLM". Chosen without looking at any output, so rule-based.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{describe_map, fitted_matrix, n_source_one_to_one};
use crate::counts::one_hot;
use crate::{Align, Part, Setup};

/// `part = "random-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomMappingSpec {}

/// The drawn map.
#[derive(Module, Debug)]
pub struct RandomMapping {
    /// 0/1, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    note: String,
}

impl Part for RandomMappingSpec {
    type Coordinates = Alignment;
    type Module = RandomMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<RandomMapping, Misfit> {
        let n_source = n_source_one_to_one(setup, "random-mapping")?;
        let seed = setup.seed.fork("random-mapping");
        let mut sources: Vec<usize> = (0..n_source).collect();
        sources.sort_by_key(|source| seed.rank(&source.to_string()));
        let map = &sources[..setup.target.n_classes()];
        let matrix = fitted_matrix(one_hot(map, n_source), map.len(), setup.device);
        Ok(RandomMapping { matrix, note: describe_map(map.iter().copied(), &setup.target.classes) })
    }
}

impl Align for RandomMapping {
    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        Some(self.note.clone())
    }
}
