//! `reprogram taxonomy papers`: the survey's list, as published or corrected, filtered by any axis.

use std::collections::BTreeSet;

use reprogram_taxonomy::{Coordinates, Paper, Paradigm, Reading};

use super::{PapersArgs, coverage_sentence};
use crate::listing::{Entry, Listing};

/// The paradigms that a paper can be filed under.
pub(super) const PARADIGMS: &[Paradigm] = &[Paradigm::ModelReprogramming, Paradigm::PromptTuning, Paradigm::PromptInstruction];

/// For the eye: names and coordinates; with `--disputed` the reasons.
pub(super) fn summary(args: &PapersArgs) -> Listing {
    let columns: &[&str] = if args.disputed { &["coordinates", "dispute"] } else { &["year", "modality", "coordinates", "disputed"] };
    let mut listing = Listing::new(title(args), columns);
    for (paper, row) in selection(args) {
        let dispute = paper.dispute.as_deref();
        let coordinates = Entry::from(row.to_string());
        listing.push(if args.disputed {
            vec![paper.id.as_str().into(), coordinates, dispute.into()]
        } else {
            let disputed = if paper.is_disputed() { "yes" } else { "" };
            vec![paper.id.as_str().into(), usize::from(paper.year).into(), modalities(paper), coordinates, disputed.into()]
        });
    }
    notes(&mut listing, args);
    listing.note("`--long` gives every column; `reprogram taxonomy explain NAME` tells more of one paper.");
    listing
}

/// For data: everything. A paper that the list has twice has two rows in the published reading.
pub(super) fn full(args: &PapersArgs) -> Listing {
    let columns = [
        "title",
        "year",
        "venue",
        "arxiv",
        "code",
        "paradigm",
        "modality",
        "format",
        "location",
        "operator",
        "alignment",
        "frozen",
        "disputed",
        "dispute",
        "note",
    ];
    let mut listing = Listing::new(title(args), &columns);
    for (paper, row) in selection(args) {
        listing.push(vec![
            paper.id.as_str().into(),
            paper.title.as_str().into(),
            usize::from(paper.year).into(),
            paper.venue.as_str().into(),
            paper.arxiv.as_str().into(),
            paper.code.as_deref().into(),
            words(&row.paradigms),
            modalities(paper),
            words(&row.formats),
            words(&row.locations),
            words(&row.operators),
            words(&row.alignments),
            paper.frozen.into(),
            paper.is_disputed().into(),
            paper.dispute.as_deref().into(),
            paper.note.as_deref().into(),
        ]);
    }
    notes(&mut listing, args);
    listing
}

fn selection(args: &PapersArgs) -> impl Iterator<Item = (&'static Paper, Coordinates)> {
    let papers = Paper::all().iter().filter(|paper| {
        (!args.disputed || paper.is_disputed()) && args.modality.is_none_or(|modality| paper.modalities.contains(&modality))
    });
    let rows = papers.flat_map(|paper| paper.coordinates(args.reading).into_iter().map(move |row| (paper, row)));
    rows.filter(|(_, row)| {
        args.paradigm.is_none_or(|value| row.paradigms.contains(&value))
            && args.lambda.is_none_or(|value| row.formats.contains(&value))
            && args.location.is_none_or(|value| row.locations.contains(&value))
            && args.operator.is_none_or(|value| row.operators.contains(&value))
            && args.alignment.is_none_or(|value| row.alignments.contains(&value))
    })
}

fn title(args: &PapersArgs) -> String {
    let n_selected = selection(args).map(|(paper, _)| paper.id.as_str()).collect::<BTreeSet<_>>().len();
    let reading = match args.reading {
        Reading::Published => "coordinates as published",
        Reading::Corrected => "coordinates as corrected",
    };
    format!("{n_selected} of {} papers, {reading}", Paper::all().len())
}

fn notes(listing: &mut Listing, args: &PapersArgs) {
    listing.note(coverage_sentence(args.reading));
    let thawed: Vec<&str> = Paper::all().iter().filter(|paper| !paper.frozen).map(|paper| paper.id.as_str()).collect();
    listing.note(format!("Not frozen: {} train the backbone, and cover no point in the corrected reading.", thawed.join(", ")));
}

fn modalities(paper: &Paper) -> Entry {
    words(&paper.modalities)
}

fn words<T: ToString>(values: &[T]) -> Entry {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}
