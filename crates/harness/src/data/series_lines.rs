//! Lines of a label and the values of a series, as the UCR archive has them.

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold, Series};

pub(super) fn read(file: SourceFile<'_>, labels: &[i64], length: usize) -> Result<Rows, DataError> {
    let bytes = file.bytes()?;
    let text = std::str::from_utf8(&bytes).map_err(|error| file.malformed(error.to_string()))?;
    let mut examples = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let row = place + 1;
        let number = |word: &str| match word.parse::<f32>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) | Err(_) => Err(file.bad_row(row, format!("`{word}` is no number"))),
        };
        let numbers = line.split_whitespace().map(number).collect::<Result<Vec<f32>, _>>()?;
        let Some((word, values)) = numbers.split_first().filter(|(_, values)| values.len() == length) else {
            return Err(file.bad_row(row, format!("{} numbers, expected a label and {length} values", numbers.len())));
        };
        let label = labels.iter().position(|&label| (label as f32 - *word).abs() < 1e-6).ok_or_else(|| {
            let expected: Vec<String> = labels.iter().map(i64::to_string).collect();
            file.bad_row(row, format!("label `{word}`, expected one of {}", expected.join(", ")))
        })?;
        examples.push(Example { id: file.row_id(row), content: Content::Series(Series::new(values)), gold: Gold::Class(label) });
    }
    Ok(Rows { examples, left_out: 0 })
}
