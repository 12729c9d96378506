//! Answers are divided by how likely they are without any content.
//!
//! `q = diag(p̂_cf)⁻¹ p̂`, p̂ the answers' probabilities renormalised over the classes, `p̂_cf` their mean over content-free
//! inputs.
//!
//! # Reference
//! Zhao et al., ICML 2021, arXiv 2102.09690, eq. 2 with `W = diag(p̂_cf)⁻¹`, b = 0; content-free inputs "N/A", "" and
//! "[MASK]". q is kept in the log domain; its order is the paper's. In the taxonomy it is a statistical (affine)
//! alignment.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, activation::log_softmax};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::verbalizer::needs_answers;
use crate::{Align, Evidence, Fitting, Part, Reads, Setup};

const CONTENT_FREE: &[&str] = &["N/A", "", "[MASK]"];

/// `part = "contextual-calibration"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextualCalibrationSpec {}

/// The calibration weights.
#[derive(Module, Debug)]
pub struct ContextualCalibration {
    /// `ln p̂_cf`, `[1, target]`.
    log_prior: Param<Tensor<2>>,
}

impl Part for ContextualCalibrationSpec {
    type Coordinates = Alignment;
    type Module = ContextualCalibration;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ContextualCalibration, Misfit> {
        needs_answers(setup, "contextual-calibration")?;
        Ok(ContextualCalibration { log_prior: undecided(setup) })
    }
}

/// A prior that prefers no answer, `[1, target]`.
pub(super) fn undecided(setup: &Setup<'_>) -> Param<Tensor<2>> {
    let zeros = Tensor::zeros([1, setup.target.n_classes()], in_f32(setup.device));
    Param::initialized(ParamId::new(), zeros).set_require_grad(false)
}

/// `ln p̂`, `[1, target]`: the mean of the answers' probabilities over rows of scores.
pub(super) fn log_prior(scores: &Tensor<2>, device: &Device) -> Param<Tensor<2>> {
    let prior = log_softmax(scores.clone(), 1).exp().mean_dim(0).log();
    Param::initialized(ParamId::new(), Tensor::from_data(prior.into_data(), in_f32(device))).set_require_grad(false)
}

/// A prior's probabilities, for the record.
pub(super) fn in_figures(log_prior: &Param<Tensor<2>>) -> String {
    let prior: Vec<f32> = log_prior.val().exp().try_into_vec_as().expect("a prior is floats");
    prior.iter().map(|p| format!("{p:.3}")).collect::<Vec<_>>().join(", ")
}

impl Align for ContextualCalibration {
    fn reads(&self) -> Reads {
        Reads::Answers
    }

    fn evidence(&self) -> Evidence {
        Evidence::ContentFree(CONTENT_FREE.iter().map(|&text| text.to_owned()).collect())
    }

    fn fit(&mut self, Fitting { scores, .. }: Fitting<'_>) {
        self.log_prior = log_prior(scores, &self.log_prior.val().device());
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        log_softmax(scores, 1) - self.log_prior.val()
    }

    fn note(&self) -> Option<String> {
        Some(format!("content-free probabilities {}", in_figures(&self.log_prior)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_free_input_is_undecided_after_calibration() {
        let device = Device::flex();
        let zeros = Tensor::zeros([1, 2], &device);
        let mut part = ContextualCalibration { log_prior: Param::initialized(ParamId::new(), zeros) };
        let scores = Tensor::<2>::from_floats([[-1.0, -3.0], [-1.0, -3.0]], &device);
        part.fit(Fitting { scores: &scores, labels: &[] });
        let aligned: Vec<f32> = part.align(scores).try_into_vec_as().unwrap();
        assert!((aligned[0] - aligned[1]).abs() < 1e-6, "{aligned:?}");
    }
}
