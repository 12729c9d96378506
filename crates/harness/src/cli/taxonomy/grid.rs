//! `reprogram taxonomy grid`: every point, its verdict, and what the catalogue of papers covers.

use reprogram_taxonomy::{Alignment, Format, Location, Operator, Point, Reading, Status, Verdict};

use super::coverage_sentence;
use crate::listing::{Entry, Listing};

/// For the eye: ω across, the other axes down, the number of papers at each point.
pub(super) fn matrix(readings: &[Reading]) -> Listing {
    let alignments: Vec<&str> = Alignment::ALL.iter().map(|alignment| alignment.as_str()).collect();
    let counted = readings.iter().map(|reading| reading.as_str()).collect::<Vec<_>>().join(" → ");
    let mut listing = Listing::new(format!("λ/ℓ/τ down, ω across: papers at each point ({counted})"), &alignments);
    for &format in Format::ALL {
        for &location in Location::ALL {
            for &operator in Operator::ALL {
                let name = format!("{format}/{location}/{operator}");
                let points = Alignment::ALL.iter().map(|&alignment| Point { format, location, operator, alignment });
                listing.push(std::iter::once(name.into()).chain(points.map(|point| mark(point, readings).into())).collect());
            }
        }
    }
    listing.note("· unexplored: legal, but no paper of the list is there    ✗ contradictory: a fixed format cannot have a trained map");
    notes(&mut listing, readings);
    listing.note("`--long` gives one row a point with its needs; `reprogram taxonomy explain POINT` tells more.");
    listing
}

/// For data: one row a point.
pub(super) fn by_point(readings: &[Reading]) -> Listing {
    let mut columns = vec!["paradigm".to_owned(), "verdict".to_owned(), "reason".to_owned(), "needs".to_owned()];
    for reading in readings {
        columns.extend([reading.to_string(), format!("{reading}_papers"), format!("{reading}_names")]);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut listing = Listing::new("The grid λ/ℓ/τ/ω", &columns);
    for point in Point::all() {
        let verdict = point.verdict();
        let reason = match &verdict {
            Verdict::Contradictory { reason } => Entry::from(reason.to_string()),
            Verdict::Legal { .. } => Entry::None,
        };
        let needs: Vec<String> = verdict.needs().iter().map(ToString::to_string).collect();
        let mut row = vec![point.to_string().into(), point.paradigm().as_str().into(), verdict.to_string().into(), reason, needs.into()];
        for &reading in readings {
            let names: Vec<String> = point.papers(reading).map(|paper| paper.id.clone()).collect();
            row.extend([point.status(reading).to_string().into(), names.len().into(), names.into()]);
        }
        listing.push(row);
    }
    notes(&mut listing, readings);
    listing
}

fn mark(point: Point, readings: &[Reading]) -> String {
    let marks: Vec<String> = readings
        .iter()
        .map(|&reading| match point.status(reading) {
            Status::Contradictory => "✗".to_owned(),
            Status::Unexplored => "·".to_owned(),
            Status::Covered { n_papers } => n_papers.to_string(),
        })
        .collect();
    match marks.split_first() {
        Some((first, rest)) if matches!(first.as_str(), "✗" | "·") && rest.iter().all(|mark| mark == first) => first.clone(),
        Some(_) | None => marks.join(" → "),
    }
}

fn notes(listing: &mut Listing, readings: &[Reading]) {
    for &reading in readings {
        listing.note(coverage_sentence(reading));
    }
    listing.note(
        "Where a paper has several values on an axis, every combination counts, so coverage is an upper bound. Unexplored means that no paper of this list is there, not that none was ever written.",
    );
}
