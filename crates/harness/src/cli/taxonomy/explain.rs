//! `reprogram taxonomy explain`: one point or one paper, in full.

use std::collections::BTreeSet;

use reprogram_taxonomy::{Paper, Point, Reading, Verdict};

use super::count_papers;
use crate::cli::failure::Failure;
use crate::listing::Listing;
use crate::suggest;

const RUN: &str = "A sweep file takes any legal point: a `[[method.manipulation]]` table with its modality, format, location and operator, and the method's alignment.";

/// Rows of a heading and what there is to say under it.
pub(super) fn listing(text: &str) -> Result<Listing, Failure> {
    match point_of(text) {
        Some(point) => Ok(explain_point(point)),
        None => paper_of(text).map(explain_paper),
    }
}

/// A point as written, or its words in any of the ways that tables separate them.
fn point_of(text: &str) -> Option<Point> {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || "/·→,".contains(c)).filter(|word| !word.is_empty()).collect();
    words.join("/").to_lowercase().parse().ok()
}

/// By name, arXiv number or title, then by the beginning of a name or a part of a title, if only one paper has it.
fn paper_of(text: &str) -> Result<&'static Paper, Failure> {
    let wanted = text.trim().to_lowercase();
    let exact = |paper: &&Paper| paper.id == wanted || paper.arxiv == wanted || paper.title.to_lowercase() == wanted;
    if let Some(paper) = Paper::all().iter().find(exact) {
        return Ok(paper);
    }
    let slug = wanted.replace(' ', "-");
    let by_name: Vec<&Paper> = Paper::all().iter().filter(|paper| !wanted.is_empty() && paper.id.starts_with(&slug)).collect();
    let by_title: Vec<&Paper> =
        Paper::all().iter().filter(|paper| !wanted.is_empty() && paper.title.to_lowercase().contains(&wanted)).collect();
    match (by_name.as_slice(), by_title.as_slice()) {
        ([paper], _) | ([], [paper]) => Ok(paper),
        ([], []) => Err(unknown(text)),
        ([], several) | (several, _) => {
            let names: Vec<&str> = several.iter().map(|paper| paper.id.as_str()).collect();
            Err(Failure::BadInput(format!("`{text}` fits {}: {}\n  help: write more of it", count_papers(names.len()), names.join(", "))))
        }
    }
}

fn unknown(text: &str) -> Failure {
    let points: Vec<String> = Point::all().map(|point| point.to_string()).collect();
    let names = Paper::all().iter().map(|paper| paper.id.as_str()).chain(points.iter().map(String::as_str));
    let written = if text.contains('/') { text.to_owned() } else { text.trim().replace(' ', "-") };
    let help = match suggest::nearest(&written, names).as_slice() {
        [] => "write a point like `learnable/input/additive/statistical`, or a paper's name from `reprogram taxonomy papers`".to_owned(),
        near => format!("did you mean {}?", suggest::or_list(near)),
    };
    Failure::BadInput(format!("`{text}` is neither a point of the grid nor a paper of the list\n  help: {help}"))
}

fn explain_point(point: Point) -> Listing {
    let Point { format, location, operator, alignment } = point;
    let mut listing = Listing::new(format!("The point {point}"), &["explanation"]);
    let mut say = |heading: &str, explanation: String| listing.push(vec![heading.into(), explanation.into()]);
    say("λ format", format!("{format}: {}", format.meaning()));
    say("ℓ location", format!("{location}: {}", location.meaning()));
    say("τ operator", format!("{operator}: {}", operator.meaning()));
    say("ω alignment", format!("{alignment}: {}", alignment.meaning()));
    say("paradigm", point.paradigm().to_string());
    match point.verdict() {
        Verdict::Contradictory { reason } => say("verdict", format!("contradictory: {reason}")),
        Verdict::Legal { needs } => {
            say("verdict", "legal, where its needs are met".to_owned());
            for need in needs {
                say("need", format!("{need}: {}", need.meaning()));
            }
        }
    }
    for &reading in Reading::ALL {
        let names: Vec<&str> = point.papers(reading).map(|paper| paper.id.as_str()).collect();
        let status = point.status(reading);
        say(
            reading.as_str(),
            if names.is_empty() { status.to_string() } else { format!("{status} by {}: {}", count_papers(names.len()), names.join(", ")) },
        );
    }
    for (paper, reason) in disputes(point) {
        say("dispute", format!("{}: {reason}", paper.id));
    }
    say(
        "run",
        match point.verdict() {
            Verdict::Contradictory { .. } => "A sweep file with this point is refused when it is read.".to_owned(),
            Verdict::Legal { .. } => RUN.to_owned(),
        },
    );
    listing
}

/// Disputed papers that are at the point in either reading, in the catalogue's order.
fn disputes(point: Point) -> impl Iterator<Item = (&'static Paper, &'static str)> {
    let papers = Paper::all().iter().filter(move |paper| Reading::ALL.iter().any(|&reading| paper.covers(point, reading)));
    papers.filter_map(|paper| Some((paper, paper.dispute.as_deref()?)))
}

fn explain_paper(paper: &Paper) -> Listing {
    let mut listing = Listing::new(paper.title.clone(), &["explanation"]);
    let mut say = |heading: &str, explanation: String| listing.push(vec![heading.into(), explanation.into()]);
    let modalities: Vec<&str> = paper.modalities.iter().map(|modality| modality.as_str()).collect();
    say("paper", format!("{}, {} {}, {}", paper.id, paper.venue, paper.year, paper.url()));
    if let Some(code) = &paper.code {
        say("code", code.clone());
    }
    say("modality", modalities.join(", "));
    say(
        "backbone",
        if paper.frozen { "frozen" } else { "trained: outside the formula, so no point is covered in the corrected reading" }.to_owned(),
    );
    for &reading in Reading::ALL {
        for row in paper.coordinates(reading) {
            let paradigms: Vec<&str> = row.paradigms.iter().map(|paradigm| paradigm.as_str()).collect();
            say(reading.as_str(), format!("{row} ({})", paradigms.join(", ")));
        }
    }
    let points: BTreeSet<Point> = paper.points(Reading::Corrected);
    for point in &points {
        let others = point.papers(Reading::Corrected).count() - 1;
        say("point", format!("{point}, shared with {}", count_papers(others)));
    }
    if let Some(reason) = &paper.dispute {
        say("dispute", reason.clone());
    }
    if let Some(note) = &paper.note {
        say("note", note.clone());
    }
    if !points.is_empty() {
        say("run", RUN.to_owned());
    }
    listing
}
