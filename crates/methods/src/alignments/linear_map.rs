//! `O(u) = u W + b`, trained by gradient on source logits, on features, or on how likely answers in words are.
//!
//! # Reference
//! On features it is the linear probe (Alain and Bengio, arXiv 1610.01644); on logits, AutoVP's "FullyMap" (Tsao et al.,
//! ICLR 2024, arXiv 2310.08381). W, b ~ U(−1/√n, 1/√n), n the input width.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, module::linear};
use rand::RngExt;
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit, OutputSpace};
use serde::{Deserialize, Serialize};

use super::n_source_classes;
use super::verbalizer::needs_answers;
use crate::{Align, Part, Reads, Setup};

/// What is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinearOn {
    /// Features under the source labels.
    #[default]
    Features,
    /// Source logits.
    Logits,
    /// The log-likelihoods of the classes' answers.
    Answers,
}

/// `part = "linear"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearMapSpec {
    /// What is mapped.
    pub on: LinearOn,
}

/// W and b.
#[derive(Module, Debug)]
pub struct LinearMap {
    /// `[source, target]`
    weight: Param<Tensor<2>>,
    /// `[target]`
    bias: Param<Tensor<1>>,
    #[module(skip)]
    on: LinearOn,
}

impl Part for LinearMapSpec {
    type Coordinates = Alignment;
    type Module = LinearMap;

    fn coordinates(&self) -> Alignment {
        Alignment::Linear
    }

    fn build(&self, setup: &Setup<'_>) -> Result<LinearMap, Misfit> {
        let n_source = match self.on {
            LinearOn::Features => match setup.backbone.card().output {
                OutputSpace::Joint { dim } | OutputSpace::Features { dim } => dim,
                OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. } => setup.backbone.card().main.dim,
            },
            LinearOn::Logits => n_source_classes(setup, "linear on logits")?,
            LinearOn::Answers => {
                needs_answers(setup, "linear on answers")?;
                setup.target.n_classes()
            }
        };
        let n_target = setup.target.n_classes();
        let bound = 1.0 / (n_source as f32).sqrt();
        let mut rng = setup.seed.fork("linear").rng();
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-bound..bound)).collect() };
        let weight = TensorData::new(draw(n_source * n_target), [n_source, n_target]);
        let bias = TensorData::new(draw(n_target), [n_target]);
        Ok(LinearMap {
            weight: Param::from_tensor(Tensor::from_data(weight, in_f32(setup.device))),
            bias: Param::from_tensor(Tensor::from_data(bias, in_f32(setup.device))),
            on: self.on,
        })
    }
}

impl Align for LinearMap {
    fn reads(&self) -> Reads {
        match self.on {
            LinearOn::Features => Reads::Features,
            LinearOn::Logits => Reads::Logits,
            LinearOn::Answers => Reads::Answers,
        }
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        linear(scores, self.weight.val(), Some(self.bias.val()))
    }
}
