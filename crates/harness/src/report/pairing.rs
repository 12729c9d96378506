//! Pairs two methods' outcomes by test item and seed.

use std::collections::BTreeMap;

use super::results::{Cell, Results};
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
    #[error("the per-example outcomes of {method}, seed {seed}, give accuracy {outcomes}, but its record says {record}")]
    Disagree {
        /// Whose.
        method: String,
        /// Of which trial.
        seed: u64,
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
    /// B's correctness minus A's, averaged over the common seeds, one an item, in the order of ids.
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
    let mut totals = BTreeMap::<String, (i32, u32)>::new();
    for &seed in &seeds {
        let (right_a, right_b) = (a.correct(seed, finished_a[&seed])?, b.correct(seed, finished_b[&seed])?);
        if let Some(item) = first_unshared(&right_a, &right_b) {
            return Err(Unpaired::ItemsDiffer { a: a.method.to_owned(), b: b.method.to_owned(), seed, item: item.to_owned() });
        }
        for (id, right) in right_b {
            let total = totals.entry(id.to_owned()).or_default();
            total.0 += i32::from(right) - i32::from(right_a[id]);
            total.1 += 1;
        }
    }
    let count = |sign: i32| totals.values().filter(|total| total.0 == sign).count() as u64;
    let mcnemar = (seeds.len() == 1).then(|| Mcnemar::of(count(-1), count(1)));
    let differences = totals.into_values().map(|(sum, seeds)| f64::from(sum) / f64::from(seeds)).collect();
    Ok(Paired { seeds: seeds.len(), differences, mcnemar })
}

/// B's correctness minus A's by test item, averaged over common seeds, of two methods on one backbone and data set.
pub fn differences(results: &Results, group: (&str, &str), a: &str, b: &str) -> Result<Vec<f64>, Unpaired> {
    let cells: BTreeMap<&str, Cell<'_>> = results.cells(group).into_iter().collect();
    let side = |method: &str| {
        let (&method, cell) = cells.get_key_value(method).ok_or_else(|| Unpaired::NoTrial { method: method.to_owned() })?;
        Ok::<_, Unpaired>(Side { method, records: &cell.records, outcomes: &results.outcomes })
    };
    pair(side(a)?, side(b)?).map(|paired| paired.differences)
}

fn first_unshared<'a>(one: &BTreeMap<&'a str, bool>, other: &BTreeMap<&'a str, bool>) -> Option<&'a str> {
    let missing = |from: &BTreeMap<&'a str, bool>, to: &BTreeMap<&'a str, bool>| from.keys().find(|id| !to.contains_key(*id)).copied();
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

    /// Which items a trial got right.
    fn correct(&self, seed: u64, (record, metrics): (&Record, Metrics)) -> Result<BTreeMap<&'a str, bool>, Unpaired> {
        let method = || self.method.to_owned();
        let outcomes =
            self.outcomes.get(&record.key).filter(|all| !all.is_empty()).ok_or_else(|| Unpaired::NoOutcomes { method: method(), seed })?;
        let mut right = BTreeMap::new();
        for outcome in outcomes {
            if right.insert(outcome.id.as_str(), outcome.is_right()).is_some() {
                return Err(Unpaired::ItemsDiffer { a: method(), b: method(), seed, item: outcome.id.clone() });
            }
        }
        let accuracy = right.values().filter(|right| **right).count() as f64 / right.len() as f64;
        if (accuracy - metrics.accuracy).abs() > 1e-6 {
            return Err(Unpaired::Disagree {
                method: method(),
                seed,
                outcomes: accuracy.to_string(),
                record: metrics.accuracy.to_string(),
            });
        }
        Ok(right)
    }
}
