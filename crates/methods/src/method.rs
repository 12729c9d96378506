//! A method is data: parts and a recipe.

use reprogram_taxonomy::{Misfit, Signature, TargetSpace};
use serde::{Deserialize, Serialize};

use crate::{AlignmentSpec, ManipulationSpec, Program, Setup};

/// How parameters are trained. Epochs, batch size and data are the sweep's budget, equal for all methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Recipe {
    /// The update rule.
    pub optimizer: Optimizer,
    /// At the start.
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: Schedule,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { optimizer: Optimizer::Adam, learning_rate: 1e-2, schedule: Schedule::Constant }
    }
}

/// An update rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Kingma and Ba, arXiv 1412.6980, β = (.9, .999), ε = 1e-8.
    Adam,
    /// Stochastic gradient descent.
    Sgd {
        /// Heavy-ball momentum; zero is none.
        momentum: f64,
    },
}

/// How the learning rate changes over training, as a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// It stays.
    Constant,
    /// Half a cosine to zero, step by step.
    Cosine,
    /// Times `factor` at each of these shares of all steps.
    MultiStep {
        /// Shares of all steps, in 0..1.
        at: Vec<f64>,
        /// The factor.
        factor: f64,
    },
}

impl Schedule {
    /// The factor at a step, counted from zero.
    pub fn factor(&self, step: usize, n_steps: usize) -> f64 {
        let progress = step as f64 / n_steps.max(1) as f64;
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Self::MultiStep { at, factor } => factor.powi(at.iter().filter(|&&share| progress >= share).count() as i32),
        }
    }
}

/// A method: what it does at the interfaces, and how it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Method {
    /// `I`, in order.
    pub manipulations: Vec<ManipulationSpec>,
    /// `O`.
    pub alignment: AlignmentSpec,
    /// For what is learnable.
    pub recipe: Recipe,
}

impl Method {
    /// Its coordinates.
    pub fn signature(&self) -> Signature {
        Signature { sites: self.manipulations.iter().map(ManipulationSpec::coordinates).collect(), alignment: self.alignment.coordinates() }
    }

    /// Checks it against the backbone and the target, and builds its program.
    pub fn build(&self, setup: &Setup<'_>) -> Result<Program, Misfit> {
        let card = setup.backbone.card();
        let signature = self.signature();
        let target = TargetSpace {
            modality: card.modality(),
            n_classes: setup.target.n_classes(),
            shares_source_labels: setup.target.shares_source_labels,
        };
        signature.check(card, &target)?;
        self.check_tokens()?;
        let manipulations = self.manipulations.iter().map(|spec| spec.build(setup)).collect::<Result<_, _>>()?;
        let alignment = self.alignment.build(setup)?;
        Ok(Program::new(manipulations, alignment, signature, setup.target.template.clone()))
    }

    /// A deep prompt replaces all prompt tokens that are there, so that none of another part may be among them.
    fn check_tokens(&self) -> Result<(), Misfit> {
        let is_deep = |spec: &&ManipulationSpec| matches!(spec, ManipulationSpec::DeepPrompt(_));
        let inserts =
            |spec: &&ManipulationSpec| is_deep(spec) || matches!(spec, ManipulationSpec::SoftPrompt(_) | ManipulationSpec::MappedPrompt(_));
        if self.manipulations.iter().any(|spec| is_deep(&spec)) && self.manipulations.iter().filter(inserts).count() > 1 {
            let needs = "to be the only part that puts tokens in: it replaces those of the block before".to_owned();
            return Err(Misfit::PartNeeds { part: "deep-prompt".to_owned(), needs });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_start_at_one() {
        let multi = Schedule::MultiStep { at: vec![0.5, 0.72], factor: 0.1 };
        for schedule in [Schedule::Constant, Schedule::Cosine, multi.clone()] {
            assert!((schedule.factor(0, 100) - 1.0).abs() < 1e-12);
        }
        assert!(Schedule::Cosine.factor(100, 100).abs() < 1e-12);
        assert!((multi.factor(49, 100) - 1.0).abs() < 1e-12);
        assert!((multi.factor(50, 100) - 0.1).abs() < 1e-12);
        assert!((multi.factor(72, 100) - 0.01).abs() < 1e-12);
    }
}
