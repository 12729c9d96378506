//! Each target class is the source class it is most often predicted as, one to one; or the mean of several.
//!
//! Counted once under the initial program (FLM), or again before every epoch (ILM).
//!
//! # Reference
//! Chen et al., CVPR 2023, arXiv 2211.11635, eq. 3 and algorithm 1; Tsai et al., ICML 2020, arXiv 2007.08714 (BAR's
//! frequency mapping); Tsao et al., ICLR 2024, arXiv 2310.08381 (AutoVP's `FreqMap`: `per-class` 1, 5 or 10, mean); Wu et al.,
//! arXiv 2212.10556 (EVP: `assignment = "mode"`, so that classes may share a source). Deviation from EVP: predictions are
//! counted under the initial program, on the canvas, not on images without a border.

use std::num::NonZeroUsize;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::{CountedOn, describe_groups, fitted_matrix, mean_matrix, n_source_for};
use crate::family::is_default;
use crate::{Align, Counts, Evidence, Fitting, Part, Reads, Setup};

/// When the map is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refit {
    /// Once, under the initial program: FLM.
    #[default]
    Once,
    /// Before every epoch: ILM.
    EveryEpoch,
}

/// Who gets a source class that several target classes are often predicted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignment {
    /// The class with the largest count, and no other.
    #[default]
    Greedy,
    /// Each of them: a class takes its own most frequent sources.
    Mode,
}

/// `part = "frequency-mapping"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FrequencyMappingSpec {
    /// When the map is counted.
    pub refit: Refit,
    /// Source classes of each target class, whose logits' mean it gets.
    #[serde(skip_serializing_if = "is_one")]
    pub per_class: NonZeroUsize,
    /// Who gets a source class.
    #[serde(skip_serializing_if = "is_default")]
    pub assignment: Assignment,
    /// What is counted on.
    #[serde(skip_serializing_if = "is_default")]
    pub on: CountedOn,
}

impl Default for FrequencyMappingSpec {
    fn default() -> Self {
        Self { refit: Refit::Once, per_class: NonZeroUsize::MIN, assignment: Assignment::Greedy, on: CountedOn::Logits }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_one(n: &NonZeroUsize) -> bool {
    *n == NonZeroUsize::MIN
}

/// The counted map.
#[derive(Module, Debug)]
pub struct FrequencyMapping {
    /// 0 or 1/m, `[source, target]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    spec: FrequencyMappingSpec,
    #[module(skip)]
    classes: Vec<String>,
    #[module(skip)]
    note: Option<String>,
}

impl Part for FrequencyMappingSpec {
    type Coordinates = Alignment;
    type Module = FrequencyMapping;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<FrequencyMapping, Misfit> {
        let n_source = match (self.on, self.assignment) {
            (CountedOn::Logits, Assignment::Greedy) => n_source_for(setup, "frequency-mapping", self.per_class)?,
            (CountedOn::Logits, Assignment::Mode) | (CountedOn::Answers, _) => self.on.n_source(setup, "frequency-mapping")?,
        };
        let is_short = self.assignment == Assignment::Greedy && n_source < self.per_class.get() * setup.target.n_classes();
        if is_short {
            let needs =
                format!("one source label for each class, where answers are the source labels, but `per-class = {}`", self.per_class);
            return Err(Misfit::PartNeeds { part: "frequency-mapping".to_owned(), needs });
        }
        if n_source < self.per_class.get() {
            let needs = format!("{} source labels for a target label, but {} has {n_source}", self.per_class, setup.backbone.card().name);
            return Err(Misfit::PartNeeds { part: "frequency-mapping".to_owned(), needs });
        }
        let n_target = setup.target.n_classes();
        let matrix = fitted_matrix(vec![0.0; n_source * n_target], n_target, setup.device);
        Ok(FrequencyMapping { matrix, spec: *self, classes: setup.target.classes.clone(), note: None })
    }
}

impl Align for FrequencyMapping {
    fn reads(&self) -> Reads {
        self.spec.on.reads()
    }

    fn evidence(&self) -> Evidence {
        match self.spec.refit {
            Refit::Once => Evidence::TrainingOnce,
            Refit::EveryEpoch => Evidence::TrainingEveryEpoch,
        }
    }

    fn fit(&mut self, Fitting { scores, labels }: Fitting<'_>) {
        let n_target = self.classes.len();
        let counts = Counts::of_predictions(scores, labels, n_target);
        let groups = match self.spec.assignment {
            Assignment::Greedy => counts.many_to_one(self.spec.per_class.get()),
            Assignment::Mode => counts.most_frequent(self.spec.per_class.get()),
        };
        self.matrix = fitted_matrix(mean_matrix(&groups, scores.dims()[1]), n_target, &self.matrix.val().device());
        self.note = Some(describe_groups(&groups, &self.classes));
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }
}
