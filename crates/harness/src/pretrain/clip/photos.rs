//! Photographs in memory: CIFAR-10 and Tiny ImageNet at 32 × 32 pixels.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use flate2::read::GzDecoder;
use image::imageops::{FilterType, resize};
use rand::RngExt;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::assets::{Reason, for_each_in_tarball};
use crate::registry::PhotoFiles;

/// Edge of a photograph in pixels.
pub const EDGE: usize = 32;
const CHANNELS: usize = 3;
const VALUES: usize = CHANNELS * EDGE * EDGE;
/// How far a crop may be off the centre.
const MARGIN: i32 = 4;
/// Every so many classes of Tiny ImageNet, in the order of their synsets, one is held out: the 10th, the 20th, ….
pub const HOLD_OUT_EVERY: usize = 10;

/// A class: its key in the files, and its names, the usual one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// The folder or synset.
    pub key: String,
    /// Never empty.
    pub names: Vec<String>,
}

/// Photographs of classes `0..classes`.
#[derive(Default)]
pub struct PhotoSet {
    /// `[photo, channel, row, column]`, bytes.
    pixels: Vec<u8>,
    /// One class a photo.
    pub labels: Vec<usize>,
}

/// All photographs of one source.
pub struct Source {
    /// Its classes.
    pub classes: Vec<Class>,
    /// To train on.
    pub train: PhotoSet,
    /// To be measured on.
    pub test: PhotoSet,
}

/// Files that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The archive cannot be read.
    #[error("{}: {reason}", .path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Reason,
    },
    /// A member of it is no photograph of a known class.
    #[error("{}: `{member}`: {problem}", .path.display())]
    Member {
        /// The file.
        path: PathBuf,
        /// Its name.
        member: String,
        /// What is wrong.
        problem: String,
    },
    /// A text file cannot be read.
    #[error("{}: {problem}", .path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Names that CIFAR-10's classes have beside those of their folders.
const CIFAR_NAMES: [(&str, &[&str]); 10] = [
    ("airplane", &["aeroplane", "plane"]),
    ("automobile", &["car"]),
    ("bird", &[]),
    ("cat", &[]),
    ("deer", &[]),
    ("dog", &[]),
    ("frog", &[]),
    ("horse", &[]),
    ("ship", &["boat"]),
    ("truck", &["lorry"]),
];

/// CIFAR-10.
pub fn cifar(files: &PhotoFiles<PathBuf>) -> Result<Source, PhotoError> {
    let names = |key: &str, more: &[&str]| std::iter::once(key).chain(more.iter().copied()).map(str::to_owned).collect();
    let classes = CIFAR_NAMES.iter().map(|&(key, more)| Class { key: key.to_owned(), names: names(key, more) });
    let classes: Vec<Class> = classes.collect();
    let label = |member: &str| {
        let key = member.split('/').nth(1)?;
        classes.iter().position(|class| class.key == key)
    };
    let (train, test) = (PhotoSet::read(&files.cifar_train, label)?, PhotoSet::read(&files.cifar_test, label)?);
    Ok(Source { classes, train, test })
}

/// Tiny ImageNet, its classes in the order of their synsets. The photographs of [`held_out`] classes are in both parts.
pub fn tiny_imagenet(files: &PhotoFiles<PathBuf>) -> Result<Source, PhotoError> {
    let mut classes = Vec::new();
    for line in text(&files.tiny_words)?.lines() {
        let (key, names) = line.split_once('\t').ok_or_else(|| bad_line(&files.tiny_words, line))?;
        classes.push(Class { key: key.to_owned(), names: names.split(',').map(|name| name.trim().to_owned()).collect() });
    }
    classes.sort_by(|a, b| a.key.cmp(&b.key));
    let of_synset: BTreeMap<&str, usize> = classes.iter().enumerate().map(|(label, class)| (class.key.as_str(), label)).collect();
    let annotations = text(&files.tiny_annotations)?;
    let mut of_file = BTreeMap::new();
    for line in annotations.lines() {
        let mut columns = line.split('\t');
        let (file, synset) = columns.next().zip(columns.next()).ok_or_else(|| bad_line(&files.tiny_annotations, line))?;
        of_file.insert(file, of_synset.get(synset).copied().ok_or_else(|| bad_line(&files.tiny_annotations, line))?);
    }
    let train = PhotoSet::read(&files.tiny_train, |member| of_synset.get(member.split('/').nth(2)?).copied())?;
    let test = PhotoSet::read(&files.tiny_validation, |member| of_file.get(member.rsplit('/').next()?).copied())?;
    Ok(Source { classes, train, test })
}

/// Whether the class of this place is held out of training.
pub const fn held_out(place: usize) -> bool {
    place % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1
}

impl PhotoSet {
    /// Reads every photograph of an archive, shrunk where it is larger.
    fn read(path: &Path, label: impl Fn(&str) -> Option<usize>) -> Result<Self, PhotoError> {
        let mut members = Vec::new();
        for_each_in_tarball(path, |name, bytes| members.push((name.to_owned(), bytes.to_vec())))
            .map_err(|reason| PhotoError::Archive { path: path.to_owned(), reason })?;
        let bad = |member: &str, problem: String| PhotoError::Member { path: path.to_owned(), member: member.to_owned(), problem };
        let labels = members.iter().map(|(name, _)| label(name).ok_or_else(|| bad(name, "its class is not known".to_owned())));
        let labels: Vec<usize> = labels.collect::<Result<_, _>>()?;
        let photos: Result<Vec<Vec<u8>>, PhotoError> =
            members.into_par_iter().map(|(name, bytes)| photo(&bytes).map_err(|error| bad(&name, error.to_string()))).collect();
        Ok(Self::new(photos?.concat(), labels))
    }

    /// From bytes in the order photo, channel, row, column.
    ///
    /// # Panics
    /// If the bytes do not fill one photograph for each label.
    pub fn new(pixels: Vec<u8>, labels: Vec<usize>) -> Self {
        assert_eq!(pixels.len(), labels.len() * VALUES, "a photograph has {VALUES} bytes");
        Self { pixels, labels }
    }

    /// Photographs.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The photographs of these classes only, classes counted anew in their order.
    pub fn of_classes(&self, kept: &[usize]) -> Self {
        let mut out = Self::default();
        for (photo, label) in self.pixels.chunks(VALUES).zip(&self.labels) {
            if let Some(place) = kept.iter().position(|class| class == label) {
                out.pixels.extend_from_slice(photo);
                out.labels.push(place);
            }
        }
        out
    }

    /// Appends a photograph as it is, or as [`Framing`] shifts and mirrors it; pixels in 0..=1.
    pub fn write(&self, place: usize, framing: Framing, to: &mut Vec<f32>) {
        let photo = &self.pixels[place * VALUES..(place + 1) * VALUES];
        let edge = EDGE as i32;
        for channel in photo.chunks(EDGE * EDGE) {
            for row in 0..edge {
                // Beyond the border its pixels go on.
                let row = (row + framing.down).clamp(0, edge - 1) as usize;
                for column in 0..edge {
                    let column = if framing.mirrored { edge - 1 - column } else { column };
                    let column = (column + framing.right).clamp(0, edge - 1) as usize;
                    to.push(f32::from(channel[row * EDGE + column]) / 255.0);
                }
            }
        }
    }

    /// Photographs as they are, `[batch, channel, row, column]`.
    pub fn batch(&self, places: std::ops::Range<usize>, device: &Device) -> Tensor<4> {
        let n = places.len();
        let mut values = Vec::with_capacity(n * VALUES);
        places.for_each(|place| self.write(place, Framing::default(), &mut values));
        image_tensor(values, n, device)
    }
}

/// `[photos, channel, row, column]`
pub fn image_tensor(values: Vec<f32>, photos: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, [photos, CHANNELS, EDGE, EDGE]), device)
}

/// How a photograph is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Framing {
    down: i32,
    right: i32,
    mirrored: bool,
}

impl Framing {
    /// Up to four pixels off the centre either way; mirrored half of the time.
    pub fn random(rng: &mut impl RngExt) -> Self {
        Self { down: rng.random_range(-MARGIN..=MARGIN), right: rng.random_range(-MARGIN..=MARGIN), mirrored: rng.random_range(0..2) == 1 }
    }
}

fn photo(bytes: &[u8]) -> image::ImageResult<Vec<u8>> {
    let mut rgb = image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg)?.into_rgb8();
    if rgb.dimensions() != (EDGE as u32, EDGE as u32) {
        // From twice the size this is a triangle over four pixels: no aliasing.
        rgb = resize(&rgb, EDGE as u32, EDGE as u32, FilterType::Triangle);
    }
    Ok((0..CHANNELS).flat_map(|channel| rgb.pixels().map(move |pixel| pixel.0[channel])).collect())
}

fn text(path: &Path) -> Result<String, PhotoError> {
    let failed = |problem: &dyn fmt::Display| PhotoError::Text { path: path.to_owned(), problem: problem.to_string() };
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        return std::io::read_to_string(GzDecoder::new(bytes.as_slice())).map_err(|error| failed(&error));
    }
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn bad_line(path: &Path, line: &str) -> PhotoError {
    PhotoError::Text { path: path.to_owned(), problem: format!("the line `{line}` is not understood") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> PhotoSet {
        let pixels = (0..VALUES).map(|i| (i % EDGE * 8) as u8).collect();
        PhotoSet::new(pixels, vec![3])
    }

    #[test]
    fn framing_shifts_and_mirrors() {
        let row = |framing: Framing| {
            let mut values = Vec::new();
            gradient().write(0, framing, &mut values);
            assert_eq!(values.len(), VALUES);
            values[..EDGE].iter().map(|value| (value * 255.0).round() as usize / 8).collect::<Vec<_>>()
        };
        assert_eq!(row(Framing::default()), (0..32).collect::<Vec<_>>());
        assert_eq!(row(Framing { right: 2, ..Framing::default() })[28..], [30, 31, 31, 31]);
        assert_eq!(row(Framing { right: -1, mirrored: true, down: 4 })[..3], [30, 29, 28]);
        assert_eq!(row(Framing { right: -1, mirrored: true, down: 4 })[30..], [0, 0]);
    }

    #[test]
    fn a_tenth_of_the_classes_is_held_out() {
        assert_eq!((0..200).filter(|&place| held_out(place)).count(), 20);
        assert_eq!(gradient().of_classes(&[1, 3]).labels, [1]);
        assert!(gradient().of_classes(&[2]).is_empty());
    }

    #[test]
    fn a_larger_grey_photo_becomes_a_small_one_in_colour() {
        let mut jpeg = Vec::new();
        let grey = image::GrayImage::from_pixel(64, 64, image::Luma([200]));
        grey.write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut jpeg)).unwrap();
        let values = photo(&jpeg).unwrap();
        assert_eq!(values.len(), VALUES);
        assert!(values.iter().all(|value| value.abs_diff(200) <= 2));
        assert!(photo(&jpeg[..100]).is_err());
    }
}
