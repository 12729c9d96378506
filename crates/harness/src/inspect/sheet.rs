//! A contact sheet: a few items of each class as pictures, under the names of their classes. Recordings and series are drawn as lines.

use image::imageops::{FilterType, overlay, resize};
use image::{Rgb, RgbImage};

use super::lettering::Lettering;
use super::sketch;
use crate::assets::Digest;
use crate::data::{Content, Example, Image};

/// What a sheet shows.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The line above.
    pub title: &'a str,
    /// Names of the classes.
    pub classes: &'a [String],
    /// Items, in any order.
    pub examples: &'a [Example],
    /// Items shown of each class, those whose ids come first by their digest.
    pub n_each: usize,
}

/// Edge of a picture at least, in pixels; smaller ones are enlarged by a whole factor.
const EDGE: u32 = 64;
const LINE_TILE: [u32; 2] = [128, EDGE];
const TEXT_HEIGHT: f32 = 15.0;
const LABEL: u32 = 18;
const GAP: u32 = 4;
const BETWEEN: u32 = 14;
const PAPER: Rgb<u8> = Rgb([255; 3]);
const EMPTY: Rgb<u8> = Rgb([230; 3]);

/// Draws it; nothing where the items are texts, which are read instead.
pub fn contact_sheet(sheet: Sheet<'_>) -> Option<RgbImage> {
    let tiles: Vec<Vec<RgbImage>> = (0..sheet.classes.len()).map(|class| of_class(sheet, class)).collect::<Option<_>>()?;
    let [width, height] = tiles.iter().flatten().fold([1, 1], |[w, h], tile| [w.max(tile.width()), h.max(tile.height())]);
    let n_each = sheet.n_each as u32;
    let lettering = Lettering::new(TEXT_HEIGHT);
    let inner = n_each * (width + GAP) - GAP;
    let labels: Vec<Vec<String>> = sheet.classes.iter().map(|class| lettering.lines(class, inner as f32)).collect();
    // All classes have room for the longest name.
    let label = LABEL * labels.iter().map(Vec::len).max().unwrap_or(1) as u32;
    let cell = [inner, label + height];
    let n_columns = columns(tiles.len() as u32, cell);
    let n_rows = (tiles.len() as u32).div_ceil(n_columns);
    let size = |n: u32, edge: u32| n * (edge + BETWEEN) + BETWEEN;
    let mut paper = RgbImage::from_pixel(size(n_columns, cell[0]), LABEL + GAP + size(n_rows, cell[1]), PAPER);
    lettering.draw(&mut paper, [BETWEEN, GAP], &lettering.fitted(sheet.title, (size(n_columns, cell[0]) - BETWEEN) as f32));
    for (place, (lines, tiles)) in labels.iter().zip(tiles).enumerate() {
        let (column, row) = (place as u32 % n_columns, place as u32 / n_columns);
        let (left, top) = (BETWEEN + column * (cell[0] + BETWEEN), LABEL + GAP + BETWEEN + row * (cell[1] + BETWEEN));
        // Right above the pictures.
        let first = top + label - LABEL * lines.len() as u32;
        for (line, text) in lines.iter().enumerate() {
            lettering.draw(&mut paper, [left, first + LABEL * line as u32], text);
        }
        for place in 0..sheet.n_each {
            let x = i64::from(left + place as u32 * (width + GAP));
            match tiles.get(place) {
                Some(tile) => overlay(&mut paper, tile, x, i64::from(top + label)),
                None => overlay(&mut paper, &RgbImage::from_pixel(width, height, EMPTY), x, i64::from(top + label)),
            }
        }
    }
    Some(paper)
}

/// Pictures of the items shown of a class; nothing where one has none.
fn of_class(sheet: Sheet<'_>, class: usize) -> Option<Vec<RgbImage>> {
    let mut items: Vec<&Example> = sheet.examples.iter().filter(|example| example.gold.class() == Some(class)).collect();
    items.sort_by_cached_key(|example| Digest::of_parts(&["sheet", &example.id]));
    items.into_iter().take(sheet.n_each).map(|example| picture(&example.content)).collect()
}

fn picture(content: &Content) -> Option<RgbImage> {
    match content {
        Content::Image(image) => Some(enlarged(&rgb(image))),
        Content::Recording(_) | Content::Series(_) => sketch::tile(content, LINE_TILE),
        Content::Text(_) | Content::Question(_) => None,
    }
}

/// Grey images have one value for all three colours.
pub(super) fn rgb(image: &Image) -> RgbImage {
    let Image { channels, height, width, pixels } = image;
    let value = |channel: usize, place: usize| (pixels[channel.min(channels - 1) * height * width + place] * 255.0).round() as u8;
    RgbImage::from_fn(*width as u32, *height as u32, |x, y| {
        let place = y as usize * width + x as usize;
        Rgb([value(0, place), value(1, place), value(2, place)])
    })
}

/// By a whole factor, so that every pixel stays a square.
fn enlarged(image: &RgbImage) -> RgbImage {
    let factor = (EDGE / image.width().max(image.height()).max(1)).max(1);
    resize(image, image.width() * factor, image.height() * factor, FilterType::Nearest)
}

/// As many cells side by side as make the sheet most nearly four wide and three high.
fn columns(n_cells: u32, [width, height]: [u32; 2]) -> u32 {
    let off = |n: u32| {
        let ratio = f64::from(n * (width + BETWEEN)) / f64::from(n_cells.div_ceil(n) * (height + BETWEEN));
        (ratio / (4.0 / 3.0)).ln().abs()
    };
    (1..=n_cells).min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Gold, Series};

    fn item(place: usize, class: usize, colour: [f32; 3]) -> Example {
        let pixels = colour.iter().flat_map(|value| [*value; 4]).collect();
        let content = Content::Image(Image { channels: 3, height: 2, width: 2, pixels });
        Example { id: format!("{place}"), content, gold: Gold::Class(class) }
    }

    #[test]
    fn a_class_is_a_row_of_its_own_items() {
        // Without names: letters have greys of their own.
        let classes = [String::new(), String::new()];
        let examples = [item(0, 1, [0.0, 0.0, 1.0]), item(1, 0, [1.0, 0.0, 0.0]), item(2, 0, [1.0, 0.0, 0.0])];
        let sheet = Sheet { title: "", classes: &classes, examples: &examples, n_each: 2 };
        let paper = contact_sheet(sheet).unwrap();
        let count = |colour: [u8; 3]| paper.pixels().filter(|pixel| pixel.0 == colour).count();
        assert_eq!(count([255, 0, 0]), 2 * 64 * 64);
        assert_eq!(count([0, 0, 255]), 64 * 64);
        assert_eq!(count([230; 3]), 64 * 64, "the place of the second blue image is empty");
    }

    #[test]
    fn pixels_stay_where_they_are() {
        // Top row black and white; bottom row grey, a quarter and three.
        let image = Image { channels: 1, height: 2, width: 2, pixels: vec![0.0, 1.0, 0.25, 0.75] };
        let picture = enlarged(&rgb(&image));
        assert_eq!(picture.dimensions(), (64, 64));
        let at = |x, y| picture.get_pixel(x, y).0[0];
        assert_eq!([at(0, 0), at(63, 0), at(0, 63), at(63, 63)], [0, 255, 64, 191]);
    }

    #[test]
    fn lines_are_drawn_and_texts_are_not() {
        let series = Example { id: String::new(), content: Content::Series(Series::new(&[0.0, 1.0])), gold: Gold::Class(0) };
        let text = Example { content: Content::Text("a".to_owned()), ..series.clone() };
        let classes = ["one".to_owned()];
        let of = |examples: &[Example]| contact_sheet(Sheet { title: "", classes: &classes, examples, n_each: 1 });
        assert!(of(&[series]).is_some());
        assert!(of(&[text]).is_none());
    }

    #[test]
    fn a_sheet_of_many_classes_is_no_ribbon() {
        assert_eq!(columns(1, [100, 100]), 1);
        assert_eq!(columns(200, [200, 80]), 11);
    }
}
