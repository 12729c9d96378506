//! Who was taken for whom: counts of gold class and prediction, and what follows from them alone.
//!
//! `recall_k = C[k,k] / Σ_j C[k,j]`, `F1_k = 2 C[k,k] / (Σ_j C[k,j] + Σ_i C[i,k])`. A class that is neither gold nor predicted enters no mean; one that is
//! predicted and never gold has an F1 of 0 and no recall.
//!
//! # Reference
//! Brodersen et al., The Balanced Accuracy and Its Posterior Distribution, ICPR 2010. Macro-F1 as the mean of F1s: Opitz and Burst, arXiv
//! 1911.03347, 2019, eq. 2. Both with the edge cases of scikit-learn.

use super::{Unscored, scored};
use crate::record::ExampleOutcome;

/// Counts, gold class by prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// Of a trial's items. It has as many classes as the items have probabilities, or as occur where they have none.
    pub fn of(outcomes: &[ExampleOutcome]) -> Result<Self, Unscored> {
        let all = outcomes.iter().map(scored).collect::<Result<Vec<_>, Unscored>>()?;
        let n = all.iter().map(|item| item.log_probabilities.len().max(item.gold + 1).max(item.prediction + 1)).max().unwrap_or(0);
        let mut counts = vec![vec![0; n]; n];
        for item in all {
            counts[item.gold][item.prediction] += 1;
        }
        Ok(Self { counts })
    }

    /// `[gold][prediction]`.
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// Share of all items that were taken for what they are.
    pub fn accuracy(&self) -> f64 {
        let all: usize = self.counts.iter().flatten().sum();
        let right: usize = (0..self.counts.len()).map(|class| self.counts[class][class]).sum();
        right as f64 / all as f64
    }

    /// Mean recall over the classes that occur.
    pub fn balanced_accuracy(&self) -> f64 {
        self.mean(|right, gold, _| (gold > 0).then(|| right as f64 / gold as f64))
    }

    /// Mean F1 over the classes that occur or are predicted.
    pub fn macro_f1(&self) -> f64 {
        self.mean(|right, gold, predicted| (gold + predicted > 0).then(|| 2.0 * right as f64 / (gold + predicted) as f64))
    }

    /// Over classes, of a function of how often a class was taken for itself, occurred, and was predicted.
    fn mean(&self, class_score: impl Fn(usize, usize, usize) -> Option<f64>) -> f64 {
        let of_class = |class: usize| {
            let gold = self.counts[class].iter().sum();
            let predicted = self.counts.iter().map(|row| row[class]).sum();
            class_score(self.counts[class][class], gold, predicted)
        };
        let scores: Vec<f64> = (0..self.counts.len()).filter_map(of_class).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    }
}
