//! Short texts on an image, in the embedded font.

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use image::{Rgb, RgbImage};

const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

/// Black letters of one size.
pub(super) struct Lettering {
    font: FontRef<'static>,
    scale: PxScale,
}

impl Lettering {
    /// Letters whose lines are so many pixels high.
    pub(super) fn new(height: f32) -> Self {
        Self { font: FontRef::try_from_slice(FONT).expect("the embedded font is a font"), scale: PxScale::from(height) }
    }

    /// The pixels that a text is wide.
    pub(super) fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale);
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// The text, or as much of its beginning as fits, with an ellipsis.
    pub(super) fn fitted(&self, text: &str, width: f32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let mut letters: Vec<char> = text.chars().collect();
        while letters.pop().is_some() {
            let shorter: String = letters.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&shorter) <= width {
                return shorter;
            }
        }
        String::new()
    }

    /// The text in lines that fit, broken between words; a word that is too long for a line is cut.
    pub(super) fn lines(&self, text: &str, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => *line = format!("{line} {word}"),
                Some(_) | None => lines.push(self.fitted(word, width)),
            }
        }
        lines
    }

    /// Draws a text whose upper left corner is here; what lies outside of the image is cut.
    pub(super) fn draw(&self, on: &mut RgbImage, [left, top]: [u32; 2], text: &str) {
        let font = self.font.as_scaled(self.scale);
        let (mut x, baseline) = (left as f32, top as f32 + font.ascent());
        for letter in text.chars() {
            let glyph = font.glyph_id(letter).with_scale_and_position(self.scale, point(x, baseline));
            x += font.h_advance(glyph.id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, coverage| {
                let (column, row) = (corner.x + column as f32, corner.y + row as f32);
                if column >= 0.0 && row >= 0.0 && (column as u32) < on.width() && (row as u32) < on.height() {
                    let Rgb(pixel) = on.get_pixel_mut(column as u32, row as u32);
                    for value in pixel {
                        *value = (f32::from(*value) * (1.0 - coverage.clamp(0.0, 1.0))).round() as u8;
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn a_text_is_cut_to_what_fits() {
        let lettering = Lettering::new(14.0);
        assert_eq!(lettering.fitted("cat", 100.0), "cat");
        let cut = lettering.fitted("red and white triangle with exclamation mark warning", 100.0);
        assert!(cut.ends_with('…') && lettering.width(&cut) <= 100.0, "{cut}");
        assert_eq!(lettering.fitted("cat", 1.0), "");
        let lines = lettering.lines("red and white triangle with exclamation mark warning", 100.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| lettering.width(line) <= 100.0), "{lines:?}");
        assert_eq!(lines.join(" "), "red and white triangle with exclamation mark warning");
    }

    #[test]
    fn letters_darken_the_place_they_are_put_to_and_nothing_else() {
        let mut image = RgbImage::from_pixel(60, 40, Rgb([255; 3]));
        Lettering::new(14.0).draw(&mut image, [20, 10], "cat");
        let dark: Vec<(u32, u32)> = image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] < 128).map(|(x, y, _)| (x, y)).collect();
        assert!(dark.len() > 20, "{}", dark.len());
        assert!(dark.iter().all(|(x, y)| (20..50).contains(x) && (10..25).contains(y)), "{dark:?}");
        Lettering::new(14.0).draw(&mut image, [58, 38], "outside");
    }

    #[test]
    fn the_font_has_every_letter_of_the_classes() {
        let font = FontRef::try_from_slice(FONT).unwrap();
        for (name, entry) in Registry::built_in().unwrap().datasets() {
            for letter in entry.classes().iter().flat_map(|class| class.chars()) {
                assert_ne!(font.glyph_id(letter).0, 0, "{name}: {letter}");
            }
        }
    }
}
