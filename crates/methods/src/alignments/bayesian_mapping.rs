//! Every source label speaks for every target label, weighted by how often they occur together.
//!
//! `ŷ = f(x) ω` on raw logits, ω from the joint counts ([`Counts::bayesian`]), again before every epoch.
//!
//! # Reference
//! Cai et al., NeurIPS 2024 ("Bayesian-guided label mapping"): BLM counts predictions, BLM+ sums the top-k softmax
//! probabilities with k = ⌊.15 · target classes⌋. Deviations, both where the official code gives NaN: k is at least 1,
//! and a class without counts is spread evenly.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{CountedOn, fitted_matrix};
use crate::family::is_default;
use crate::{Align, Counts, Evidence, Fitting, Part, Reads, Setup};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// The predicted class: BLM.
    #[default]
    Predictions,
    /// The top-k probabilities: BLM+.
    Probabilities,
}

/// `part = "bayesian-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BayesianMappingSpec {
    /// What is counted.
    pub weighting: Weighting,
    /// λ of the Laplace smoothing.
    pub smoothing: f64,
    /// k as a share of the target classes, for `weighting = "probabilities"`.
    pub top_share: f64,
    /// What is counted on.
    #[serde(skip_serializing_if = "is_default")]
    pub on: CountedOn,
}

impl Default for BayesianMappingSpec {
    fn default() -> Self {
        Self { weighting: Weighting::Predictions, smoothing: 1.0, top_share: 0.15, on: CountedOn::Logits }
    }
}

/// ω.
#[derive(Module, Debug)]
pub struct BayesianMapping {
    /// Columns sum to one, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    spec: BayesianMappingSpec,
    #[module(skip)]
    n_target: usize,
}

impl Part for BayesianMappingSpec {
    type Coordinates = Alignment;
    type Module = BayesianMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<BayesianMapping, Misfit> {
        let n_source = self.on.n_source(setup, "bayesian-mapping")?;
        let n_target = setup.target.n_classes();
        let matrix = fitted_matrix(vec![0.0; n_source * n_target], n_target, setup.device);
        Ok(BayesianMapping { matrix, spec: *self, n_target })
    }
}

impl BayesianMapping {
    /// k: how many probabilities of an item are counted.
    fn top(&self) -> usize {
        ((self.n_target as f64 * self.spec.top_share).floor() as usize).max(1)
    }
}

impl Align for BayesianMapping {
    fn reads(&self) -> Reads {
        self.spec.on.reads()
    }

    fn evidence(&self) -> Evidence {
        Evidence::TrainingEveryEpoch
    }

    fn fit(&mut self, Fitting { scores, labels }: Fitting<'_>) {
        let counts = match self.spec.weighting {
            Weighting::Predictions => Counts::of_predictions(scores, labels, self.n_target),
            Weighting::Probabilities => Counts::of_probabilities(scores, labels, self.n_target, self.top()),
        };
        self.matrix = fitted_matrix(counts.bayesian(self.spec.smoothing), self.n_target, &self.matrix.val().device());
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        match self.spec.weighting {
            Weighting::Predictions => Some("ω from predicted classes".to_owned()),
            Weighting::Probabilities => Some(format!("ω from the top {} probabilities", self.top())),
        }
    }
}
