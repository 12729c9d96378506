//! The table for a terminal: box drawing, no colours, no escape sequences.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::columns::{Align, COMPARISON_COLUMNS, Column, columns_by, fitting};
use crate::measure::Measure;
use crate::report::checks::checks;
use crate::report::comparison::Comparison;
use crate::report::results::Results;
use crate::report::summary::{Group, Row, Summary};
use crate::report::terms::{protocol, subtitle, title};

/// Summary, comparisons and footnotes. A width drops the less important columns, then wraps; without one, nothing is cut.
pub fn terminal(results: &Results, width: Option<usize>) -> String {
    let summary = Summary::of(results);
    let groups: Vec<(&Group, Vec<&Comparison>)> = summary.groups.iter().map(|group| (group, of_group(&summary, group))).collect();
    let columns = |measure: Measure| {
        let alike = || groups.iter().filter(|(group, _)| group.measure() == measure);
        fitting(columns_by(measure), |columns| alike().all(|(group, _)| fits(columns, group.rows.iter(), width)))
    };
    let columns: BTreeMap<Measure, Vec<&Column<Row>>> =
        groups.iter().map(|(group, _)| group.measure()).map(|measure| (measure, columns(measure))).collect();
    // The group's title stands above its comparisons already.
    let compared = fitting(&COMPARISON_COLUMNS[1..], |columns| groups.iter().all(|(_, rows)| fits(columns, rows.iter().copied(), width)));

    let mut parts = Vec::new();
    for (group, comparisons) in groups {
        parts.push(format!("{}  {}\n", title(group), subtitle(group)));
        parts.push(lines(&table(&columns[&group.measure()], group.rows.iter(), width)));
        if !comparisons.is_empty() {
            parts.push(lines(&table(&compared, comparisons.into_iter(), width)));
        }
        parts.extend(checks(results, &summary, group).iter().map(|line| wrapped("· ", line, width)));
        parts.push("\n".to_owned());
    }
    if summary.groups.is_empty() {
        parts.push("no trial has a record yet\n".to_owned());
    }
    parts.extend(summary.footnotes.iter().enumerate().map(|(index, note)| wrapped(&format!("({}) ", index + 1), note, width)));
    parts.extend(protocol(results, &summary).iter().map(|line| wrapped("· ", line, width)));
    parts.concat()
}

fn of_group<'a>(summary: &'a Summary, group: &Group) -> Vec<&'a Comparison> {
    let belongs = |comparison: &&Comparison| comparison.backbone == group.backbone && comparison.dataset == group.dataset;
    summary.comparisons.iter().filter(belongs).collect()
}

fn fits<'a, R: 'a>(columns: &[&Column<R>], rows: impl Iterator<Item = &'a R>, width: Option<usize>) -> bool {
    let widest = || table(columns, rows, None).lines().map(|line| line.chars().count()).max().unwrap_or(0);
    width.is_none_or(|width| widest() <= width)
}

fn lines(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn table<'a, R: 'a>(columns: &[&Column<R>], rows: impl Iterator<Item = &'a R>, width: Option<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).force_no_tty();
    table.style_mut().row_separator = LineStyle::none();
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.set_header(columns.iter().map(|column| cell(column, column.header.to_owned())));
    table.add_rows(rows.map(|row| columns.iter().map(|column| cell(column, (column.text)(row))).collect::<Vec<_>>()));
    table
}

fn cell<R>(column: &Column<R>, text: String) -> Cell {
    Cell::new(text).set_alignment(match column.align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    })
}

/// A paragraph with a hanging indent as wide as its label.
fn wrapped(label: &str, text: &str, width: Option<usize>) -> String {
    let indent = label.chars().count();
    let Some(room) = width.map(|width| width.saturating_sub(indent).max(20)) else { return format!("{label}{text}\n") };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    let separator = format!("\n{}", " ".repeat(indent));
    format!("{label}{}\n", lines.join(&separator))
}
