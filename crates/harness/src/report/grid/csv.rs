//! `table-grid.csv`: one row a point and group.

use super::{Found, Grid, Line, Square, Standing};
use crate::report::table::{csv_line as line, csv_text as text};

const HEADER: &[&str] = &[
    "sweep",
    "backbone",
    "dataset",
    "format",
    "location",
    "operator",
    "alignment",
    "standing",
    "papers",
    "state",
    "method",
    "methods",
    "seeds",
    "test_accuracy",
    "test_accuracy_half_width",
    "gain",
    "notes",
];

/// An empty field is a number or a word that does not exist.
pub fn csv(sweep: &str, grids: &[Grid]) -> String {
    let mut table = line(HEADER.iter().map(|name| (*name).to_owned()));
    for grid in grids {
        for place in &grid.lines {
            for square in &place.squares {
                table.push_str(&line(fields(sweep, grid, place, square)));
            }
        }
    }
    table
}

fn fields(sweep: &str, grid: &Grid, place: &Line, square: &Square) -> Vec<String> {
    let at = place.place;
    let (standing, papers) = match &square.standing {
        Standing::Alone => ("", String::new()),
        Standing::Contradictory => ("contradictory", String::new()),
        Standing::Unexplored => ("unexplored", String::new()),
        Standing::Published(papers) => ("published", papers.join("; ")),
    };
    let note = |note: &usize| grid.notes[note - 1].clone();
    let (state, notes) = match &square.found {
        Found::Measured { .. } => ("measured", String::new()),
        Found::Impossible(index) => ("impossible", note(index)),
        Found::Unfinished(indices) => ("unfinished", indices.iter().map(note).collect::<Vec<_>>().join("; ")),
        Found::Unasked => ("unasked", String::new()),
    };
    let measured = match &square.found {
        Found::Measured { accuracy, gain, method, n_methods } => Some((accuracy, gain, method, n_methods)),
        Found::Impossible(_) | Found::Unfinished(_) | Found::Unasked => None,
    };
    vec![
        sweep.to_owned(),
        grid.backbone.clone(),
        grid.dataset.clone(),
        text(at.map(|at| at.format)),
        text(at.map(|at| at.location)),
        text(at.map(|at| at.operator)),
        square.alignment.to_string(),
        standing.to_owned(),
        papers,
        state.to_owned(),
        text(measured.map(|(_, _, method, _)| method)),
        text(measured.map(|(_, _, _, n)| n)),
        text(measured.map(|(accuracy, ..)| accuracy.n)),
        text(measured.map(|(accuracy, ..)| accuracy.mean)),
        text(measured.and_then(|(accuracy, ..)| accuracy.half_width)),
        text(measured.and_then(|(_, gain, ..)| *gain)),
        notes,
    ]
}
