//! Lines of a label, a blank and a text.

use super::source::{Rows, SourceFile, decode, encoding_name};
use super::{DataError, Gold};
use crate::registry::{Encoding, Unreadable};

pub(super) fn read(file: SourceFile<'_>, labels: &[String], encoding: Encoding, empty: Unreadable) -> Result<Rows, DataError> {
    let bytes = file.bytes()?;
    let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|&byte| byte == b'\n');
    let mut rows = Rows { examples: Vec::new(), left_out: 0 };
    for (place, line) in lines.enumerate() {
        let row = place + 1;
        let line = decode(line, encoding).ok_or_else(|| file.bad_row(row, format!("not {}", encoding_name(encoding))))?;
        let (word, text) = line.split_once(' ').ok_or_else(|| file.bad_row(row, "no blank between label and text"))?;
        let label = labels.iter().position(|label| label == word);
        let label = label.ok_or_else(|| file.bad_row(row, format!("label `{word}`, expected one of {}", labels.join(", "))))?;
        match empty {
            Unreadable::LeaveOut if text.trim().is_empty() => rows.left_out += 1,
            Unreadable::LeaveOut | Unreadable::Refuse => {
                rows.examples.push(file.text_example(file.row_id(row), row, text, Gold::Class(label))?);
            }
        }
    }
    Ok(rows)
}
