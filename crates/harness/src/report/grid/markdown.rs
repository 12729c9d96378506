//! `table-grid.md`.

use std::fmt::Write as _;

use reprogram_taxonomy::Alignment;

use super::{Grid, Line, Square, legend};
use crate::report::table::escape_markdown as escape;

/// One table a group, with its notes.
pub fn markdown(sweep: &str, grids: &[Grid]) -> String {
    let mut text = format!("# {}: the grid\n", escape(sweep));
    for grid in grids {
        let _ = write!(text, "\n## {}\n\n| λ · ℓ · τ |", escape(&grid.title));
        let across: Vec<&str> = Alignment::ALL.iter().map(|alignment| alignment.as_str()).collect();
        let _ = writeln!(text, " {} |\n| :-- |{}", across.join(" | "), " :-- |".repeat(across.len()));
        for line in &grid.lines {
            text.push_str(&row(line));
        }
        if !grid.notes.is_empty() {
            text.push('\n');
        }
        for (index, note) in grid.notes.iter().enumerate() {
            let _ = writeln!(text, "- ({}) {}", index + 1, escape(note));
        }
    }
    text.push_str("\n## Signs\n\n");
    for line in legend(grids) {
        let _ = writeln!(text, "- {}", escape(&line));
    }
    text
}

fn row(line: &Line) -> String {
    let cells: Vec<String> = line.squares.iter().map(cell).collect();
    format!("| {} | {} |\n", escape(&line.name()), cells.join(" | "))
}

fn cell(square: &Square) -> String {
    [escape(&square.number()), escape(&square.papers())].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}
