//! The survey's qualitative table: every paper of its list on the four axes.
//!
//! # Reference
//! The list that accompanies arXiv 2506.04650; corrections and their reasons are in the taxonomy's `papers.toml`.

use std::collections::{BTreeMap, BTreeSet};

use reprogram_methods::catalog::CATALOG;
use reprogram_taxonomy::{Coordinates, Paper, Point, Reading};

use crate::listing::{Entry, Listing};

/// One row a row of the list, in a reading of its coordinates.
pub fn survey(reading: Reading) -> Listing {
    let columns =
        ["year", "paradigm", "modality", "format", "location", "operator", "alignment", "disputed", "catalogued methods at its points"];
    let methods = methods_by_paper(reading);
    let title = match reading {
        Reading::Published => "The survey's table, coordinates as published",
        Reading::Corrected => "The survey's table, coordinates as corrected",
    };
    let mut listing = Listing::new(title, &columns);
    for paper in Paper::all() {
        for row in paper.coordinates(reading) {
            let Coordinates { paradigms, formats, locations, operators, alignments } = row;
            listing.push(vec![
                paper.id.as_str().into(),
                usize::from(paper.year).into(),
                words(&paradigms),
                words(&paper.modalities),
                words(&formats),
                words(&locations),
                words(&operators),
                words(&alignments),
                paper.is_disputed().into(),
                methods.get(paper.id.as_str()).into_iter().flatten().map(|name| (*name).to_owned()).collect::<Vec<_>>().into(),
            ]);
        }
    }
    let reached = Paper::all().iter().filter(|paper| methods.contains_key(paper.id.as_str())).count();
    listing.note(format!("{} papers, {} rows; {} disputed.", Paper::all().len(), listing.rows.len(), disputed()));
    listing.note(format!(
        "At the points of {reached} of them stands a method of the catalogue. That a method stands at a paper's point does not make it that \
         paper's method: `reprogram methods show NAME` says whose it is."
    ));
    listing
}

fn disputed() -> usize {
    Paper::all().iter().filter(|paper| paper.is_disputed()).count()
}

/// Catalogued methods by the papers whose points they stand at.
fn methods_by_paper(reading: Reading) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found = BTreeMap::<&str, BTreeSet<&str>>::new();
    for entry in CATALOG {
        let signature = (entry.method)().signature();
        for site in &signature.sites {
            let point =
                Point { format: site.format(), location: site.location(), operator: site.operator(), alignment: signature.alignment };
            for paper in point.papers(reading) {
                found.entry(paper.id.as_str()).or_default().insert(entry.name);
            }
        }
    }
    found
}

fn words<T: ToString>(values: &[T]) -> Entry {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_70_rows_on_69_papers() {
        assert_eq!(survey(Reading::Published).rows.len(), 70);
        assert_eq!(survey(Reading::Corrected).rows.len(), 69);
    }

    #[test]
    fn a_paper_whose_method_is_catalogued_is_reached() {
        let found = methods_by_paper(Reading::Corrected);
        let all: BTreeSet<&str> = found.values().flatten().copied().collect();
        assert!(["vp-ilm", "coop", "prompt-tuning"].iter().all(|name| all.contains(name)), "{all:?}");
    }
}
