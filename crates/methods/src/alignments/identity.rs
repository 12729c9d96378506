//! `O(u) = u`: the source labels are the target labels.
//!
//! A backbone that compares items with texts has no labels but the texts it is given; given the target classes' own, they are the
//! target's.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit, OutputSpace};
use serde::{Deserialize, Serialize};

use crate::class_texts::{check_one_each, check_texts};
use crate::{Align, ClassTexts, Part, Reads, Setup};

/// `part = "identity"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {}

/// Nothing.
#[derive(Module, Debug)]
pub struct Identity {
    #[module(skip)]
    reads: Reads,
}

impl Part for IdentitySpec {
    type Coordinates = Alignment;
    type Module = Identity;

    fn coordinates(&self) -> Alignment {
        Alignment::Identity
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Identity, Misfit> {
        match setup.backbone.card().output {
            OutputSpace::Joint { .. } => {
                check_texts(setup, &ClassTexts::names(&setup.target.classes), 0)?;
                Ok(Identity { reads: Reads::ClassTexts })
            }
            OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. } | OutputSpace::Features { .. } => {
                Ok(Identity { reads: Reads::Logits })
            }
        }
    }
}

impl Align for Identity {
    fn reads(&self) -> Reads {
        self.reads
    }

    fn settle(&mut self, texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        match self.reads {
            Reads::ClassTexts => check_one_each(texts, "identity"),
            Reads::Logits
            | Reads::Features
            | Reads::Answers
            | Reads::ItemBehindAnswers
            | Reads::EachText
            | Reads::LocalTexts
            | Reads::Tokens { .. }
            | Reads::Window
            | Reads::AnswersBeside(_)
            | Reads::Generated => Ok(()),
        }
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
