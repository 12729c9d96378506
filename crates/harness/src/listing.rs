//! A table that every listing command returns, rendered for a terminal, Markdown, CSV, JSON or LaTeX.
//!
//! The first column is called `name` everywhere, so that `--format json` gives a list of objects with a `name` each.

mod escape;
mod wrap;

use std::fmt;

use clap::ValueEnum;
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::ser::{Serialize, SerializeMap, Serializer};

use wrap::wrap;

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Columns of text, wrapped to the terminal's width.
    Terminal,
    /// A Markdown table.
    Md,
    /// RFC 4180, with a header line.
    Csv,
    /// A list of objects.
    Json,
    /// A `booktabs` table.
    Latex,
}

/// The width of the terminal that standard output goes to, if it does.
pub fn terminal_width() -> Option<usize> {
    Table::new().width().map(usize::from)
}

/// A table with a title and notes.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What it shows.
    pub title: String,
    /// The columns' names; the first is `name`.
    pub columns: Vec<String>,
    /// One entry a column.
    pub rows: Vec<Vec<Entry>>,
    /// Remarks under the table. CSV and JSON have no place for them; in LaTeX they are comments.
    pub notes: Vec<String>,
}

/// One entry of a row. JSON keeps its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Words.
    Text(String),
    /// A count.
    Integer(i64),
    /// A measurement.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// Several words.
    List(Vec<String>),
    /// Nothing to say.
    None,
}

impl Listing {
    /// An empty table. The first column, `name`, is added to the ones given.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = std::iter::once(&"name").chain(columns).map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row, `name` first.
    ///
    /// # Panics
    /// If it has not one entry a column.
    pub fn push(&mut self, row: Vec<Entry>) {
        assert_eq!(row.len(), self.columns.len(), "a row of `{}` has one entry a column", self.title);
        self.rows.push(row);
    }

    /// Adds a remark.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The text, ending in a newline. `width` is that of the terminal; without it, lines are as long as they are.
    pub fn render(&self, format: ListFormat, width: Option<usize>) -> String {
        match format {
            ListFormat::Terminal => self.terminal(width),
            ListFormat::Md => self.markdown(),
            ListFormat::Csv => self.csv(),
            ListFormat::Json => self.json(),
            ListFormat::Latex => self.latex(),
        }
    }

    fn terminal(&self, width: Option<usize>) -> String {
        let mut table = Table::new();
        let rule = || LineStyle::none().fill('─').junction('─');
        table.force_no_tty().load_style(TableStyle::new().header_separator(rule()).bottom_border(rule()));
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.try_into().unwrap_or(u16::MAX));
        }
        table.set_header(self.columns.iter().map(escape::terminal));
        for row in &self.rows {
            table.add_row(row.iter().map(|entry| Cell::new(escape::terminal(entry.to_string()))));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 1));
            if self.is_numeric(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut lines = wrap(&escape::terminal(&self.title), width);
        lines.push(String::new());
        lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
        lines.extend(self.notes.iter().flat_map(|note| wrap(&escape::terminal(note), width)));
        lines.join("\n") + "\n"
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let rule = (0..self.columns.len()).map(|index| if self.is_numeric(index) { "---:" } else { "---" }.to_owned());
        let mut lines = vec![format!("**{}**", escape::markdown(&self.title)), String::new()];
        lines.push(line(self.columns.iter().map(|column| escape::markdown(column)).collect()));
        lines.push(line(rule.collect()));
        lines.extend(self.rows.iter().map(|row| line(row.iter().map(|entry| escape::markdown(&entry.to_string())).collect())));
        lines.extend(self.notes.iter().flat_map(|note| [String::new(), escape::markdown(note)]));
        lines.join("\n") + "\n"
    }

    fn csv(&self) -> String {
        let line = |fields: Vec<String>| fields.join(",") + "\r\n";
        let header = line(self.columns.iter().map(|column| escape::csv(column)).collect());
        let rows = self.rows.iter().map(|row| line(row.iter().map(|entry| escape::csv(&entry.plain())).collect()));
        std::iter::once(header).chain(rows).collect()
    }

    fn json(&self) -> String {
        let rows: Vec<Object<'_>> = self.rows.iter().map(|row| Object { columns: &self.columns, row }).collect();
        serde_json::to_string_pretty(&rows).expect("text, numbers and lists of text have a JSON form") + "\n"
    }

    fn latex(&self) -> String {
        let line = |cells: Vec<String>| format!("    {} \\\\", cells.join(" & "));
        let columns: String = (0..self.columns.len()).map(|index| self.latex_column(index)).collect();
        let mut lines = vec![
            "% needs \\usepackage{booktabs}".to_owned(),
            "\\begin{table}".to_owned(),
            "  \\centering".to_owned(),
            format!("  \\caption{{{}}}", escape::latex(&self.title)),
            format!("  \\begin{{tabular}}{{{columns}}}"),
            "    \\toprule".to_owned(),
            line(self.columns.iter().map(|column| escape::latex(column)).collect()),
            "    \\midrule".to_owned(),
        ];
        lines.extend(self.rows.iter().map(|row| line(row.iter().map(|entry| escape::latex(&entry.to_string())).collect())));
        lines.extend(["    \\bottomrule".to_owned(), "  \\end{tabular}".to_owned()]);
        lines.extend(self.notes.iter().flat_map(|note| note.lines()).map(|note| format!("  % {note}")));
        lines.push("\\end{table}\n".to_owned());
        lines.join("\n")
    }

    /// Numbers to the right; running text in a box that wraps it.
    fn latex_column(&self, index: usize) -> &'static str {
        const LONGEST_LINE: usize = 60;
        let is_long = self.rows.iter().any(|row| row[index].to_string().chars().count() > LONGEST_LINE);
        match (self.is_numeric(index), is_long) {
            (true, _) => "r",
            (false, true) => "p{0.4\\linewidth}",
            (false, false) => "l",
        }
    }

    /// Whether a column holds numbers and nothing else but gaps.
    fn is_numeric(&self, index: usize) -> bool {
        let mut entries = self.rows.iter().map(|row| &row[index]).filter(|&entry| *entry != Entry::None).peekable();
        entries.peek().is_some() && entries.all(|entry| matches!(entry, Entry::Integer(_) | Entry::Number(_)))
    }
}

impl Entry {
    /// As one field of a machine-readable line: nothing for a gap, `;` between several words.
    fn plain(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::List(words) => words.join("; "),
            Self::None => String::new(),
            Self::Text(_) | Self::Integer(_) | Self::Number(_) => self.to_string(),
        }
    }
}

/// As people read it.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Bool(value) => f.write_str(if *value { "yes" } else { "no" }),
            Self::List(words) if !words.is_empty() => f.write_str(&words.join(", ")),
            Self::List(_) | Self::None => f.write_str("–"),
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::List(words) => words.serialize(serializer),
            Self::None => serializer.serialize_none(),
        }
    }
}

/// A row as an object, its keys in the columns' order.
struct Object<'a> {
    columns: &'a [String],
    row: &'a [Entry],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, entry) in self.columns.iter().zip(self.row) {
            map.serialize_entry(column, entry)?;
        }
        map.end()
    }
}

impl From<&str> for Entry {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Entry {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Entry {
    fn from(value: usize) -> Self {
        Self::Integer(value as i64)
    }
}

impl From<i64> for Entry {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Entry {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<bool> for Entry {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<String>> for Entry {
    fn from(words: Vec<String>) -> Self {
        Self::List(words)
    }
}

impl<T: Into<Self>> From<Option<T>> for Entry {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

#[cfg(test)]
mod tests;
