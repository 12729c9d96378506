//! Pairs two methods' outcomes by test item and seed.

use std::collections::BTreeMap;

use super::results::{Cell, Results};
use crate::measure::Measure;
use crate::record::{ExampleOutcome, Metrics, Record, Status};
use crate::stats::Mcnemar;

/// Why two methods cannot be compared item by item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    /// One of them did not finish a trial.
    #[error("{method} has no finished trial")]
    NoTrial {
        /// Which.
        method: String,
    },
    /// They finished, but never with the same seed.
    #[error("{a} and {b} have no seed in common")]
    NoCommonSeed {
        /// The first.
        a: String,
        /// The second.
        b: String,
    },
    /// A record stands alone.
    #[error("the per-example outcomes of {method}, seed {seed}, are missing")]
    NoOutcomes {
        /// Whose.
        method: String,
        /// Of which trial.
        seed: u64,
    },
    /// The outcomes are not those that the record was made from.
    #[error("the per-example outcomes of {method}, seed {seed}, give {measure} {outcomes}, but its record says {record}")]
    Disagree {
        /// Whose.
        method: String,
        /// Of which trial.
        seed: u64,
        /// What they are judged by.
        measure: Measure,
        /// From the outcomes.
        outcomes: String,
        /// From the record.
        record: String,
    },
    /// They were tested on different items.
    #[error("{a} and {b} were tested on different items with seed {seed} (item {item})")]
    ItemsDiffer {
        /// The first.
        a: String,
        /// The second.
        b: String,
        /// The seed.
        seed: u64,
        /// An item that only one of them has, or that one of them has twice.
        item: String,
    },
}

/// One method's finished trials in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) method: &'a str,
    pub(super) records: &'a BTreeMap<u64, &'a Record>,
    pub(super) outcomes: &'a BTreeMap<String, Vec<ExampleOutcome>>,
}

/// Two methods on the same items.
#[derive(Debug)]
pub(super) struct Paired {
    /// Common seeds.
    pub(super) seeds: usize,
    /// What items are judged by.
    pub(super) measure: Measure,
    /// B's correctness minus A's, or B's squared error minus A's, averaged over the common seeds, one an item, in the order of ids.
    pub(super) differences: Vec<f64>,
    /// With exactly one common seed: the test of the two classifiers.
    pub(super) mcnemar: Option<Mcnemar>,
}

/// Pairs B against A.
pub(super) fn pair(a: Side<'_>, b: Side<'_>) -> Result<Paired, Unpaired> {
    let (finished_a, finished_b) = (a.finished()?, b.finished()?);
    let seeds: Vec<u64> = finished_a.keys().filter(|seed| finished_b.contains_key(seed)).copied().collect();
    if seeds.is_empty() {
        return Err(Unpaired::NoCommonSeed { a: a.method.to_owned(), b: b.method.to_owned() });
    }
    let mut totals = BTreeMap::<String, (f64, u32)>::new();
    for &seed in &seeds {
        let (of_a, of_b) = (a.values(seed, finished_a[&seed])?, b.values(seed, finished_b[&seed])?);
        if let Some(item) = first_unshared(&of_a, &of_b) {
            return Err(Unpaired::ItemsDiffer { a: a.method.to_owned(), b: b.method.to_owned(), seed, item: item.to_owned() });
        }
        for (id, value) in of_b {
            let total = totals.entry(id.to_owned()).or_default();
            total.0 += value - of_a[id];
            total.1 += 1;
        }
    }
    let measure = finished_a[&seeds[0]].1.measure();
    let count = |sign: f64| totals.values().filter(|total| (total.0 - sign).abs() < 0.5).count() as u64;
    let mcnemar = (seeds.len() == 1 && measure == Measure::Accuracy).then(|| Mcnemar::of(count(-1.0), count(1.0)));
    let differences = totals.into_values().map(|(sum, seeds)| sum / f64::from(seeds)).collect();
    Ok(Paired { seeds: seeds.len(), measure, differences, mcnemar })
}

/// B's correctness minus A's by test item (or squared error), averaged over common seeds, of two methods on one backbone and data set.
pub fn differences(results: &Results, group: (&str, &str), a: &str, b: &str) -> Result<Vec<f64>, Unpaired> {
    let cells: BTreeMap<&str, Cell<'_>> = results.cells(group).into_iter().collect();
    let side = |method: &str| {
        let (&method, cell) = cells.get_key_value(method).ok_or_else(|| Unpaired::NoTrial { method: method.to_owned() })?;
        Ok::<_, Unpaired>(Side { method, records: &cell.records, outcomes: &results.outcomes })
    };
    pair(side(a)?, side(b)?).map(|paired| paired.differences)
}

fn first_unshared<'a>(one: &BTreeMap<&'a str, f64>, other: &BTreeMap<&'a str, f64>) -> Option<&'a str> {
    let missing = |from: &BTreeMap<&'a str, f64>, to: &BTreeMap<&'a str, f64>| from.keys().find(|id| !to.contains_key(*id)).copied();
    missing(one, other).or_else(|| missing(other, one))
}

impl<'a> Side<'a> {
    fn finished(&self) -> Result<BTreeMap<u64, (&'a Record, Metrics)>, Unpaired> {
        let finished: BTreeMap<_, _> = self
            .records
            .iter()
            .filter_map(|(&seed, &record)| match &record.status {
                Status::Ok { outcome } => Some((seed, (record, outcome.test))),
                Status::Failed { .. } => None,
            })
            .collect();
        if finished.is_empty() { Err(Unpaired::NoTrial { method: self.method.to_owned() }) } else { Ok(finished) }
    }

    /// Which items a trial got right (one, or zero), or how far off its forecasts are.
    fn values(&self, seed: u64, (record, metrics): (&Record, Metrics)) -> Result<BTreeMap<&'a str, f64>, Unpaired> {
        let method = || self.method.to_owned();
        let outcomes =
            self.outcomes.get(&record.key).filter(|all| !all.is_empty()).ok_or_else(|| Unpaired::NoOutcomes { method: method(), seed })?;
        let mut values = BTreeMap::new();
        for outcome in outcomes {
            if values.insert(outcome.id.as_str(), outcome.value()).is_some() {
                return Err(Unpaired::ItemsDiffer { a: method(), b: method(), seed, item: outcome.id.clone() });
            }
        }
        let mean = values.values().sum::<f64>() / values.len() as f64;
        if (mean - metrics.value()).abs() > 1e-6 * metrics.value().abs().max(1.0) {
            return Err(Unpaired::Disagree {
                method: method(),
                seed,
                measure: metrics.measure(),
                outcomes: mean.to_string(),
                record: metrics.value().to_string(),
            });
        }
        Ok(values)
    }
}
