//! Windows of series to be forecast: a CSV file with a row a step of time and a column a variable.
//!
//! The first rows are the train part, the next ones validation, the next ones the test. Each variable is a series of its own,
//! standardised by mean and deviation of its train rows. A window's future lies within its part; what is seen of it may reach back
//! into the rows before, as everywhere in the field, for the past is known when a forecast is made.
//!
//! ```text
//! x̃ = (x − mean over train rows) / √(variance over train rows)
//! window at row r: x̃[r − history .. r], to be gone on with by x̃[r .. r + horizon]
//! ```
//!
//! # Reference
//! Zhou et al., Informer, AAAI 2021, arXiv 2012.07436 (the parts and borders of ETT, as its loaders have them).

use csv::ReaderBuilder;

use super::source::{Rows, SourceFile};
use super::text_csv::column;
use super::{Content, DataError, Example, Future, Gold, Series};
use crate::registry::Windows;

pub(super) fn read(file: SourceFile<'_>, windows: &Windows) -> Result<Rows, DataError> {
    let Windows { columns, history, horizon, stride, season, rows } = windows;
    let (history, horizon) = (history.get(), horizon.get());
    let first = rows.before(file.part);
    let n = rows.of(file.part).ok_or_else(|| file.malformed("windows of an undivided file"))?;
    let mut examples = Vec::new();
    for (name, values) in columns.iter().zip(values(file, columns, rows.train.max(first + n))?) {
        let scale =
            Scale::of(&values[..rows.train], season.get()).map_err(|problem| file.malformed(format!("column `{name}`: {problem}")))?;
        let series = Series::new(&values.iter().map(|&value| scale.standardised(value) as f32).collect::<Vec<f32>>());
        // No window begins in front of the file.
        let origins = (first.max(history)..=first + n - horizon).step_by(stride.get());
        examples.extend(origins.map(|origin| Example {
            id: format!("{}/{name}/{:06}", file.part.as_str(), origin + 1),
            content: Content::Series(series.piece(origin - history..origin)),
            gold: Gold::Future(Future { values: series.piece(origin..origin + horizon), unit: scale.unit }),
        }));
    }
    Ok(Rows { examples, left_out: 0 })
}

/// The first so many values of each column.
fn values(file: SourceFile<'_>, columns: &[String], n: usize) -> Result<Vec<Vec<f64>>, DataError> {
    let mut reader = ReaderBuilder::new().from_reader(file.open()?);
    let header = reader.byte_headers().map_err(|error| file.malformed(error.to_string()))?.clone();
    let places = columns.iter().map(|name| column(file, &header, name)).collect::<Result<Vec<usize>, _>>()?;
    let mut values = vec![Vec::with_capacity(n); columns.len()];
    for (at, record) in reader.records().take(n).enumerate() {
        let row = at + 1;
        let record = record.map_err(|error| file.bad_row(row, error.to_string()))?;
        for ((own, &place), name) in values.iter_mut().zip(&places).zip(columns) {
            let number: Option<f64> = record[place].trim().parse().ok().filter(|number: &f64| number.is_finite());
            own.push(number.ok_or_else(|| file.bad_row(row, format!("`{}` in column `{name}` is no number", &record[place])))?);
        }
    }
    match values[0].len() {
        found if found < n => Err(file.malformed(format!("{found} rows, but its parts need {n}"))),
        _ => Ok(values),
    }
}

/// What a variable is standardised by, and its errors are scaled by.
struct Scale {
    mean: f64,
    deviation: f64,
    /// The mean absolute difference of standardised values a season apart.
    unit: f64,
}

impl Scale {
    /// Of the train rows.
    fn of(train: &[f64], season: usize) -> Result<Self, &'static str> {
        let n = train.len() as f64;
        let mean = train.iter().sum::<f64>() / n;
        let deviation = (train.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        if deviation <= 0.0 {
            return Err("all train rows have one value, by which nothing can be standardised");
        }
        let apart = train.windows(season + 1).map(|window| (window[season] - window[0]).abs());
        let unit = apart.sum::<f64>() / (train.len() - season) as f64 / deviation;
        if unit <= 0.0 {
            return Err("train rows repeat themselves after a season, so that errors cannot be scaled by it");
        }
        Ok(Self { mean, deviation, unit })
    }

    fn standardised(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}
