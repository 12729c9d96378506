//! What each item is worth in either folder, averaged over the seeds that both have.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::Values;
use super::matching::Pair;
use crate::measure::Measure;
use crate::metric::{Unscored, brier, correctness, negative_log_likelihood, squared_error};
use crate::record::{ExampleOutcome, Record};
use crate::report::Results;

/// What an item is worth. Only what is a mean over items can be tested item by item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ItemMetric {
    /// What its trials are chosen by: accuracy, or the squared error where series are forecast.
    #[default]
    Own,
    /// One where the prediction is the gold class, zero elsewhere.
    Accuracy,
    /// Negative log-probability of the gold class, in nats; lower is better.
    Nll,
    /// Squared distance of the probabilities from the gold class; lower is better.
    Brier,
    /// Squared error of a forecast; lower is better.
    Mse,
}

/// Why a cell's items cannot be paired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    /// A record stands alone.
    #[error("the per-example outcomes of seed {seed} are missing in {side}")]
    NoOutcomes {
        /// In which folder.
        side: &'static str,
        /// Of which trial.
        seed: u64,
    },
    /// They were tested on different items.
    #[error("they were tested on different items with seed {seed} (item {item})")]
    ItemsDiffer {
        /// The trial's seed.
        seed: u64,
        /// An item that one of them lacks, or has twice.
        item: String,
    },
    /// The items have no such worth.
    #[error(transparent)]
    Unscored(#[from] Unscored),
}

impl ItemMetric {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Accuracy => "accuracy",
            Self::Nll => "nll",
            Self::Brier => "brier",
            Self::Mse => "mse",
        }
    }

    /// One where higher is better, else minus one.
    pub const fn sign(self, measure: Measure) -> f64 {
        match self {
            Self::Own => measure.sign(),
            Self::Accuracy => 1.0,
            Self::Nll | Self::Brier | Self::Mse => -1.0,
        }
    }

    fn of(self, outcome: &ExampleOutcome) -> Result<f64, Unscored> {
        match self {
            Self::Own => Ok(outcome.value()),
            Self::Accuracy => correctness(outcome),
            Self::Nll => negative_log_likelihood(outcome),
            Self::Brier => brier(outcome),
            Self::Mse => squared_error(outcome),
        }
    }
}

/// By item: its worth in A and in B, averaged over the pairs.
pub(super) fn values<'a>(a: &'a Results, b: &'a Results, pairs: &[Pair<'_>], metric: ItemMetric) -> Result<Values<'a>, NotPaired> {
    let mut values = Values::new();
    for (index, pair) in pairs.iter().enumerate() {
        let seed = pair.a.seed;
        let (of_a, of_b) = (of_trial(a, pair.a, "A", metric)?, of_trial(b, pair.b, "B", metric)?);
        // Every seed of a cell has the same items in both, or there is no average.
        let unshared = of_a.keys().find(|item| !of_b.contains_key(*item) || (index > 0 && !values.contains_key(*item)));
        let unshared = unshared.or_else(|| of_b.keys().find(|item| !of_a.contains_key(*item)));
        let unshared = unshared.or_else(|| values.keys().find(|item| !of_a.contains_key(*item)));
        if let Some(item) = unshared {
            return Err(NotPaired::ItemsDiffer { seed, item: (*item).to_owned() });
        }
        for ((item, worth_a), worth_b) in of_a.into_iter().zip(of_b.into_values()) {
            let value = values.entry(item).or_default();
            value.0 += worth_a / pairs.len() as f64;
            value.1 += worth_b / pairs.len() as f64;
        }
    }
    Ok(values)
}

fn of_trial<'a>(
    results: &'a Results,
    record: &Record,
    side: &'static str,
    metric: ItemMetric,
) -> Result<BTreeMap<&'a str, f64>, NotPaired> {
    let seed = record.seed;
    let outcomes = results.outcomes.get(&record.key).filter(|all| !all.is_empty()).ok_or(NotPaired::NoOutcomes { side, seed })?;
    let mut values = BTreeMap::new();
    for outcome in outcomes {
        if values.insert(outcome.id.as_str(), metric.of(outcome)?).is_some() {
            return Err(NotPaired::ItemsDiffer { seed, item: outcome.id.clone() });
        }
    }
    Ok(values)
}
