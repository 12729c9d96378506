//! Items belong to the class whose texts are nearest on average in the joint space.
//!
//! A class is the mean of the unit features of its texts, which is scaled to unit length again before items are compared
//! with it.
//!
//! # Reference
//! Radford et al., ICML 2021, arXiv 2103.00020, §3.1.4 (ensembles of sentences); Pratt et al., ICCV 2023, arXiv 2209.03320,
//! §3.2 (descriptions of classes).

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Part, Reads, Setup};

/// `part = "mean-text"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanTextSpec {}

/// Scores are those of the means already: `[batch, class]`.
#[derive(Module, Debug, Default)]
pub struct MeanText {}

impl Part for MeanTextSpec {
    type Coordinates = Alignment;
    type Module = MeanText;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<MeanText, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0).map(|()| MeanText {})
    }
}

impl Align for MeanText {
    fn reads(&self) -> Reads {
        Reads::ClassTexts
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
