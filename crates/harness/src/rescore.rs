//! A results folder scored by other metrics than those of its records, from the stored outcomes alone.

use std::collections::BTreeSet;

use crate::listing::{Entry, Listing};
use crate::metric::{Metric, Unscored};
use crate::record::{Record, Status};
use crate::report::Results;
use crate::stats::MeanInterval;

/// What a folder can be scored by: everything, but for normalisations of answers where no item has any, and errors of forecasts where
/// nothing was forecast.
pub fn measurable(results: &Results) -> Vec<Metric> {
    let items = || results.outcomes.values().flatten();
    let has_answers = items().any(|outcome| outcome.answers().is_some());
    let has_forecasts = items().any(|outcome| outcome.errors().is_some());
    let has_others = results.outcomes.is_empty() || items().any(|outcome| outcome.errors().is_none());
    let fits = |metric: &Metric| match (metric.is_of_forecasts(), metric.normalisation()) {
        (true, _) => has_forecasts,
        (false, Some(_)) => has_answers,
        (false, None) => has_others,
    };
    Metric::ALL.into_iter().filter(fits).collect()
}

/// One row a trial.
pub fn trials(results: &Results, metrics: &[Metric]) -> Listing {
    let columns: Vec<&str> =
        ["backbone", "data set", "seed", "items"].into_iter().chain(metrics.iter().map(|metric| metric.as_str())).collect();
    let mut listing = Listing::new(format!("Trials of {}", results.sweep), &columns);
    let mut notes = Notes::default();
    for record in sorted(results) {
        let outcomes = results.outcomes.get(&record.key).map_or(&[][..], Vec::as_slice);
        let mut row: Vec<Entry> = vec![
            record.method.as_str().into(),
            record.backbone.as_str().into(),
            record.dataset.as_str().into(),
            (record.seed as usize).into(),
            outcomes.len().into(),
        ];
        row.extend(metrics.iter().map(|metric| notes.entry(record, metric.of(outcomes))));
        listing.push(row);
    }
    notes.close(results, &mut listing);
    listing
}

/// One row a cell: the mean over seeds, and half of its interval where there are several.
pub fn cells(results: &Results, metrics: &[Metric]) -> Listing {
    let mut columns = vec!["backbone".to_owned(), "data set".to_owned(), "seeds".to_owned()];
    columns.extend(metrics.iter().flat_map(|metric| [metric.to_string(), format!("± {metric}")]));
    let mut listing = Listing::new(format!("Cells of {}", results.sweep), &columns.iter().map(String::as_str).collect::<Vec<_>>());
    let mut notes = Notes::default();
    let mut cells: Vec<(&Record, Vec<&Record>)> = Vec::new();
    for record in sorted(results) {
        match cells.last_mut() {
            Some((first, trials)) if same_cell(first, record) => trials.push(record),
            Some(_) | None => cells.push((record, vec![record])),
        }
    }
    for (first, trials) in cells {
        let mut row: Vec<Entry> =
            vec![first.method.as_str().into(), first.backbone.as_str().into(), first.dataset.as_str().into(), trials.len().into()];
        for metric in metrics {
            let score = |record: &&Record| metric.of(results.outcomes.get(&record.key).map_or(&[][..], Vec::as_slice));
            match trials.iter().map(score).collect::<Result<Vec<f64>, Unscored>>() {
                Ok(scores) => {
                    let interval = MeanInterval::of(&scores);
                    row.extend(
                        [interval.map(|i| i.mean), interval.and_then(|i| i.half_width)].map(|value| value.map_or(Entry::None, rounded)),
                    );
                }
                Err(reason) => row.extend([notes.entry(first, Err(reason)), Entry::None]),
            }
        }
        listing.push(row);
    }
    listing.note("Means over seeds; ± is half of the 95 % t interval over seeds. One seed has none.");
    notes.close(results, &mut listing);
    listing
}

/// Finished trials, in the sweep's order of methods within backbones and data sets.
fn sorted(results: &Results) -> Vec<&Record> {
    let place = |record: &Record| results.methods.iter().position(|method| *method == record.method).unwrap_or(results.methods.len());
    let mut records: Vec<&Record> = results.records.iter().filter(|record| matches!(record.status, Status::Ok { .. })).collect();
    records.sort_by_key(|record| (&record.backbone, &record.dataset, place(record), &record.method, record.seed));
    records
}

fn same_cell(a: &Record, b: &Record) -> bool {
    (&a.method, &a.backbone, &a.dataset) == (&b.method, &b.backbone, &b.dataset)
}

/// What has no score.
#[derive(Default)]
struct Notes {
    /// Cells whose items have no probabilities.
    without_probabilities: BTreeSet<String>,
    /// Cells whose items have no answers in words, or of which none are stored.
    without_answers: BTreeSet<String>,
    /// Cells whose items were forecast, and are neither right nor wrong.
    forecast: BTreeSet<String>,
    /// Cells in which nothing was forecast.
    without_forecasts: BTreeSet<String>,
    /// Cells without items.
    without_items: BTreeSet<String>,
}

impl Notes {
    fn entry(&mut self, record: &Record, score: Result<f64, Unscored>) -> Entry {
        let cell = || format!("{} · {} · {}", record.method, record.backbone, record.dataset);
        match score {
            Ok(score) => return rounded(score),
            Err(Unscored::NoProbability { .. } | Unscored::NoClass { .. }) => self.without_probabilities.insert(cell()),
            Err(Unscored::NoAnswers { .. }) => self.without_answers.insert(cell()),
            Err(Unscored::Forecast { .. }) => self.forecast.insert(cell()),
            Err(Unscored::NoForecast { .. }) => self.without_forecasts.insert(cell()),
            Err(Unscored::NoItem) => self.without_items.insert(cell()),
        };
        Entry::None
    }

    fn close(self, results: &Results, listing: &mut Listing) {
        let list = |cells: BTreeSet<String>| cells.into_iter().collect::<Vec<_>>().join("; ");
        if !self.without_probabilities.is_empty() {
            listing.note(format!("No probabilities are stored of: {}.", list(self.without_probabilities)));
        }
        if !self.without_answers.is_empty() {
            listing.note(format!("No log-likelihoods of answers in one wording are stored of: {}.", list(self.without_answers)));
        }
        if !self.forecast.is_empty() {
            listing.note(format!("Neither right nor wrong, because series are forecast: {}.", list(self.forecast)));
        }
        if !self.without_forecasts.is_empty() {
            listing.note(format!("Nothing is forecast in: {}.", list(self.without_forecasts)));
        }
        if !self.without_items.is_empty() {
            listing.note(format!("No items are stored of: {}.", list(self.without_items)));
        }
        let failed = results.records.iter().filter(|record| matches!(record.status, Status::Failed { .. })).count();
        if failed + results.missing.len() > 0 {
            listing.note(format!("Without a row: {failed} failed trials, {} that have not run.", results.missing.len()));
        }
        listing
            .note("accuracy, balanced-accuracy, macro-f1: higher is better; nll (nats), brier (0 to 2), ece (15 bins): lower is better.");
        if listing.columns.iter().any(|column| column == Metric::Mse.as_str()) {
            listing.note("mse, mae, mase: of forecasts of standardised values; lower is better.");
        }
        if listing.columns.iter().any(|column| column == Metric::AccuracyRaw.as_str()) {
            listing.note(
                "accuracy-raw, -per-character, -per-byte, -per-token, -pmi: of the answers' log-likelihoods before ω, whatever ω is.",
            );
        }
    }
}

/// Six decimals, which is more than any number of items can bear.
fn rounded(value: f64) -> Entry {
    Entry::Number((value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::ListFormat;
    use crate::report::canned::realistic;

    #[test]
    fn every_finished_trial_has_a_row_that_agrees_with_its_record() {
        let results = realistic();
        let listing = trials(&results, &[Metric::Accuracy]);
        let finished: Vec<&Record> = sorted(&results);
        assert_eq!(listing.rows.len(), finished.len());
        for (row, record) in listing.rows.iter().zip(finished) {
            let Status::Ok { outcome } = &record.status else { panic!("only finished trials have a row") };
            let Entry::Number(accuracy) = row[5] else { panic!("{:?}", row[5]) };
            assert!((accuracy - outcome.test.value()).abs() < 1e-6, "{}", record.method);
        }
    }

    #[test]
    fn what_cannot_be_scored_is_said() {
        let listing = cells(&realistic(), &[Metric::Accuracy, Metric::Nll]);
        insta::assert_snapshot!(listing.render(ListFormat::Terminal, Some(120)));
    }
}
