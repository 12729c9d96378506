//! What a page may show of tested items beside their ids, where somebody asks for it: names of classes, texts, small images.

use std::collections::BTreeMap;

use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageBuffer, ImageEncoder as _, Rgb};

use crate::data::{Content, DataSet, Image};

/// A data set's items as a reader sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// The names of its classes.
    pub classes: Vec<String>,
    /// By id.
    pub items: BTreeMap<String, Sight>,
}

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// Its text, cut where it is long.
    Text(String),
    /// A small image, as an address that holds it.
    Image(String),
}

/// Longer texts are cut to so many characters.
pub(super) const TEXT: usize = 280;
/// Larger images are made so wide and high.
pub(super) const EDGE: u32 = 28;

impl Shown {
    /// These items of a data set; recordings and series have no sight.
    pub fn of<'a>(dataset: &DataSet, ids: impl IntoIterator<Item = &'a str>) -> Self {
        let sight = |id: &'a str| {
            let sight = match &dataset.tested(id)?.content {
                Content::Text(text) => Sight::Text(cut(text, TEXT)),
                Content::Question(question) => Sight::Text(cut(&question.lettered(), TEXT)),
                Content::Image(image) => Sight::Image(thumbnail(image)),
                Content::Recording(_) | Content::Series(_) => return None,
            };
            Some((id.to_owned(), sight))
        };
        Self { classes: dataset.classes().to_vec(), items: ids.into_iter().filter_map(sight).collect() }
    }
}

/// The beginning of a text, on one line.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

fn thumbnail(image: &Image) -> String {
    let plane = image.height * image.width;
    let value =
        |channel: usize, at: usize| (image.pixels[channel.min(image.channels - 1) * plane + at].clamp(0.0, 1.0) * 255.0).round() as u8;
    let (width, height) = (image.width as u32, image.height as u32);
    let pixel = |x: u32, y: u32| Rgb([0, 1, 2].map(|channel| value(channel, y as usize * image.width + x as usize)));
    let mut small = ImageBuffer::from_fn(width, height, pixel);
    let longer = width.max(height);
    if longer > EDGE {
        let edge = |edge: u32| (edge * EDGE / longer).max(1);
        small = resize(&small, edge(width), edge(height), FilterType::Triangle);
    }
    let mut bytes = Vec::new();
    let (width, height) = small.dimensions();
    let written = PngEncoder::new(&mut bytes).write_image(&small, width, height, ExtendedColorType::Rgb8);
    written.expect("memory can be written to, and there are as many bytes as pixels say");
    format!("data:image/png;base64,{}", base64(&bytes))
}

/// # Reference
/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        for place in 0..4 {
            let sign = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        assert_eq!(["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn a_large_image_is_made_small_and_a_long_text_short() {
        let image = |edge: usize| Image { channels: 1, height: edge, width: edge, pixels: vec![0.5; edge * edge] };
        let small = thumbnail(&image(8));
        assert!(small.starts_with("data:image/png;base64,iVBORw0KGgo"), "{small}");
        assert!(thumbnail(&image(224)).len() < 2_000);
        assert_eq!(cut("a  b\nc", 9), "a b c");
        assert_eq!(cut("abcdef ghi", 8), "abcdef…");
    }
}
