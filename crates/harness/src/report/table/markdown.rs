//! `table.md`: GitHub-flavoured Markdown.

use super::columns::{Align, COMPARISON_COLUMNS, Column, columns_by};
use crate::report::checks::checks;
use crate::report::results::Results;
use crate::report::summary::Summary;
use crate::report::terms::{protocol, subtitle, title};

/// Summary, comparisons and footnotes.
pub fn markdown(results: &Results, summary: &Summary) -> String {
    let mut parts = vec![format!("# {}\n", escape(&results.sweep))];
    let paragraphs = results.about.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    parts.extend(paragraphs.map(|paragraph| format!("\n{}\n", escape(paragraph))));
    for group in &summary.groups {
        parts.push(format!("\n## {}\n\n", escape(&title(group))));
        let subtitle = subtitle(group);
        if !subtitle.is_empty() {
            parts.push(format!("{subtitle}\n\n"));
        }
        parts.extend(table(columns_by(group.measure()), &group.rows));
        parts.push("\n".to_owned());
        parts.extend(checks(results, summary, group).iter().map(|line| format!("- {}\n", escape(line))));
    }
    if summary.groups.is_empty() {
        parts.push("\nNo trial has a record yet.\n".to_owned());
    }
    if !summary.comparisons.is_empty() {
        parts.push("\n## Comparisons\n\n".to_owned());
        parts.extend(table(COMPARISON_COLUMNS, &summary.comparisons));
    }
    let protocol = protocol(results, summary);
    if !summary.footnotes.is_empty() || !protocol.is_empty() {
        parts.push("\n## Notes\n\n".to_owned());
    }
    parts.extend(summary.footnotes.iter().enumerate().map(|(index, note)| format!("- ({}) {}\n", index + 1, escape(note))));
    parts.extend(protocol.iter().map(|line| format!("- {}\n", escape(line))));
    parts.concat()
}

/// The table's lines.
fn table<R>(columns: &[Column<R>], rows: &[R]) -> Vec<String> {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |column: &Column<R>| match column.align {
        Align::Left => ":--".to_owned(),
        Align::Right => "--:".to_owned(),
    };
    let header = line(columns.iter().map(|column| column.header.to_owned()).collect());
    let rules = line(columns.iter().map(rule).collect());
    let rows = rows.iter().map(|row| line(columns.iter().map(|column| escape(&(column.text)(row))).collect()));
    [header, rules].into_iter().chain(rows).collect()
}

/// Text that Markdown shows as it is. Lines are joined: a cell has only one. (An underscore within a word is harmless.)
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '<' | '>' | '[' | ']' | '#' => escaped.extend(['\\', character]),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
