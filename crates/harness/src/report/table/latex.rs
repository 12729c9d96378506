//! `table.tex`: booktabs tables to `\input` into a paper.
//!
//! Bold is every accuracy that is the best of its group or not shown to differ from it: the mark of a tie, not of a winner.

use super::columns::{Align, COLUMNS, COMPARISON_COLUMNS, Column};
use crate::report::results::Results;
use crate::report::summary::{Mark, Row, Summary};
use crate::report::terms::{protocol, subtitle, title};

/// The summary, and the comparisons if there are any.
pub fn latex(results: &Results, summary: &Summary) -> String {
    let columns: Vec<&Column<Row>> = COLUMNS.iter().filter(|column| column.in_paper).collect();
    let blocks = summary.groups.iter().map(|group| {
        let (title, subtitle) = (escape(&title(group)), escape(&subtitle(group)));
        let head = format!("\\multicolumn{{{}}}{{@{{}}l}}{{\\emph{{{title}}}\\quad {subtitle}}} \\\\\n", columns.len());
        let rows = group.rows.iter().map(|row| line(columns.iter().map(|column| cell(column, row))));
        std::iter::once(head).chain(rows).collect::<String>()
    });
    let body = blocks.collect::<Vec<_>>().join("\\addlinespace\n");
    let caption =
        format!("Sweep \\texttt{{{}}}. Bold: the best mean of its group, or not shown to differ from it.", escape(&results.sweep));
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n");
    text.push_str(&float(&caption, &columns, &body, &notes(results, summary)));
    if !summary.comparisons.is_empty() {
        let columns: Vec<&Column<_>> = COMPARISON_COLUMNS.iter().filter(|column| column.in_paper).collect();
        let rows = summary.comparisons.iter().map(|row| line(columns.iter().map(|column| escape(&(column.text)(row)))));
        let caption = format!("Paired comparisons of sweep \\texttt{{{}}} over test items.", escape(&results.sweep));
        text.push('\n');
        text.push_str(&float(&caption, &columns, &rows.collect::<String>(), ""));
    }
    text
}

fn float<R>(caption: &str, columns: &[&Column<R>], body: &str, notes: &str) -> String {
    let letters: String = columns
        .iter()
        .map(|column| match column.align {
            Align::Left => 'l',
            Align::Right => 'r',
        })
        .collect();
    let header = line(columns.iter().map(|column| escape(column.header)));
    format!(
        "\\begin{{table}}[tbp]\n\\centering\n\\small\n\\caption{{{caption}}}\n\\begin{{tabular}}{{@{{}}{letters}@{{}}}}\n\\toprule\n{header}\\midrule\n\
         {body}\\bottomrule\n\\end{{tabular}}\n{notes}\\end{{table}}\n"
    )
}

fn cell(column: &Column<Row>, row: &Row) -> String {
    let text = escape(&(column.text)(row));
    let bold = match row.mark {
        Mark::Best | Mark::Tied { .. } => column.header == "accuracy %",
        Mark::None | Mark::Behind { .. } | Mark::Untested => false,
    };
    if bold { format!("\\textbf{{\\boldmath {text}}}") } else { text }
}

fn notes(results: &Results, summary: &Summary) -> String {
    let numbered = summary.footnotes.iter().enumerate().map(|(index, note)| format!("({}) {note}", index + 1));
    let lines: Vec<String> = numbered.chain(protocol(results, summary)).map(|note| escape(&note)).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\\par\\medskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{}\n\\end{{minipage}}\n", lines.join("\\\\\n"))
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("{} \\\\\n", cells.collect::<Vec<_>>().join(" & "))
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
