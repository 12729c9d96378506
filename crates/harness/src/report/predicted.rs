//! What trials were predicted to take, held against what they took.
//!
//! An error is a factor, `exp |ln(real / predicted)|`: half and twice as much are both off by ×2.

use std::collections::BTreeSet;

use super::number::{count, mebibytes, seconds};
use super::results::Results;
use crate::costs::{PartCosts, Parts};
use crate::listing::Listing;
use crate::predicted::Predicted;
use crate::record::{Record, Status};

/// What is compared.
struct Quantity {
    name: &'static str,
    /// Of a trial; nothing where it was not counted, or is too little to be told from nothing.
    of: fn(&Parts) -> Option<f64>,
    /// Of all trials together.
    sum: fn(&PartCosts) -> String,
}

const QUANTITIES: &[Quantity] = &[
    Quantity { name: "tokens", of: |parts| some(parts.total().tokens as f64), sum: |sum| count(sum.tokens as usize) },
    Quantity {
        name: "operations",
        of: |parts| some(parts.total().flops() as f64),
        sum: |sum| format!("{:.2} TFLOP", sum.flops() as f64 / 1e12),
    },
    Quantity { name: "seconds", of: |parts| some(parts.total().seconds), sum: |sum| seconds(sum.seconds) },
    Quantity {
        name: "memory",
        of: |parts| some(parts.total().peak_bytes as f64),
        sum: |sum| format!("{} MiB at most", mebibytes(sum.peak_bytes)),
    },
];

fn some(value: f64) -> Option<f64> {
    (value > 0.0).then_some(value)
}

/// A row a quantity that was both predicted and counted; nothing where none was.
pub fn against_real(results: &Results, predicted: &Predicted) -> Option<Listing> {
    let mut seen = BTreeSet::new();
    let pairs: Vec<(&Record, &Parts, &Parts)> = results
        .records
        .iter()
        .filter(|record| seen.insert(&record.key))
        .filter_map(|record| match &record.status {
            Status::Ok { outcome } => Some((record, predicted.trials.get(&record.key)?, outcome.costs.parts.as_ref()?)),
            Status::Failed { .. } => None,
        })
        .collect();
    let columns = ["trials", "predicted", "real", "median error", "worst error", "worst trial"];
    let mut listing = Listing::new(format!("Predicted against real, {}", results.sweep), &columns);
    for quantity in QUANTITIES {
        let both: Vec<_> = pairs
            .iter()
            .filter_map(|(record, predicted, real)| {
                let error = ((quantity.of)(real)? / (quantity.of)(predicted)?).ln().abs();
                Some((error, *record, predicted.total(), real.total()))
            })
            .collect();
        let mut errors: Vec<f64> = both.iter().map(|(error, ..)| *error).collect();
        errors.sort_by(f64::total_cmp);
        let Some((worst, record, ..)) = both.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        let sum = |of: fn(&(f64, &Record, PartCosts, PartCosts)) -> PartCosts| {
            (quantity.sum)(&both.iter().map(of).fold(PartCosts::default(), PartCosts::and))
        };
        listing.push(vec![
            quantity.name.into(),
            both.len().into(),
            sum(|(_, _, predicted, _)| *predicted).into(),
            sum(|(_, _, _, real)| *real).into(),
            factor(median(&errors)).into(),
            factor(*worst).into(),
            format!("{} · {} · {} · seed {}", record.method, record.backbone, record.dataset, record.seed).into(),
        ]);
    }
    (!listing.rows.is_empty()).then(|| {
        listing
            .note("error: the larger of predicted and real over the smaller, trial by trial; seconds are those of a trial that runs alone");
        listing
    })
}

/// Of sorted values, at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn factor(error: f64) -> String {
    format!("×{:.2}", error.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::ListFormat;
    use crate::report::canned::realistic;

    fn parts(seconds: f64, flops: u64) -> Parts {
        Parts { test: PartCosts { items: 10, seconds, forward_flops: flops, ..PartCosts::default() }, ..Parts::default() }
    }

    #[test]
    fn errors_are_factors_in_both_directions() {
        let mut results = realistic();
        results.records.retain(|record| matches!(record.status, Status::Ok { .. }));
        results.records.truncate(3);
        let mut predicted = Predicted::default();
        for (record, [foreseen, real]) in results.records.iter_mut().zip([[2.0, 4.0], [5.0, 5.5], [9.0, 3.0]]) {
            let Status::Ok { outcome } = &mut record.status else { unreachable!("others were left out") };
            outcome.costs.parts = Some(parts(real, 3_000_000_000_000));
            predicted.trials.insert(record.key.clone(), parts(foreseen, 3_000_000_000_000));
        }
        let text = against_real(&results, &predicted).unwrap().render(ListFormat::Md, None);
        for expected in ["| operations", "9.00 TFLOP", "×1.00", "| seconds", "16.0", "12.5", "×2.00", "×3.00"] {
            assert!(text.contains(expected), "{expected} is missing:\n{text}");
        }
    }

    #[test]
    fn records_from_before_are_no_errors() {
        assert!(against_real(&realistic(), &Predicted::default()).is_none());
    }
}
