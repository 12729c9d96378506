//! Parquet files, as model hubs keep data sets: rows of texts as lines of JSON, rows of images as a label and the bytes of a file.

use std::fs::File;

use image::RgbImage;
use polars::prelude::{Column, DataFrame, DataType, JsonFormat, JsonWriter, ParquetReader, PolarsError, SerReader as _, SerWriter as _};
use rayon::prelude::*;

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold, Image};
use crate::resample::{Kernel, middle_square};

/// What is read of a file of images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pictures<'a> {
    /// The column of the images: a struct with the field `bytes`, or bytes.
    pub(super) image: &'a str,
    /// The column of the labels.
    pub(super) label: &'a str,
    /// What the labels of the classes are, where they are words; numbers of classes otherwise.
    pub(super) labels: Option<&'a [String]>,
    /// Pixels of the square that is kept of an image.
    pub(super) edge: usize,
    /// Of each class, the first so many rows.
    pub(super) at_most: Option<usize>,
    /// Classes there are.
    pub(super) n_classes: usize,
}

impl SourceFile<'_> {
    /// Whether it is a Parquet file, by its name.
    pub(super) fn is_parquet(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "parquet")
    }

    /// Its rows as lines of JSON objects.
    pub(super) fn parquet_as_json_lines(&self) -> Result<Vec<u8>, DataError> {
        let mut frame = self.frame(None)?;
        let mut lines = Vec::new();
        JsonWriter::new(&mut lines).with_json_format(JsonFormat::JsonLines).finish(&mut frame).map_err(|error| self.no_parquet(&error))?;
        Ok(lines)
    }

    fn frame(&self, columns: Option<Vec<String>>) -> Result<DataFrame, DataError> {
        let file = File::open(self.path).map_err(|error| self.unreadable(error))?;
        ParquetReader::new(file).with_columns(columns).finish().map_err(|error| self.no_parquet(&error))
    }

    fn no_parquet(&self, error: &PolarsError) -> DataError {
        self.malformed(error.to_string())
    }
}

/// Reads the files of a part, one behind the other. `first` is the row of the part at which the file begins.
pub(super) fn read(files: &[SourceFile<'_>], pictures: Pictures<'_>) -> Result<Rows, DataError> {
    let mut rows = Rows { examples: Vec::new(), left_out: 0 };
    let mut taken = vec![0; pictures.n_classes];
    let mut before = 0;
    for file in files {
        let frame = file.frame(Some(vec![pictures.image.to_owned(), pictures.label.to_owned()]))?;
        let labels = labels(*file, &frame, pictures)?;
        let bytes = image_bytes(&frame, pictures.image).map_err(|error| file.no_parquet(&error))?;
        let bytes = bytes.binary().map_err(|error| file.no_parquet(&error))?;
        let mut kept = Vec::new();
        for (place, (&class, bytes)) in labels.iter().zip(bytes.iter()).enumerate() {
            taken[class] += 1;
            if pictures.at_most.is_none_or(|most| taken[class] <= most) {
                kept.push((place + 1, class, bytes));
            }
        }
        rows.left_out += labels.len() - kept.len();
        let examples = kept.into_par_iter().map(|(row, class, bytes)| {
            let bytes = bytes.ok_or_else(|| file.bad_row(row, format!("no bytes in column `{}`", pictures.image)))?;
            let image = image::load_from_memory(bytes).map_err(|error| file.bad_row(row, error.to_string()))?;
            let image = middle_square(&image.to_rgb8(), pictures.edge as u32, Kernel::Bicubic);
            Ok(Example { id: file.row_id(before + row), content: Content::Image(planes(&image)), gold: Gold::Class(class) })
        });
        rows.examples.append(&mut examples.collect::<Result<Vec<Example>, DataError>>()?);
        before += labels.len();
    }
    Ok(rows)
}

/// The class of each row.
fn labels(file: SourceFile<'_>, frame: &DataFrame, pictures: Pictures<'_>) -> Result<Vec<usize>, DataError> {
    let Pictures { label, labels, n_classes, .. } = pictures;
    let failed = |error: PolarsError| file.no_parquet(&error);
    let column = frame.column(label).map_err(failed)?;
    if let Some(known) = labels {
        let words = column.cast(&DataType::String).map_err(failed)?;
        let words = words.str().map_err(failed)?;
        let class = |(place, word): (usize, Option<&str>)| {
            let class = word.and_then(|word| known.iter().position(|label| label == word));
            class.ok_or_else(|| {
                let word = word.unwrap_or("nothing");
                file.bad_row(place + 1, format!("label `{word}`, expected one of {}", known.join(", ")))
            })
        };
        words.iter().enumerate().map(class).collect()
    } else {
        let numbers = column.cast(&DataType::Int64).map_err(failed)?;
        let numbers = numbers.i64().map_err(failed)?;
        let class = |(place, number): (usize, Option<i64>)| {
            let class = number.and_then(|number| usize::try_from(number).ok()).filter(|class| *class < n_classes);
            class.ok_or_else(|| {
                let number = number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
                file.bad_row(place + 1, format!("label {number}, expected a number of a class, 0 to {}", n_classes.saturating_sub(1)))
            })
        };
        numbers.iter().enumerate().map(class).collect()
    }
}

/// The bytes of image files, from a column of them or of structs that hold them.
fn image_bytes(frame: &DataFrame, name: &str) -> Result<Column, PolarsError> {
    let column = frame.column(name)?;
    match column.dtype() {
        DataType::Struct(_) => Ok(column.struct_()?.field_by_name("bytes")?.into()),
        _ => Ok(column.clone()),
    }
}

/// Pixels of three colours in `0..=1`, colour by colour.
fn planes(image: &RgbImage) -> Image {
    let (height, width) = (image.height() as usize, image.width() as usize);
    let plane = |channel: usize| image.pixels().map(move |pixel| f32::from(pixel.0[channel]) / 255.0);
    Image { channels: 3, height, width, pixels: (0..3).flat_map(plane).collect() }
}
