//! What the readers of all formats share: files that may be packed, characters, and rows.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{Content, DataError, Example, Gold};
use crate::registry::{Encoding, PartName};

/// One file of a part, about to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceFile<'a> {
    pub(super) path: &'a Path,
    pub(super) part: PartName,
}

/// What a reader made of a part.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) examples: Vec<Example>,
    pub(super) left_out: usize,
}

impl SourceFile<'_> {
    /// The file's bytes as a stream, unpacked if its name ends in `.gz`.
    pub(super) fn open(&self) -> Result<Box<dyn Read>, DataError> {
        let file = File::open(self.path).map_err(|error| self.unreadable(error))?;
        let packed = self.path.extension().is_some_and(|extension| extension == "gz");
        Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
    }

    /// All of the file's bytes, unpacked; of a Parquet file, its rows as lines of JSON objects.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, DataError> {
        if self.is_parquet() {
            return self.parquet_as_json_lines();
        }
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes).map_err(|error| self.unreadable(error))?;
        Ok(bytes)
    }

    pub(super) fn unreadable(&self, error: io::Error) -> DataError {
        DataError::File { path: self.path.to_owned(), error }
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> DataError {
        DataError::Format { path: self.path.to_owned(), problem: problem.into() }
    }

    pub(super) fn bad_row(&self, row: usize, problem: impl Into<String>) -> DataError {
        DataError::Row { path: self.path.to_owned(), row, problem: problem.into() }
    }

    /// The id of what stands at this row, counted from one.
    pub(super) fn row_id(&self, row: usize) -> String {
        format!("{}/{row:06}", self.part.as_str())
    }

    /// A text item. Runs of white space become one blank, so that a line break of the text cannot be taken for the template's.
    pub(super) fn text_example(&self, id: String, row: usize, text: &str, gold: Gold) -> Result<Example, DataError> {
        let text = one_line(text);
        if text.is_empty() {
            return Err(self.bad_row(row, "the text is empty"));
        }
        Ok(Example { id, content: Content::Text(text), gold })
    }
}

/// With one blank for each run of white space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text that these bytes spell; `None` if they are not in this encoding.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Option<String> {
    match encoding {
        Encoding::Ascii if !bytes.is_ascii() => None,
        Encoding::Ascii | Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Encoding::Latin1 => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// The encoding's name in messages.
pub(super) const fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Ascii => "ASCII",
        Encoding::Utf8 => "UTF-8",
        Encoding::Latin1 => "Latin-1",
    }
}
