//! Ranks of methods over several data sets: who is ahead on the whole, and whether so few data sets can show it.
//!
//! A setting is a backbone with a data set. Settings that share methods make up a pool; what is ranked are the methods that finished
//! on all settings of a pool. Friedman's test, in the form of Iman and Davenport, says whether they differ at all; if so, pairs are judged by
//! Wilcoxon's signed-rank test, Holm-adjusted over all pairs. Settings that share a backbone or a data set are not independent, and
//! the tests take them as if they were.
//!
//! # Reference
//! Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006; Benavoli, Corani and Mangili, JMLR 17, 2016.

use std::collections::{BTreeMap, BTreeSet};

use super::results::Results;
use super::summary::ALPHA;
use crate::record::Status;
use crate::stats::{
    Friedman, Improvement, Scores, Wilcoxon, critical_difference, holm, interquartile_mean, mean, smallest_p, stratified_interval,
};

/// A backbone with a data set.
type Setting = (String, String);

/// Methods ranked over the settings of a pool, or why they are not.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Backbone and data set, by name.
    pub settings: Vec<Setting>,
    /// What came out.
    pub outcome: Result<Ranking, NoRanking>,
}

/// Why a pool has no ranks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRanking {
    /// One setting alone.
    #[error("one data set ranks nothing")]
    OneSetting,
    /// Too few methods have numbers everywhere.
    #[error("fewer than two methods finished on all of them")]
    TooFewMethods,
}

/// Methods in the order of their mean ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The best first.
    pub methods: Vec<Ranked>,
    /// Methods that did not finish everywhere.
    pub left_out: Vec<String>,
    /// Whether they differ at all.
    pub friedman: Friedman,
    /// Nemenyi's critical difference of mean ranks at the level of every test.
    pub critical_difference: f64,
    /// Every pair, by place in `methods`: Holm-adjusted p of Wilcoxon's test.
    pub pairs: BTreeMap<(usize, usize), f64>,
}

/// One method of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its name.
    pub method: String,
    /// Mean rank over settings; one is the best.
    pub mean_rank: f64,
    /// Settings on which no method has a higher mean.
    pub firsts: usize,
    /// Mean accuracy over settings.
    pub accuracy: f64,
    /// Interquartile mean of accuracy over settings and seeds, and its interval over seeds.
    pub iqm: (f64, (f64, f64)),
    /// How likely it is ahead of the next one, on one of these settings.
    pub over_next: Option<Improvement>,
    /// Fewest seeds of a setting.
    pub seeds: usize,
    /// Accuracy by seed, one list a setting.
    pub scores: Scores,
}

impl Ranking {
    /// Settings ranked over.
    pub fn n(&self) -> usize {
        self.friedman.n
    }

    /// Whether the methods are shown to differ at all.
    pub fn differs(&self) -> bool {
        self.friedman.f_p < ALPHA
    }

    /// The smallest adjusted p that so many settings can give the first pair that Holm's correction looks at.
    pub fn smallest_p(&self) -> f64 {
        (smallest_p(self.n()) * self.pairs.len() as f64).min(1.0)
    }

    /// Longest runs of neighbours of which no pair is shown to differ: first and last place. All are one run where the methods are not
    /// shown to differ at all.
    pub fn ties(&self) -> Vec<(usize, usize)> {
        let last = self.methods.len() - 1;
        if !self.differs() {
            return vec![(0, last)];
        }
        let is_tied = |first: usize, last: usize| (first..=last).all(|b| (first..b).all(|a| self.pairs[&(a, b)] >= ALPHA));
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for first in 0..=last {
            let end = (first..=last).rev().find(|&end| is_tied(first, end)).unwrap_or(first);
            if end > first && runs.last().is_none_or(|run| run.1 < end) {
                runs.push((first, end));
            }
        }
        runs
    }
}

/// The pools of a sweep's results.
pub fn pools(results: &Results) -> Vec<Pool> {
    let by_setting = scores(results);
    let mut pools: Vec<Vec<&Setting>> = Vec::new();
    for (setting, methods) in &by_setting {
        let shares = |other: &&Setting| methods.keys().filter(|method| by_setting[*other].contains_key(*method)).count() > 1;
        let (touched, mut rest): (Vec<_>, Vec<_>) = pools.into_iter().partition(|pool: &Vec<&Setting>| pool.iter().any(&shares));
        let mut merged: Vec<&Setting> = touched.into_iter().flatten().collect();
        merged.push(setting);
        merged.sort();
        rest.push(merged);
        rest.sort();
        pools = rest;
    }
    pools
        .into_iter()
        .map(|settings| Pool {
            settings: settings.iter().map(|&setting| setting.clone()).collect(),
            outcome: rank(results, &by_setting, &settings),
        })
        .collect()
}

/// Accuracies of finished trials (forecasts have none, and are not ranked) in the order of seeds, by setting and method.
fn scores(results: &Results) -> BTreeMap<Setting, BTreeMap<String, Vec<f64>>> {
    let mut scores = BTreeMap::<Setting, BTreeMap<String, Vec<f64>>>::new();
    for (backbone, dataset) in results.groups() {
        for (method, cell) in results.cells((backbone, dataset)) {
            let accuracy = |status: &Status| match status {
                Status::Ok { outcome } => outcome.test.accuracy,
                Status::Failed { .. } => None,
            };
            let accuracies: Vec<f64> = cell.records.values().filter_map(|record| accuracy(&record.status)).collect();
            if !accuracies.is_empty() {
                scores.entry((backbone.to_owned(), dataset.to_owned())).or_default().insert(method.to_owned(), accuracies);
            }
        }
    }
    scores
}

fn rank(
    results: &Results,
    by_setting: &BTreeMap<Setting, BTreeMap<String, Vec<f64>>>,
    settings: &[&Setting],
) -> Result<Ranking, NoRanking> {
    if settings.len() < 2 {
        return Err(NoRanking::OneSetting);
    }
    let all: BTreeSet<&String> = settings.iter().flat_map(|setting| by_setting[*setting].keys()).collect();
    let (complete, left_out): (Vec<&String>, Vec<&String>) =
        all.into_iter().partition(|method| settings.iter().all(|setting| by_setting[*setting].contains_key(*method)));
    if complete.len() < 2 {
        return Err(NoRanking::TooFewMethods);
    }
    let of_method = |method: &String| -> Scores { settings.iter().map(|setting| by_setting[*setting][method].clone()).collect() };
    let scores: Vec<Scores> = complete.iter().map(|method| of_method(method)).collect();
    let means = |scores: &Scores| -> Vec<f64> { scores.iter().filter_map(|seeds| mean(seeds)).collect() };
    let columns: Vec<Vec<f64>> = scores.iter().map(means).collect();
    let rows: Vec<Vec<f64>> = (0..settings.len()).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
    let friedman = Friedman::of(&rows).expect("two settings and two methods at least");
    let place = |method: &String| results.methods.iter().position(|listed| listed == method).unwrap_or(results.methods.len());
    let mut order: Vec<usize> = (0..complete.len()).collect();
    order.sort_by(|&a, &b| friedman.mean_ranks[a].total_cmp(&friedman.mean_ranks[b]).then(place(complete[a]).cmp(&place(complete[b]))));
    let best: Vec<f64> = rows.iter().map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    let ranked = |(at, &index): (usize, &usize)| {
        let own = &scores[index];
        let iqm = |drawn: &[Scores]| interquartile_mean(&drawn[0].concat()).expect("every setting has a score");
        Ranked {
            method: complete[index].clone(),
            mean_rank: friedman.mean_ranks[index],
            firsts: columns[index].iter().zip(&best).filter(|(mean, best)| *best - **mean < 1e-12).count(),
            accuracy: mean(&columns[index]).expect("every setting has a score"),
            iqm: (iqm(std::slice::from_ref(own)), stratified_interval("iqm", &[own], iqm)),
            over_next: order.get(at + 1).and_then(|&next| Improvement::of(own, &scores[next])),
            seeds: own.iter().map(Vec::len).min().expect("every setting has a score"),
            scores: own.clone(),
        }
    };
    let methods: Vec<Ranked> = order.iter().enumerate().map(ranked).collect();
    let places: Vec<(usize, usize)> = (0..order.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    let difference = |&(a, b): &(usize, usize)| -> Vec<f64> {
        columns[order[a]].iter().zip(&columns[order[b]]).map(|(one, other)| one - other).collect()
    };
    let adjusted = holm(&places.iter().map(|pair| Wilcoxon::of(&difference(pair)).p).collect::<Vec<_>>());
    Ok(Ranking {
        critical_difference: critical_difference(methods.len(), settings.len(), ALPHA),
        methods,
        left_out: left_out.into_iter().cloned().collect(),
        friedman,
        pairs: places.into_iter().zip(adjusted).collect(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::canned::{Group, add, method, realistic, signature};
    use reprogram_taxonomy::{Alignment, Modality};

    /// Three methods on so many data sets, always in the same order.
    pub(in crate::report) fn ordered(n: usize) -> Results {
        const NAMES: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let mut results = Results { sweep: "ordered".to_owned(), ..Results::default() };
        for (i, dataset) in NAMES.into_iter().take(n).enumerate() {
            let group = Group { backbone: "letters-vit", dataset, n_classes: 10, items: 200 };
            for (name, base) in [("low", 0.3), ("middle", 0.5), ("high", 0.7)] {
                let base = base + 0.01 * i as f64;
                let accuracies = [base, base + 0.02, base - 0.02, base + 0.01, base - 0.01];
                add(&mut results, &group, &method(name, signature(Modality::Vision, &[], Alignment::Linear), 10, &accuracies));
            }
        }
        results
    }

    fn ranking(results: &Results) -> Ranking {
        let mut pools = pools(results);
        assert_eq!(pools.len(), 1);
        pools.remove(0).outcome.unwrap()
    }

    #[test]
    fn settings_without_common_methods_are_apart() {
        let pools = pools(&realistic());
        assert_eq!(pools.len(), 2);
        assert!(pools.iter().all(|pool| pool.outcome == Err(NoRanking::OneSetting)));
    }

    #[test]
    fn an_order_that_is_always_the_same_is_found() {
        let found = ranking(&ordered(8));
        let names: Vec<&str> = found.methods.iter().map(|ranked| ranked.method.as_str()).collect();
        assert_eq!(names, ["high", "middle", "low"]);
        assert_eq!(found.methods[0].firsts, 8);
        assert!(found.differs() && found.ties().is_empty(), "{:?}", found.pairs);
        assert!((found.methods[0].over_next.unwrap().probability - 1.0).abs() < 1e-12);
    }

    #[test]
    fn five_data_sets_cannot_tell_a_pair_apart() {
        let found = ranking(&ordered(5));
        assert!(found.differs(), "Friedman's test can");
        assert_eq!(found.ties(), [(0, 2)]);
        assert!(found.smallest_p() > ALPHA);
    }

    #[test]
    fn a_method_that_did_not_finish_everywhere_is_left_out() {
        let mut results = ordered(3);
        results.records.retain(|record| record.method != "middle" || record.dataset != "two");
        let found = ranking(&results);
        assert_eq!((found.methods.len(), found.left_out), (2, vec!["middle".to_owned()]));
    }

    #[test]
    fn the_order_of_records_does_not_matter() {
        let (one, mut other) = (ordered(4), ordered(4));
        other.records.reverse();
        assert_eq!(pools(&one), pools(&other));
    }
}
