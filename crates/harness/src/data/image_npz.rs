//! Images and classes as `NumPy` arrays of bytes in one zip file.
//!
//! An array begins with `\x93NUMPY`, its version, the length of a Python dictionary, and the dictionary, which says type, order and shape.

use std::fs::File;
use std::io::Read as _;

use super::DataError;
use super::image_idx;
use super::source::{Rows, SourceFile};

pub(super) fn read(file: SourceFile<'_>, prefix: &str, [height, width]: [usize; 2], n_classes: usize) -> Result<Rows, DataError> {
    let opened = File::open(file.path).map_err(|error| file.unreadable(error))?;
    let mut archive = zip::ZipArchive::new(opened).map_err(|error| file.malformed(error.to_string()))?;
    let mut array = |name: &str| -> Result<(Vec<usize>, Vec<u8>), DataError> {
        let member = format!("{prefix}_{name}.npy");
        let mut bytes = Vec::new();
        let mut entry = archive.by_name(&member).map_err(|error| file.malformed(format!("`{member}`: {error}")))?;
        entry.read_to_end(&mut bytes).map_err(|error| file.unreadable(error))?;
        parsed(&bytes).map_err(|problem| file.malformed(format!("`{member}`: {problem}")))
    };
    let ((image_shape, pixels), (label_shape, classes)) = (array("images")?, array("labels")?);
    let n = label_shape.first().copied().unwrap_or_default();
    if image_shape != [n, height, width] || label_shape.iter().product::<usize>() != n {
        return Err(file.malformed(format!(
            "`{prefix}`: images {image_shape:?} and labels {label_shape:?}, expected {:?} and [{n}]",
            [n, height, width]
        )));
    }
    image_idx::examples(file, &pixels, &classes, [height, width], n_classes)
}

/// Shape and values of an array of bytes.
fn parsed(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>), String> {
    let begins = bytes.strip_prefix(b"\x93NUMPY").ok_or("does not begin with `\\x93NUMPY`")?;
    let (length_bytes, rest) = match begins {
        [1, _, rest @ ..] => (2, rest),
        [2 | 3, _, rest @ ..] => (4, rest),
        _ => return Err("is of an unknown version".to_owned()),
    };
    if rest.len() < length_bytes {
        return Err("ends within its header".to_owned());
    }
    let (length, rest) = rest.split_at(length_bytes);
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    if rest.len() < length {
        return Err("ends within its header".to_owned());
    }
    let (header, values) = rest.split_at(length);
    let header = std::str::from_utf8(header).map_err(|error| error.to_string())?;
    let value = |key: &str| header.split_once(&format!("'{key}':")).map(|(_, value)| value.trim_start());
    if !value("descr").is_some_and(|value| value.starts_with("'|u1'"))
        || !value("fortran_order").is_some_and(|value| value.starts_with("False"))
    {
        return Err(format!("holds no bytes in C order: {}", header.trim()));
    }
    let shape = value("shape").and_then(|value| value.strip_prefix('(')?.split_once(')')).ok_or("has no shape")?.0;
    let shape = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(str::parse).collect::<Result<Vec<usize>, _>>();
    let shape = shape.map_err(|error| format!("its shape: {error}"))?;
    if shape.iter().product::<usize>() != values.len() {
        return Err(format!("{} values, but its shape is {shape:?}", values.len()));
    }
    Ok((shape, values.to_vec()))
}
