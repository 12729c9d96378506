//! Items belong to the class whose text is nearest in the joint space.
//!
//! Each class has one text, its own: similarities to the target classes' texts are target scores already, so that ω is the
//! identity. Several texts a class are brought together by a rule: see [`super::MeanText`].
//!
//! # Reference
//! Radford et al., ICML 2021, arXiv 2103.00020, §3.1.2.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::class_texts::{check_one_each, check_texts};
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
        Alignment::Identity
    }

    fn build(&self, setup: &Setup<'_>) -> Result<NearestText, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0).map(|()| NearestText {})
    }
}

impl Align for NearestText {
    fn reads(&self) -> Reads {
        Reads::ClassTexts
    }

    fn settle(&mut self, texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        check_one_each(texts, "nearest-text")
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
