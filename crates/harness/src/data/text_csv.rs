//! Texts and labels as columns of a CSV file.

use csv::ByteRecord;

use super::fields::{Piece, pieces};
use super::source::{Rows, SourceFile, decode, encoding_name};
use super::{DataError, Gold};
use crate::registry::{Encoding, Unreadable};

/// Which columns there are, and what their values mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) text: &'a str,
    pub(super) label: &'a str,
    pub(super) labels: &'a [String],
    pub(super) ignored_labels: &'a [String],
    pub(super) encoding: Encoding,
    pub(super) unreadable: Unreadable,
}

/// A piece of a text.
enum Part<'a> {
    Words(&'a str),
    Column(usize),
}

pub(super) fn read(file: SourceFile<'_>, columns: Columns<'_>) -> Result<Rows, DataError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(file.open()?);
    let header = reader.byte_headers().map_err(|error| file.malformed(error.to_string()))?.clone();
    let label_column = column(file, &header, columns.label)?;
    let pieces = pieces(columns.text).into_iter().map(|piece| match piece {
        Piece::Words(words) => Ok(Part::Words(words)),
        Piece::Field(name) => column(file, &header, name).map(Part::Column),
    });
    let pieces = pieces.collect::<Result<Vec<Part<'_>>, _>>()?;
    let mut rows = Rows { examples: Vec::new(), left_out: 0 };
    for (place, record) in reader.byte_records().enumerate() {
        let row = place + 1;
        let record = record.map_err(|error| file.bad_row(row, error.to_string()))?;
        let word = String::from_utf8_lossy(&record[label_column]);
        if columns.ignored_labels.iter().any(|label| *label == word) {
            rows.left_out += 1;
            continue;
        }
        let label = columns.labels.iter().position(|label| *label == word);
        let label = label.ok_or_else(|| file.bad_row(row, format!("label `{word}`, expected one of {}", columns.labels.join(", "))))?;
        let part = |part: &Part<'_>| match part {
            Part::Words(words) => Some((*words).to_owned()),
            Part::Column(column) => decode(&record[*column], columns.encoding),
        };
        match (pieces.iter().map(part).collect::<Option<String>>(), columns.unreadable) {
            (Some(text), _) => rows.examples.push(file.text_example(file.row_id(row), row, &text, Gold::Class(label))?),
            (None, Unreadable::LeaveOut) => rows.left_out += 1,
            (None, Unreadable::Refuse) => return Err(file.bad_row(row, format!("not {}", encoding_name(columns.encoding)))),
        }
    }
    Ok(rows)
}

pub(super) fn column(file: SourceFile<'_>, header: &ByteRecord, name: &str) -> Result<usize, DataError> {
    header.iter().position(|column| column == name.as_bytes()).ok_or_else(|| {
        let there: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
        file.malformed(format!("no column `{name}`; the header has {}", there.join(", ")))
    })
}
