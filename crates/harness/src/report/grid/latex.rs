//! `table-grid.tex`: one booktabs table a group. A ring is a point without a paper of the list, a dot one with some.

use reprogram_taxonomy::Alignment;

use super::{Found, Grid, Line, Square, Standing};
use crate::report::number::{percent_interval, points};
use crate::report::table::{Align, Floats, LATEX_NEEDS, escape_latex as escape, latex_notes};

/// The tables, to `\input` into a paper.
pub fn latex(sweep: &str, grids: &[Grid]) -> String {
    let tables = grids.iter().map(|grid| table(sweep, grid));
    std::iter::once(LATEX_NEEDS.to_owned()).chain(tables).collect::<Vec<_>>().join("\n")
}

fn table(sweep: &str, grid: &Grid) -> String {
    let across: Vec<&str> = Alignment::ALL.iter().map(|alignment| alignment.as_str()).collect();
    let caption = format!(
        "The grid of sweep \\texttt{{{}}} on {}: accuracy in percent, in brackets its difference from the same $\\omega$ alone. $\\bullet$ papers \
         of the survey's list are there, $\\circ$ unexplored, $\\times$ contradictory.",
        escape(sweep),
        escape(&grid.title)
    );
    let header = format!("$\\lambda \\cdot \\ell \\cdot \\tau$ & {}", across.join(" & "));
    let rows = grid.lines.iter().map(row).collect();
    let columns = vec![Align::Left; across.len() + 1];
    let notes: Vec<String> = grid.notes.iter().enumerate().map(|(i, note)| escape(&format!("({}) {note}", i + 1))).collect();
    let floats = Floats { caption: &caption, columns: &columns, header: &header, blocks: &[(String::new(), rows)] };
    floats.latex() + &latex_notes(&notes)
}

fn row(line: &Line) -> String {
    let cells: Vec<String> = line.squares.iter().map(cell).collect();
    format!("{} & {}", escape(&line.name()), cells.join(" & "))
}

fn cell(square: &Square) -> String {
    let sign = match &square.standing {
        Standing::Alone => "",
        Standing::Contradictory => "$\\times$",
        Standing::Unexplored => "$\\circ$",
        Standing::Published(_) => "$\\bullet$",
    };
    let number = match &square.found {
        Found::Measured { accuracy, gain, .. } => {
            let gain = gain.map(|gain| format!(" ({})", points(gain))).unwrap_or_default();
            format!("{}{gain}", percent_interval(accuracy))
        }
        Found::Impossible(note) if square.standing == Standing::Contradictory => format!("({note})"),
        Found::Impossible(note) => format!("– ({note})"),
        Found::Unfinished(_) => "unfinished".to_owned(),
        Found::Unasked => String::new(),
    };
    [escape(&number), sign.to_owned()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
