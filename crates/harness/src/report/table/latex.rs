//! `table.tex`: booktabs tables to `\input` into a paper, one a group.
//!
//! Bold is every accuracy that is the best of its group or not shown to differ from it: the mark of a tie, not of a winner.

use reprogram_taxonomy::Paradigm;

use super::columns::{Align, COMPARISON_COLUMNS, Column, columns_by};
use super::float::{Floats, NEEDS, notes, words};
use crate::report::checks::checks;
use crate::report::comparison::Comparison;
use crate::report::results::Results;
use crate::report::summary::{Group, Mark, Row, Summary};
use crate::report::terms::{protocol, subtitle, title};

/// The summary, and the comparisons if there are any.
pub fn latex(results: &Results, summary: &Summary) -> String {
    let mut parts = vec![NEEDS.to_owned()];
    parts.extend(summary.groups.iter().map(|group| of_group(results, group)));
    if !summary.comparisons.is_empty() {
        parts.push(comparisons(results, summary));
    }
    let checked = summary.groups.iter().flat_map(|group| {
        let title = title(group);
        checks(results, summary, group).into_iter().map(move |line| format!("{title}: {line}"))
    });
    let numbered = summary.footnotes.iter().enumerate().map(|(index, note)| format!("({}) {note}", index + 1));
    let lines: Vec<String> = numbered.chain(protocol(results, summary)).chain(checked).map(|note| escape(&note)).collect();
    parts.push(notes(&lines));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn of_group(results: &Results, group: &Group) -> String {
    let columns: Vec<&Column<Row>> = columns_by(group.measure()).iter().filter(|column| column.in_paper).collect();
    let caption = format!(
        "\\emph{{{}}}, {}; sweep \\texttt{{{}}}. Bold: the best mean, or not shown to differ from it. MR model reprogramming, PT prompt tuning, PI \
         prompt instruction.",
        escape(&title(group)),
        escape(&subtitle(group)),
        escape(&results.sweep)
    );
    let rows = group.rows.iter().map(|row| columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" & ")).collect();
    let header = header(&columns);
    Floats { caption: &caption, columns: &aligned(&columns), header: &header, blocks: &[(String::new(), rows)] }.latex()
}

fn comparisons(results: &Results, summary: &Summary) -> String {
    // The group is the heading of its rows.
    let columns: Vec<&Column<Comparison>> = COMPARISON_COLUMNS[1..].iter().filter(|column| column.in_paper).collect();
    let caption = format!("Paired comparisons of sweep \\texttt{{{}}} over test items.", escape(&results.sweep));
    let row = |comparison: &Comparison| {
        let cells = columns.iter().map(|column| {
            let text = (column.text)(comparison);
            words(&escape(&text), text.chars().count())
        });
        cells.collect::<Vec<_>>().join(" & ")
    };
    let block = |group: &Group| {
        let here = summary
            .comparisons
            .iter()
            .filter(|comparison| (&comparison.backbone, &comparison.dataset) == (&group.backbone, &group.dataset));
        let rows: Vec<String> = here.map(row).collect();
        (!rows.is_empty()).then(|| (format!("\\emph{{{}}}", escape(&title(group))), rows))
    };
    let blocks: Vec<_> = summary.groups.iter().filter_map(block).collect();
    Floats { caption: &caption, columns: &aligned(&columns), header: &header(&columns), blocks: &blocks }.latex()
}

fn aligned<R>(columns: &[&Column<R>]) -> Vec<Align> {
    columns.iter().map(|column| column.align).collect()
}

fn header<R>(columns: &[&Column<R>]) -> String {
    columns.iter().map(|column| escape(column.header)).collect::<Vec<_>>().join(" & ")
}

fn cell(column: &Column<Row>, row: &Row) -> String {
    if column.header == "paradigm" {
        return row.paradigm.map_or("--", abbreviated).to_owned();
    }
    let text = (column.text)(row);
    let set = words(&escape(&text), text.chars().count());
    let bold = match row.mark {
        Mark::Best | Mark::Tied { .. } => column.header == "accuracy %" || column.header == "MSE",
        Mark::None | Mark::Behind { .. } | Mark::Untested => false,
    };
    if bold { format!("\\textbf{{\\boldmath {set}}}") } else { set }
}

const fn abbreviated(paradigm: Paradigm) -> &'static str {
    match paradigm {
        Paradigm::ModelReprogramming => "MR",
        Paradigm::PromptTuning => "PT",
        Paradigm::PromptInstruction => "PI",
        Paradigm::Baseline => "baseline",
    }
}

/// Text that `pdflatex` sets as it is. Letters of scripts beyond the ones a report writes itself need another engine.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' | '>' | '|' => escaped.extend(['$', character, '$']),
            '`' => escaped.push('\''),
            '−' => escaped.push_str("$-$"),
            '±' => escaped.push_str("$\\pm$"),
            '≈' => escaped.push_str("$\\approx$"),
            '≥' => escaped.push_str("$\\ge$"),
            '≤' => escaped.push_str("$\\le$"),
            '≠' => escaped.push_str("$\\ne$"),
            '×' | '✗' => escaped.push_str("$\\times$"),
            '·' => escaped.push_str("$\\cdot$"),
            '→' => escaped.push_str("$\\rightarrow$"),
            'λ' => escaped.push_str("$\\lambda$"),
            'τ' => escaped.push_str("$\\tau$"),
            'ω' => escaped.push_str("$\\omega$"),
            'ℓ' => escaped.push_str("$\\ell$"),
            'Δ' => escaped.push_str("$\\Delta$"),
            '…' => escaped.push_str("\\dots{}"),
            '–' => escaped.push_str("--"),
            '“' => escaped.push_str("``"),
            '”' => escaped.push_str("''"),
            other => escaped.push(other),
        }
    }
    escaped
}
