//! Each target class is the mean of a block of source classes: class t of those from `m t` to `m (t + 1) − 1`.
//!
//! # Reference
//! Yang et al., ICML 2021, arXiv 2106.09296 (`Voice2Series`: many-to-one, the first m·C of the source classes, mean of m).
//! Chosen without looking at any output, so rule-based.

use std::num::NonZeroUsize;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{describe_groups, fitted_matrix, mean_matrix, n_source_for};
use crate::{Align, Part, Setup};

/// `part = "block-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlockMappingSpec {
    /// m: source classes of each target class.
    pub per_class: NonZeroUsize,
}

/// The map.
#[derive(Module, Debug)]
pub struct BlockMapping {
    /// 0 or 1/m, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    note: String,
}

impl Part for BlockMappingSpec {
    type Coordinates = Alignment;
    type Module = BlockMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<BlockMapping, Misfit> {
        let n_source = n_source_for(setup, "block-mapping", self.per_class)?;
        let m = self.per_class.get();
        let groups: Vec<Vec<usize>> = (0..setup.target.n_classes()).map(|target| (m * target..m * (target + 1)).collect()).collect();
        let matrix = fitted_matrix(mean_matrix(&groups, n_source), groups.len(), setup.device);
        Ok(BlockMapping { matrix, note: describe_groups(&groups, &setup.target.classes) })
    }
}

impl Align for BlockMapping {
    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        Some(self.note.clone())
    }
}
