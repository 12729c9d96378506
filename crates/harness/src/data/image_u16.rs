//! Images as 16-bit little-endian grey values in one file, and their classes as bytes in another.

use super::image_csv::Grey;
use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold};

pub(super) fn read(images: SourceFile<'_>, labels: SourceFile<'_>, grey: Grey, n_classes: usize) -> Result<Rows, DataError> {
    let (values, classes) = (images.bytes()?, labels.bytes()?);
    let bytes_an_image = 2 * grey.pixels();
    if values.len() != classes.len() * bytes_an_image {
        let problem = format!("{} bytes, expected {} labels x {bytes_an_image} bytes", values.len(), classes.len());
        return Err(images.malformed(problem));
    }
    let mut examples = Vec::with_capacity(classes.len());
    for (place, (image, &label)) in values.chunks_exact(bytes_an_image).zip(&classes).enumerate() {
        let row = place + 1;
        let label = usize::from(label);
        if label >= n_classes {
            return Err(labels.bad_row(row, format!("class {label}, but there are {n_classes} classes, counted from 0")));
        }
        let image = grey.image(image.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        let image = image.ok_or_else(|| images.bad_row(row, format!("a value above {}", grey.highest)))?;
        examples.push(Example { id: images.row_id(row), content: Content::Image(image), gold: Gold::Class(label) });
    }
    Ok(Rows { examples, left_out: 0 })
}
