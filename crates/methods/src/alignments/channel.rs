//! The other way round: how likely is the item behind each class's answer.
//!
//! `score_y = (1 / |x|) Σ_t ln p(x_t | v(y), x_<t)`, v the verbalizer. Demonstrations stand with their answers in front of their texts.
//!
//! # Reference
//! Min et al., ACL 2022, arXiv 2108.04106, §3.2 and §4: the mean loss of x's tokens, in one prompt of all demonstrations ("concat-based").

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::verbalizer::needs_answers;
use crate::{Align, Part, Reads, Setup};

/// `part = "channel"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {}

/// A table of answers, which the data set's template holds.
#[derive(Module, Debug, Default)]
pub struct Channel {}

impl Part for ChannelSpec {
    type Coordinates = Alignment;
    type Module = Channel;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Channel, Misfit> {
        needs_answers(setup, "channel").map(|()| Channel {})
    }
}

impl Align for Channel {
    fn reads(&self) -> Reads {
        Reads::ItemBehindAnswers
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
