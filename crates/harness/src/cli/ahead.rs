//! What trials of a plan would take: the columns of `reprogram plan`, and their sum.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use crate::calibration::Calibration;
use crate::costs::{PartCosts, Parts};
use crate::listing::Entry;
use crate::lookahead::Lookahead;
use crate::plan::{Plan, Site};

/// Predictions by the keys of trials.
pub(super) struct Ahead {
    trials: BTreeMap<String, Parts>,
    jobs: usize,
    threads: usize,
    is_timed: bool,
}

impl Ahead {
    /// Looks into every trial that can be looked into.
    pub(super) fn look(plan: &Plan, site: Site<'_>, jobs: NonZeroUsize, is_timed: bool) -> Self {
        let jobs = jobs.get();
        let threads = (rayon::current_num_threads() / jobs).max(1);
        let (memory, mut lookahead) = (site.memory_found(), Lookahead::new(plan, site));
        let names: BTreeSet<&str> = plan.trials.iter().map(|trial| trial.backbone.as_str()).filter(|_| is_timed).collect();
        let calibrations: BTreeMap<&str, Calibration> =
            names.into_iter().map(|name| (name, Calibration::of(&plan.backbones[name], threads, site))).collect();
        let mut trials = BTreeMap::new();
        for trial in &plan.trials {
            // Where nothing is drawn, one trial stands for all seeds.
            if trials.contains_key(&trial.key) {
                continue;
            }
            if let Some(parts) = lookahead.of(trial, calibrations.get(trial.backbone.as_str()), memory) {
                trials.insert(trial.key.clone(), parts);
            }
        }
        Self { trials, jobs, threads, is_timed }
    }

    /// Tokens, operations, memory and seconds of a trial.
    pub(super) fn entries(&self, key: &str) -> [Entry; 4] {
        let Some(total) = self.trials.get(key).map(Parts::total) else { return [const { Entry::None }; 4] };
        let PartCosts { tokens, peak_bytes, seconds, .. } = total;
        let measured = |value: f64| if self.is_timed { Entry::Number(rounded(value)) } else { Entry::None };
        let tokens = Entry::Integer(i64::try_from(tokens).unwrap_or(i64::MAX));
        [tokens, Entry::Number(rounded(total.flops() as f64 / 1e12)), measured((peak_bytes >> 20) as f64), measured(seconds)]
    }

    /// All trials that are to be run, in words.
    pub(super) fn total(&self, to_run: &BTreeSet<&str>) -> String {
        let sum = to_run.iter().filter_map(|key| self.trials.get(*key)).fold(PartCosts::default(), |sum, parts| sum.and(parts.total()));
        let (tokens, flops) = (sum.tokens, rounded(sum.flops() as f64 / 1e12));
        let counted = format!("to be run: {} tokens, {flops} TFLOP", crate::assets::grouped(tokens));
        if !self.is_timed {
            return counted;
        }
        let (jobs, threads) = (self.jobs, self.threads);
        let at_a_time = if jobs == 1 { "one trial at a time".to_owned() } else { format!("{jobs} trials at a time") };
        let (time, mebibytes) = (in_words(sum.seconds / jobs as f64), sum.peak_bytes >> 20);
        format!("{counted}, about {time} with {at_a_time} of {threads} threads, {mebibytes} MiB in the largest")
    }
}

/// Three figures.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 2);
    let rounded = (value / unit).round() * unit;
    // What a multiplication by a power of ten leaves behind the figures.
    format!("{rounded:.9}").parse().unwrap_or(rounded)
}

fn in_words(seconds: f64) -> String {
    match seconds {
        ..100.0 => format!("{seconds:.0} s"),
        ..6_000.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the same numbers, computed in one way")]
    fn numbers_have_three_figures_and_times_a_unit() {
        assert_eq!([0.0, 0.012_345, 123.456, 98_765.0].map(rounded), [0.0, 0.0123, 123.0, 98_800.0]);
        assert_eq!([4.2, 150.0, 9_000.0].map(in_words), ["4 s", "2 min", "2.5 h"]);
    }

    #[test]
    fn jobs_divide_the_time_of_what_is_to_be_run() {
        let part = PartCosts {
            items: 1,
            tokens: 600,
            forward_flops: 2_000_000_000_000,
            seconds: 100.0,
            peak_bytes: 3 << 20,
            ..PartCosts::default()
        };
        let parts = Parts { test: part, ..Parts::default() };
        let trials = ["a", "b", "there"].map(|key| (key.to_owned(), parts)).into();
        let mut ahead = Ahead { trials, jobs: 2, threads: 4, is_timed: true };
        let to_run = BTreeSet::from(["a", "b", "unknown"]);
        assert_eq!(
            ahead.total(&to_run),
            "to be run: 1,200 tokens, 4 TFLOP, about 2 min with 2 trials at a time of 4 threads, 3 MiB in the largest"
        );
        ahead.is_timed = false;
        assert_eq!(ahead.total(&to_run), "to be run: 1,200 tokens, 4 TFLOP");
        assert_eq!(ahead.entries("unknown"), [const { Entry::None }; 4]);
    }
}
