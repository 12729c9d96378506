//! A packed tar archive with an image file an item, its class that of its folder or of a list beside the archive.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold, Image};
use crate::assets::for_each_in_tarball;
use crate::registry::Listed;

const CHANNELS: usize = 3;

/// What is read of an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    /// The folder that holds a class's files, in the order of the classes.
    pub(super) names: &'a [String],
    /// Pixels.
    pub(super) height: usize,
    /// Pixels.
    pub(super) width: usize,
    /// Of each class, the first so many files by name.
    pub(super) at_most: Option<usize>,
}

/// The class of each file, by its name without folders.
pub(super) type ClassOf = BTreeMap<String, usize>;

/// Reads a list of files and their classes.
pub(super) fn listed(file: SourceFile<'_>, list: &Listed) -> Result<ClassOf, DataError> {
    let bytes = file.bytes()?;
    let text = std::str::from_utf8(&bytes).map_err(|error| file.malformed(error.to_string()))?;
    let mut classes = ClassOf::new();
    for (place, line) in text.lines().enumerate().skip(usize::from(list.heading)) {
        let mut columns = line.split(list.separator);
        let name = columns.next().unwrap_or_default().to_owned();
        let label = columns.nth(list.column.saturating_sub(1)).unwrap_or_default();
        let Some(class) = list.labels.iter().position(|own| own == label) else {
            return Err(file.bad_row(place + 1, format!("`{label}` is none of the classes' labels")));
        };
        classes.insert(name, class);
    }
    Ok(classes)
}

/// Reads an archive; classes are those of a list, where there is one, or of folders.
pub(super) fn read(file: SourceFile<'_>, folders: Folders<'_>, class_of: Option<&ClassOf>) -> Result<Rows, DataError> {
    let mut classes: Vec<BTreeMap<String, Vec<u8>>> = vec![BTreeMap::new(); folders.names.len()];
    let mut unknown = None;
    let label_of = |member: &str| match class_of {
        Some(class_of) => class_of.get(member.rsplit('/').next().unwrap_or_default()).copied(),
        None => member.rsplit('/').skip(1).find_map(|folder| folders.names.iter().position(|name| name == folder)),
    };
    let taken = for_each_in_tarball(file.path, |member, bytes| match label_of(member) {
        Some(label) => drop(classes[label].insert(member.to_owned(), bytes.to_vec())),
        None => drop(unknown.get_or_insert_with(|| member.to_owned())),
    });
    taken.map_err(|reason| file.malformed(reason.to_string()))?;
    if let Some(member) = unknown {
        return Err(file.malformed(match class_of {
            Some(_) => format!("`{member}` is not in the list of files and classes"),
            None => format!("`{member}` is in none of the folders {}", folders.names.join(", ")),
        }));
    }
    let n_found: usize = classes.iter().map(BTreeMap::len).sum();
    let kept = classes.into_iter().enumerate().flat_map(|(label, files)| {
        files.into_iter().take(folders.at_most.unwrap_or(usize::MAX)).map(move |(member, bytes)| (label, member, bytes))
    });
    let kept: Vec<(usize, String, Vec<u8>)> = kept.collect();
    let examples = kept.into_par_iter().map(|(label, member, bytes)| {
        let image = decoded(&bytes, folders).map_err(|problem| file.malformed(format!("`{member}`: {problem}")))?;
        Ok(Example { id: format!("{}/{member}", file.part.as_str()), content: Content::Image(image), gold: Gold::Class(label) })
    });
    let examples = examples.collect::<Result<Vec<Example>, DataError>>()?;
    Ok(Rows { left_out: n_found - examples.len(), examples })
}

/// Pixels of three colours in `0..=1`, at the size that the data set has.
fn decoded(bytes: &[u8], folders: Folders<'_>) -> Result<Image, String> {
    let image = image::load_from_memory(bytes).map_err(|error| error.to_string())?;
    let (height, width) = (folders.height as u32, folders.width as u32);
    if (image.height(), image.width()) != (height, width) {
        return Err(format!("{} x {} pixels, expected {height} x {width}", image.height(), image.width()));
    }
    let image = image.to_rgb8();
    let plane = folders.height * folders.width;
    let mut pixels = vec![0.0; CHANNELS * plane];
    for (place, pixel) in image.pixels().enumerate() {
        for (channel, &value) in pixel.0.iter().enumerate() {
            pixels[channel * plane + place] = f32::from(value) / 255.0;
        }
    }
    Ok(Image { channels: CHANNELS, height: folders.height, width: folders.width, pixels })
}
