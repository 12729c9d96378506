//! Do our methods stand in the order that a paper reports? Pair by pair, and by rank correlation.

use super::claims::{Claim, Claims, ReportedRow};
use super::reported::Measured;
use crate::listing::{Entry, Listing};
use crate::report::{ALPHA, Results, differences};
use crate::stats::{RankCorrelation, bca_interval, holm, mean, sign_flip_p};

/// A pair of reported numbers, the lower one first, in one setting.
struct Gap<'a> {
    claim: &'a Claim,
    setting: &'a (String, String),
    low: &'a ReportedRow,
    high: &'a ReportedRow,
    /// Of the measured gap, over items; or why there is none.
    measured: Result<Tested, String>,
}

struct Tested {
    gap: f64,
    interval: Option<(f64, f64)>,
    p: f64,
    holm_p: f64,
}

/// One row a pair and setting.
pub fn gaps(claims: &Claims, measured: &Measured) -> Listing {
    let columns = ["claim", "measured on", "reported gap", "measured gap", "low", "high", "Holm p", "verdict"];
    let mut listing = Listing::new("Reported and measured gaps, in points of accuracy", &columns);
    let all = tested(claims, measured);
    let points = |value: f64| Entry::Number((value * 1e4).round() / 1e2);
    for gap in &all {
        let mut row: Vec<Entry> = vec![
            format!("{} over {}", gap.high.method, gap.low.method).into(),
            gap.claim.name.as_str().into(),
            format!("{} / {}", gap.setting.0, gap.setting.1).into(),
            points((gap.high.value - gap.low.value) / 100.0),
        ];
        match &gap.measured {
            Ok(tested) => {
                row.push(points(tested.gap));
                row.extend(
                    [tested.interval.map(|ends| ends.0), tested.interval.map(|ends| ends.1)].map(|end| end.map_or(Entry::None, points)),
                );
                row.extend([Entry::Number((tested.holm_p * 1e4).round() / 1e4), verdict(tested).into()]);
            }
            Err(reason) => {
                row.extend([Entry::None, Entry::None, Entry::None, Entry::None, format!("not measured: {reason}").into()]);
            }
        }
        listing.push(row);
    }
    let count = |wanted: &str| all.iter().filter(|gap| gap.measured.as_ref().is_ok_and(|tested| verdict(tested) == wanted)).count();
    listing.note(format!(
        "{} pairs: {} agree, {} contradict, {} do not show, {} not measured.",
        all.len(),
        count(AGREES),
        count(CONTRADICTS),
        count(NOT_SHOWN),
        all.iter().filter(|gap| gap.measured.is_err()).count()
    ));
    listing.note(format!(
        "Positive: the method that the paper has ahead is ahead. low, high: 95 % BCa interval over test items; Holm p: sign-flip test over items, adjusted \
         over all measured pairs; agrees, contradicts: below {ALPHA} with that sign. Tests are over items with the trained programs as they are."
    ));
    for claim in &claims.claims {
        listing.note(format!("{}: {} ({}). Differences: {}.", claim.name, claim.says, claim.paper, claim.differences.join("; ")));
    }
    listing
}

/// One row a claim and setting.
pub fn orders(claims: &Claims, measured: &Measured) -> Listing {
    let columns = ["measured on", "methods", "reported order", "measured order", "Spearman ρ", "p", "Kendall τ", "p of τ"];
    let mut listing = Listing::new("Reported and measured orders", &columns);
    for claim in &claims.claims {
        for setting in &claim.settings {
            let found: Vec<(&ReportedRow, f64)> =
                claim.rows.iter().filter_map(|row| Some((row, accuracy(measured, claim, setting, &row.method)?))).collect();
            let order = |value: &dyn Fn(&(&ReportedRow, f64)) -> f64| {
                let mut sorted: Vec<&(&ReportedRow, f64)> = found.iter().collect();
                sorted.sort_by(|a, b| value(b).total_cmp(&value(a)));
                sorted.iter().map(|(row, _)| row.method.as_str()).collect::<Vec<_>>().join(" > ")
            };
            let correlation = RankCorrelation::of(&found.iter().map(|(row, accuracy)| (row.value, *accuracy)).collect::<Vec<_>>());
            let rounded = |value: f64| (value * 1e3).round() / 1e3;
            listing.push(vec![
                claim.name.as_str().into(),
                format!("{} / {}", setting.0, setting.1).into(),
                found.len().into(),
                order(&|(row, _)| row.value).into(),
                order(&|(_, accuracy)| *accuracy).into(),
                correlation.map(|c| rounded(c.rho)).into(),
                correlation.and_then(|c| c.rho_p).map(rounded).into(),
                correlation.map(|c| rounded(c.tau)).into(),
                correlation.and_then(|c| c.tau_p).map(rounded).into(),
            ]);
        }
    }
    listing.note(
        "p: share of all orders that correlate as much, two-sided. Three methods never give less than .333, four never less than .083: so short \
         an order is shown by its gaps, not by its correlation.",
    );
    listing
}

const AGREES: &str = "agrees";
const CONTRADICTS: &str = "contradicts";
const NOT_SHOWN: &str = "not shown";

fn verdict(tested: &Tested) -> &'static str {
    if tested.holm_p >= ALPHA {
        NOT_SHOWN
    } else if tested.gap > 0.0 {
        AGREES
    } else {
        CONTRADICTS
    }
}

/// Every pair whose reported numbers differ, in every setting, corrected together.
fn tested<'a>(claims: &'a Claims, measured: &Measured) -> Vec<Gap<'a>> {
    let mut gaps = Vec::new();
    for claim in &claims.claims {
        for setting in &claim.settings {
            for (index, one) in claim.rows.iter().enumerate() {
                for other in claim.rows[..index].iter().filter(|other| (other.value - one.value).abs() > 1e-9) {
                    let (low, high) = if one.value < other.value { (one, other) } else { (other, one) };
                    let measured = results(measured, claim).and_then(|results| test(results, setting, &low.method, &high.method));
                    gaps.push(Gap { claim, setting, low, high, measured });
                }
            }
        }
    }
    let mut found: Vec<&mut Tested> = gaps.iter_mut().filter_map(|gap| gap.measured.as_mut().ok()).collect();
    let adjusted = holm(&found.iter().map(|tested| tested.p).collect::<Vec<_>>());
    for (tested, holm_p) in found.iter_mut().zip(adjusted) {
        tested.holm_p = holm_p;
    }
    gaps
}

fn results<'a>(measured: &'a Measured, claim: &Claim) -> Result<&'a Results, String> {
    match measured.get(&claim.sweep) {
        Some(Ok(results)) => Ok(results),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("no results of {}", claim.sweep)),
    }
}

fn test(results: &Results, (backbone, dataset): &(String, String), low: &str, high: &str) -> Result<Tested, String> {
    let differences = differences(results, (backbone, dataset), low, high).map_err(|reason| reason.to_string())?;
    let p = sign_flip_p(&differences);
    let gap = mean(&differences).expect("a pairing has at least one item");
    Ok(Tested { gap, interval: bca_interval(&differences), p, holm_p: p })
}

fn accuracy(measured: &Measured, claim: &Claim, setting: &(String, String), method: &str) -> Option<f64> {
    super::reported::accuracy(results(measured, claim).ok()?, setting, method).map(|interval| interval.mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::ListFormat;
    use crate::reproduce::reported::tests::canned;

    #[test]
    fn agreement_contradiction_and_absence_are_told_apart() {
        let (claims, measured) = canned();
        insta::assert_snapshot!(gaps(&claims, &measured).render(ListFormat::Csv, None));
    }

    #[test]
    fn short_orders_have_large_p() {
        let (claims, measured) = canned();
        insta::assert_snapshot!(orders(&claims, &measured).render(ListFormat::Csv, None));
    }
}
