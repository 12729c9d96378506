//! Reported numbers beside measured ones, row by row.

use std::collections::BTreeMap;

use super::claims::{Claim, Claims, ReportedRow};
use crate::listing::{Entry, Listing};
use crate::record::{Record, Status};
use crate::report::Results;
use crate::stats::MeanInterval;

/// Results of sweeps by name, or why there are none.
pub type Measured = BTreeMap<String, Result<Results, String>>;

const COLUMNS: [&str; 12] = [
    "reported as",
    "reported on",
    "reported %",
    "± reported",
    "measured on",
    "measured %",
    "± measured",
    "seeds",
    "intervals",
    "claim",
    "differences in protocol",
    "source",
];

/// One row a reported number and a setting that it is measured in.
pub fn reported(claims: &Claims, measured: &Measured) -> Listing {
    let mut listing = Listing::new("Measured beside reported: test accuracy", &COLUMNS);
    for claim in &claims.claims {
        for setting in &claim.settings {
            for row in &claim.rows {
                listing.push(line(claim, setting, row, measured));
            }
        }
    }
    let n_measured = listing.rows.iter().filter(|row| row[6] != Entry::None).count();
    listing.note(format!(
        "{n_measured} of {} reported numbers stand beside a measured one. ± is half of a 95 % t interval over seeds; a paper that reports no deviation \
         has none. intervals: whether the two overlap, or the reported number lies in the measured interval.",
        listing.rows.len()
    ));
    listing.note(
        "Backbones and data differ in size by orders of magnitude: that two numbers agree or not says little. The orders and gaps are what can be \
         compared: `reprogram reproduce gaps`.",
    );
    for (sweep, results) in measured {
        if let Err(reason) = results {
            listing.note(format!("{sweep} was not measured: {reason}"));
        }
    }
    listing
}

fn line(claim: &Claim, setting: &(String, String), row: &ReportedRow, measured: &Measured) -> Vec<Entry> {
    let found =
        measured.get(&claim.sweep).and_then(|results| results.as_ref().ok()).and_then(|results| accuracy(results, setting, &row.method));
    let half = row.std.zip(claim.seeds).and_then(|(std, seeds)| MeanInterval::from_deviation(seeds, row.value, std).half_width);
    let percent = |share: f64| Entry::Number((share * 1e4).round() / 1e2);
    vec![
        row.method.as_str().into(),
        row.reported.as_str().into(),
        format!("{}, {}", claim.backbone, claim.dataset).into(),
        row.value.into(),
        half.map(|half| (half * 1e2).round() / 1e2).into(),
        format!("{} / {}", setting.0, setting.1).into(),
        found.map_or(Entry::None, |found| percent(found.mean)),
        found.and_then(|found| found.half_width).map_or(Entry::None, percent),
        found.map(|found| found.n).into(),
        found.map(|found| agreement(row.value, half, &found)).into(),
        claim.name.as_str().into(),
        [std::slice::from_ref(&format!("reported: {}", claim.selection)), &claim.differences].concat().into(),
        format!("{} ({})", claim.paper, claim.source).into(),
    ]
}

/// Whether two intervals have a number in common.
fn agreement(value: f64, half: Option<f64>, measured: &MeanInterval) -> &'static str {
    let Some((low, high)) = measured.ends().map(|(low, high)| (low * 100.0, high * 100.0)) else { return "none: one seed" };
    let reach = half.unwrap_or(0.0);
    match (value - reach <= high && low <= value + reach, half.is_some()) {
        (true, true) => "overlap",
        (true, false) => "reported number inside",
        (false, true) => "apart",
        (false, false) => "reported number outside",
    }
}

/// Mean accuracy of a method's finished trials, with its interval over seeds.
pub(super) fn accuracy(results: &Results, (backbone, dataset): &(String, String), method: &str) -> Option<MeanInterval> {
    let of = |record: &Record| match &record.status {
        Status::Ok { outcome } => outcome.test.accuracy,
        Status::Failed { .. } => None,
    };
    let mine =
        results.records.iter().filter(|record| record.method == method && record.backbone == *backbone && record.dataset == *dataset);
    let by_key: BTreeMap<&str, &Record> = mine.map(|record| (record.key.as_str(), record)).collect();
    MeanInterval::of(&by_key.into_values().filter_map(of).collect::<Vec<_>>())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::listing::ListFormat;
    use crate::report::canned::realistic;

    pub(in crate::reproduce) fn canned() -> (Claims, Measured) {
        let text = r#"
            unrun = []
            [[claim]]
            name = "mappings"
            says = "ILM is ahead of FLM, and FLM of RLM"
            paper = "A paper"
            source = "its text"
            backbone = "a large model"
            dataset = "another set"
            selection = "best on test"
            seeds = 3
            differences = ["size"]
            sweep = "first-look"
            settings = [["letters-vit", "digits"], ["letters-vit", "absent"]]
            rows = [
                { reported = "R", value = 33.4, std = 0.5, method = "RLM" },
                { reported = "F", value = 50.0, std = 0.8, method = "FLM" },
                { reported = "I", value = 46.9, method = "ILM" },
            ]
        "#;
        (Claims::parse(text).unwrap(), BTreeMap::from([("first-look".to_owned(), Ok(realistic()))]))
    }

    #[test]
    fn numbers_stand_side_by_side() {
        let (claims, measured) = canned();
        insta::assert_snapshot!(reported(&claims, &measured).render(ListFormat::Csv, None));
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let (claims, _) = canned();
        let measured = BTreeMap::from([("first-look".to_owned(), Err("there is no such folder".to_owned()))]);
        let listing = reported(&claims, &measured);
        assert!(listing.rows.iter().all(|row| row[6] == Entry::None));
        assert_eq!(listing.notes.last().unwrap(), "first-look was not measured: there is no such folder");
    }
}
