//! Items belong to the class whose text is nearest in the joint space.
//!
//! # Reference
//! Radford et al., ICML 2021, arXiv 2103.00020, §3.1.2. In the taxonomy the class's text is a rule of the label.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Part, Reads, Setup};

/// `part = "nearest-text"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearestTextSpec {}

/// Scores stay what they are: `[batch, class]`.
#[derive(Module, Debug, Default)]
pub struct NearestText {}

impl Part for NearestTextSpec {
    type Coordinates = Alignment;
    type Module = NearestText;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<NearestText, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0).map(|()| NearestText {})
    }
}

impl Align for NearestText {
    fn reads(&self) -> Reads {
        Reads::ClassTexts
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
