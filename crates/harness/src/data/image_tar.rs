//! A packed tar archive with a folder a class and an image file an item.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Image};
use crate::assets::for_each_in_tarball;

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

pub(super) fn read(file: SourceFile<'_>, folders: Folders<'_>) -> Result<Rows, DataError> {
    let mut classes: Vec<BTreeMap<String, Vec<u8>>> = vec![BTreeMap::new(); folders.names.len()];
    let mut unknown = None;
    let taken = for_each_in_tarball(file.path, |member, bytes| {
        let folder = member.rsplit('/').nth(1).unwrap_or_default();
        match folders.names.iter().position(|name| name == folder) {
            Some(label) => drop(classes[label].insert(member.to_owned(), bytes.to_vec())),
            None => drop(unknown.get_or_insert_with(|| member.to_owned())),
        }
    });
    taken.map_err(|reason| file.malformed(reason.to_string()))?;
    if let Some(member) = unknown {
        return Err(file.malformed(format!("`{member}` is in none of the folders {}", folders.names.join(", "))));
    }
    let n_found: usize = classes.iter().map(BTreeMap::len).sum();
    let kept = classes.into_iter().enumerate().flat_map(|(label, files)| {
        files.into_iter().take(folders.at_most.unwrap_or(usize::MAX)).map(move |(member, bytes)| (label, member, bytes))
    });
    let kept: Vec<(usize, String, Vec<u8>)> = kept.collect();
    let examples = kept.into_par_iter().map(|(label, member, bytes)| {
        let image = decoded(&bytes, folders).map_err(|problem| file.malformed(format!("`{member}`: {problem}")))?;
        Ok(Example { id: format!("{}/{member}", file.part.as_str()), content: Content::Image(image), label })
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
