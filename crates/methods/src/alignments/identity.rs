//! `O(u) = u`: the source labels are the target labels.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::{Align, Part, Setup};

/// `part = "identity"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {}

/// Nothing.
#[derive(Module, Debug, Default)]
pub struct Identity {}

impl Part for IdentitySpec {
    type Coordinates = Alignment;
    type Module = Identity;

    fn coordinates(&self) -> Alignment {
        Alignment::Identity
    }

    fn build(&self, _setup: &Setup<'_>) -> Result<Identity, Misfit> {
        Ok(Identity {})
    }
}

impl Align for Identity {
    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores
    }
}
