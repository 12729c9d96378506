//! Two results folders of one sweep: is the second worse than the first, on the same items?
//!
//! Trials are paired by key, or by name where keys differ; a cell's trials are averaged over seeds item by item, and
//! the items' differences are tested: two-sided sign-flip test, `BCa` interval, and the least difference that so many items could have shown.
//! The same is asked of all cells together (`pooled.rs`). One family of tests: Holm's correction, with half of the level for all cells
//! together and the other half for the cells one by one. The tests are over items with the trained programs as they are.
//!
//! # Reference
//! Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024: paired differences, clusters, power.

mod drift;
mod items;
mod listing;
mod matching;
mod pooled;

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

pub use drift::Drift;
pub use items::{ItemMetric, NotPaired};
pub use listing::listing;
pub use matching::{By, Matching, Pair};

use crate::measure::Measure;
use crate::record::{Record, Status};
use crate::report::{ALPHA, Results};
use crate::stats::{
    POWER, bca_interval, bca_interval_clustered, clustered_standard_error, least_discordant, mean, sign_flip_p, standard_error,
    weighted_holm,
};

/// What is compared, and what counts as a loss.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// What an item is worth.
    pub metric: ItemMetric,
    /// A loss of this much or less is borne, significant or not.
    pub margin: f64,
    /// Which items come together: cluster by id. An item that is not listed is a cluster of its own.
    pub clusters: BTreeMap<String, String>,
}

/// Everything that two folders say about each other.
#[derive(Debug)]
pub struct Compared {
    /// In A's order of methods within backbones and data sets.
    pub cells: Vec<Cell>,
    /// All cells together, where two or more could be paired.
    pub pooled: Option<Tested>,
    /// Trials that ended well in A and broke in B, with B's reason.
    pub broken: Vec<String>,
    /// Finished trials of A that B has not.
    pub only_a: Vec<String>,
    /// Finished trials of B that A has not.
    pub only_b: Vec<String>,
}

/// One method on one backbone and data set.
#[derive(Debug)]
pub struct Cell {
    /// The method's name in A.
    pub method: String,
    /// The checkpoint's name in A.
    pub backbone: String,
    /// The data set's name in A.
    pub dataset: String,
    /// Pairs of trials, one a seed.
    pub seeds: usize,
    /// What they are judged by.
    pub measure: Measure,
    /// How they were found.
    pub by: By,
    /// What differs in their configuration, where it does.
    pub changes: Vec<String>,
    /// What is not the same under the same keys.
    pub drift: Drift,
    /// What came out, or why nothing did.
    pub outcome: Result<Tested, NotPaired>,
}

/// B against A in one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// Items.
    pub n: usize,
    /// A's mean.
    pub a: f64,
    /// B's mean.
    pub b: f64,
    /// How much better B is; negative: worse.
    pub gain: f64,
    /// `BCa` interval of the gain over items, where there is one.
    pub interval: Option<(f64, f64)>,
    /// Two-sided sign-flip p.
    pub p: f64,
    /// The same, Holm-adjusted: see the module.
    pub holm_p: f64,
    /// The least difference that so many items, disagreeing as much, show with probability [`POWER`].
    pub could_show: f64,
    /// What it amounts to.
    pub verdict: Verdict,
}

/// Whether B is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every item is worth the same in both.
    Same,
    /// The adjusted p is not below the level. That is not a proof of equality.
    NotShown,
    /// Shown to be better.
    Gain,
    /// Shown to be worse, by no more than the margin.
    Borne,
    /// Shown to be worse.
    Loss,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::NotShown => "no difference shown",
            Self::Gain => "gain",
            Self::Borne => "loss within the margin",
            Self::Loss => "loss",
        }
    }
}

impl Compared {
    /// B against A.
    pub fn of(a: &Results, b: &Results, question: &Question) -> Self {
        let Matching { pairs, broken, only_a, only_b } = Matching::of(a, b);
        let place = |method: &str| a.methods.iter().position(|listed| listed == method).unwrap_or(a.methods.len());
        let mut cells = BTreeMap::<_, Vec<Pair<'_>>>::new();
        for pair in pairs {
            let record = pair.a;
            let cell = (record.backbone.as_str(), record.dataset.as_str(), place(&record.method), record.method.as_str(), pair.setting());
            cells.entry(cell).or_default().push(pair);
        }
        let groups: Vec<Vec<Pair<'_>>> = cells.into_values().collect();
        let values: Vec<_> = groups.iter().map(|pairs| items::values(a, b, pairs, question.metric)).collect();
        // Errors and shares have no mean: of cells of both kinds, those that are right or wrong are taken together.
        let measures: Vec<Measure> = groups.iter().map(|pairs| measure(pairs[0].a)).collect();
        let common = measures.iter().copied().min().unwrap_or(Measure::Accuracy);
        let paired: Vec<(&str, &Values<'_>)> = groups
            .iter()
            .zip(&values)
            .zip(&measures)
            .filter(|(_, measure)| **measure == common)
            .filter_map(|((pairs, values), _)| Some((pairs[0].a.dataset.as_str(), values.as_ref().ok()?)))
            .collect();
        let mut pooled = pooled::test(&paired, common, question);
        let tested = values.iter().zip(&measures);
        let tested = tested.map(|(values, &measure)| values.as_ref().map(|values| test(values, measure, question)).map_err(Clone::clone));
        let mut cells: Vec<Cell> = groups.iter().zip(tested).map(|(pairs, outcome)| cell(pairs, drift::of(a, b, pairs), outcome)).collect();
        judge(&mut cells, pooled.as_mut(), question.margin);
        Self { cells, pooled, broken, only_a, only_b }
    }

    /// Whether all cells together are worse.
    pub fn is_worse_together(&self) -> bool {
        self.pooled.is_some_and(|pooled| pooled.verdict == Verdict::Loss)
    }

    /// Cells that are worse.
    pub fn losses(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.outcome.as_ref().is_ok_and(|tested| tested.verdict == Verdict::Loss))
    }

    /// Cells whose items could not be paired.
    pub fn unpaired(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.outcome.is_err())
    }
}

/// By item: its worth in A and in B.
type Values<'a> = BTreeMap<&'a str, (f64, f64)>;

fn cell(pairs: &[Pair<'_>], drift: Drift, outcome: Result<Tested, NotPaired>) -> Cell {
    let record = pairs[0].a;
    Cell {
        method: record.method.clone(),
        backbone: record.backbone.clone(),
        dataset: record.dataset.clone(),
        seeds: pairs.len(),
        measure: measure(record),
        by: if pairs.iter().all(|pair| pair.by == By::Key) { By::Key } else { By::Name },
        changes: pairs[0].changes(),
        drift,
        outcome,
    }
}

/// Not yet corrected for the number of cells.
fn test(values: &Values<'_>, measure: Measure, question: &Question) -> Tested {
    let sign = question.metric.sign(measure);
    let gains: Vec<f64> = values.values().map(|(a, b)| sign * (b - a)).collect();
    let clusters: Vec<&str> = values.keys().map(|id| question.clusters.get(*id).map_or(*id, String::as_str)).collect();
    let (interval, error, p) = if question.clusters.is_empty() {
        (bca_interval(&gains), standard_error(&gains), sign_flip_p(&gains))
    } else {
        let mut sums = BTreeMap::<&str, f64>::new();
        for (gain, &cluster) in gains.iter().zip(&clusters) {
            *sums.entry(cluster).or_default() += gain;
        }
        let sums: Vec<f64> = sums.into_values().collect();
        (bca_interval_clustered(&gains, &clusters), clustered_standard_error(&gains, &clusters), sign_flip_p(&sums))
    };
    let over =
        |side: fn(&(f64, f64)) -> f64| mean(&values.values().map(side).collect::<Vec<_>>()).expect("a pairing has at least one item");
    let verdict = if gains.iter().all(|gain| *gain == 0.0) { Verdict::Same } else { Verdict::NotShown };
    Tested {
        n: gains.len(),
        a: over(|values| values.0),
        b: over(|values| values.1),
        gain: mean(&gains).expect("a pairing has at least one item"),
        interval,
        p,
        holm_p: p,
        could_show: could_show(gains.len(), error.unwrap_or(0.0), measure),
        verdict,
    }
}

/// What a cell's trials are judged by.
fn measure(record: &Record) -> Measure {
    match &record.status {
        Status::Ok { outcome } => outcome.test.measure(),
        Status::Failed { .. } => panic!("only finished trials are paired"),
    }
}

/// `(z_{1−α/2} + z_{power}) SE`; of items that are right or wrong, never less than what the fewest of one side that pass an exact test
/// are worth.
fn could_show(n: usize, standard_error: f64, measure: Measure) -> f64 {
    let normal = Normal::standard();
    let reach = normal.inverse_cdf(1.0 - ALPHA / 2.0) + normal.inverse_cdf(POWER);
    match measure {
        Measure::Accuracy => (reach * standard_error).max(least_discordant(ALPHA) as f64 / n as f64),
        Measure::Mse => reach * standard_error,
    }
}

fn judge(cells: &mut [Cell], pooled: Option<&mut Tested>, margin: f64) {
    let mut tested: Vec<&mut Tested> = cells.iter_mut().filter_map(|cell| cell.outcome.as_mut().ok()).collect();
    let mut weights = vec![1.0; tested.len()];
    if let Some(pooled) = pooled {
        weights.push(tested.len() as f64);
        tested.push(pooled);
    }
    let adjusted = weighted_holm(&tested.iter().map(|tested| tested.p).collect::<Vec<_>>(), &weights);
    for (tested, holm_p) in tested.iter_mut().zip(adjusted) {
        tested.holm_p = holm_p;
        if holm_p < ALPHA {
            tested.verdict = if tested.gain > 0.0 {
                Verdict::Gain
            } else if tested.gain < -margin {
                Verdict::Loss
            } else {
                Verdict::Borne
            };
        }
    }
}

#[cfg(test)]
mod tests;
