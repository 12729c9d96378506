//! Images as lines of grey values, each followed by its class.

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold, Image};

/// Size and range of the images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grey {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) highest: u16,
}

impl Grey {
    pub(super) const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// An image; `None` if a value is above the highest.
    pub(super) fn image(self, values: impl Iterator<Item = u16>) -> Option<Image> {
        let highest = f32::from(self.highest);
        let pixels = values.map(|value| (value <= self.highest).then(|| f32::from(value) / highest)).collect::<Option<_>>()?;
        Some(Image { channels: 1, height: self.height, width: self.width, pixels })
    }
}

pub(super) fn read(file: SourceFile<'_>, grey: Grey, n_classes: usize) -> Result<Rows, DataError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.open()?);
    let mut examples = Vec::new();
    for (place, record) in reader.records().enumerate() {
        let row = place + 1;
        let record = record.map_err(|error| file.bad_row(row, error.to_string()))?;
        if record.len() != grey.pixels() + 1 {
            let problem = format!("{} values, expected {} pixels and a class", record.len(), grey.pixels());
            return Err(file.bad_row(row, problem));
        }
        let whole = |text: &str| text.trim().parse::<u16>().map_err(|_| file.bad_row(row, format!("`{text}` is no whole number")));
        let values = record.iter().map(whole).collect::<Result<Vec<u16>, _>>()?;
        let label = usize::from(values[grey.pixels()]);
        if label >= n_classes {
            return Err(file.bad_row(row, format!("class {label}, but there are {n_classes} classes, counted from 0")));
        }
        let image = grey.image(values[..grey.pixels()].iter().copied());
        let image = image.ok_or_else(|| file.bad_row(row, format!("a value above {}", grey.highest)))?;
        examples.push(Example { id: file.row_id(row), content: Content::Image(image), gold: Gold::Class(label) });
    }
    Ok(Rows { examples, left_out: 0 })
}
