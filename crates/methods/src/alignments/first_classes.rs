//! Target class c is source class c.
//!
//! # Reference
//! Elsayed et al., ICLR 2019, arXiv 1806.11146, §4 (digits are the first ten classes of ImageNet); Bahng et al., arXiv
//! 2203.17274, whose code does so for classifiers. Chosen without looking at any output, so rule-based.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{describe_map, fitted_matrix, n_source_one_to_one};
use crate::counts::one_hot;
use crate::{Align, Part, Setup};

/// `part = "first-classes"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstClassesSpec {}

/// The map.
#[derive(Module, Debug)]
pub struct FirstClasses {
    /// 0/1, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    note: String,
}

impl Part for FirstClassesSpec {
    type Coordinates = Alignment;
    type Module = FirstClasses;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<FirstClasses, Misfit> {
        let n_source = n_source_one_to_one(setup, "first-classes")?;
        let map: Vec<usize> = (0..setup.target.n_classes()).collect();
        let matrix = fitted_matrix(one_hot(&map, n_source), map.len(), setup.device);
        Ok(FirstClasses { matrix, note: describe_map(map.into_iter(), &setup.target.classes) })
    }
}

impl Align for FirstClasses {
    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        Some(self.note.clone())
    }
}
