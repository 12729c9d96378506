//! Items as JSON objects, one a line.

use serde_json::{Map, Value};

use super::fields::{Piece, pieces};
use super::source::{Rows, SourceFile};
use super::{DataError, Gold};

/// Which fields there are, and what their values mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) text: &'a str,
    pub(super) label: &'a str,
    pub(super) labels: &'a [String],
}

pub(super) fn read(file: SourceFile<'_>, fields: Fields<'_>) -> Result<Rows, DataError> {
    let bytes = file.bytes()?;
    let mut examples = Vec::new();
    for (place, line) in bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|&byte| byte == b'\n').enumerate() {
        let row = place + 1;
        let object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| file.bad_row(row, error.to_string()))?;
        let word = |name: &str| match object.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Bool(truth)) => Ok(truth.to_string()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => Err(file.bad_row(row, format!("field `{name}` is {other}, expected a string, a number or a truth value"))),
            None => {
                let there: Vec<&str> = object.keys().map(String::as_str).collect();
                Err(file.bad_row(row, format!("no field `{name}`; it has {}", there.join(", "))))
            }
        };
        let piece = |piece: Piece<'_>| match piece {
            Piece::Words(words) => Ok(words.to_owned()),
            Piece::Field(name) => word(name),
        };
        let text = pieces(fields.text).into_iter().map(piece).collect::<Result<String, _>>()?;
        let found = word(fields.label)?;
        let label = fields.labels.iter().position(|label| *label == found);
        let label = label.ok_or_else(|| file.bad_row(row, format!("label `{found}`, expected one of {}", fields.labels.join(", "))))?;
        examples.push(file.text_example(file.row_id(row), row, &text, Gold::Class(label))?);
    }
    Ok(Rows { examples, left_out: 0 })
}
