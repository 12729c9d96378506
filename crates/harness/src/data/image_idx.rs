//! Images as bytes of grey values in one file and their classes as bytes in another, each behind a header of its sizes: IDX.
//!
//! A header is `0, 0, 8, n` (8: bytes, n: axes) and n sizes of four bytes, the highest first.

use super::image_csv::Grey;
use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold};

pub(super) fn read(
    images: SourceFile<'_>,
    labels: SourceFile<'_>,
    [height, width]: [usize; 2],
    n_classes: usize,
) -> Result<Rows, DataError> {
    let (image_bytes, label_bytes) = (images.bytes()?, labels.bytes()?);
    let (image_sizes, pixels) = array::<3>(images, &image_bytes)?;
    let ([n_labels], classes) = array::<1>(labels, &label_bytes)?;
    if image_sizes != [n_labels, height, width] {
        return Err(images.malformed(format!("{image_sizes:?} images, rows and columns, expected {:?}", [n_labels, height, width])));
    }
    examples(images, pixels, classes, [height, width], n_classes)
}

/// Images of bytes and their classes, in order.
pub(super) fn examples(
    file: SourceFile<'_>,
    pixels: &[u8],
    classes: &[u8],
    [height, width]: [usize; 2],
    n_classes: usize,
) -> Result<Rows, DataError> {
    let grey = Grey { height, width, highest: u8::MAX.into() };
    let rows = pixels.chunks_exact(grey.pixels()).zip(classes).enumerate().map(|(place, (pixels, &label))| {
        let (row, label) = (place + 1, usize::from(label));
        if label >= n_classes {
            return Err(file.bad_row(row, format!("class {label}, but there are {n_classes} classes, counted from 0")));
        }
        let image = grey.image(pixels.iter().map(|&pixel| pixel.into())).expect("no byte is above 255");
        Ok(Example { id: file.row_id(row), content: Content::Image(image), gold: Gold::Class(label) })
    });
    Ok(Rows { examples: rows.collect::<Result<_, _>>()?, left_out: 0 })
}

/// Sizes and bytes of an array.
fn array<'a, const AXES: usize>(file: SourceFile<'_>, bytes: &'a [u8]) -> Result<([usize; AXES], &'a [u8]), DataError> {
    let expected = [0, 0, 8, AXES as u8];
    let Some(rest) = bytes.strip_prefix(&expected) else {
        return Err(
            file.malformed(format!("begins with {:?}, expected {expected:?}: bytes along {AXES} axes", &bytes[..bytes.len().min(4)]))
        );
    };
    if rest.len() < 4 * AXES {
        return Err(file.malformed("ends within its header"));
    }
    let (sizes, values) = rest.split_at(4 * AXES);
    let mut axes = sizes.chunks_exact(4).map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize);
    let sizes: [usize; AXES] = std::array::from_fn(|_| axes.next().expect("four bytes an axis"));
    if sizes.iter().product::<usize>() != values.len() {
        return Err(file.malformed(format!("{} values behind the header, but it says {sizes:?}", values.len())));
    }
    Ok((sizes, values))
}
