//! Letters as small grey images: bright ink on black, with random affine distortion and noise.

use ab_glyph::{Font, FontRef, InvalidFont, PxScale, ScaleFont};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The classes, in order: capitals first.
pub const LETTERS: [char; 52] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a',
    'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];

/// Pixels of an image's edge.
pub const IMAGE: usize = 28;

/// Letters are drawn large first, and sampled from there.
const DRAWING: usize = 96;
/// Height of a capital H in the drawing. Every font is scaled to it, so that capitals and small letters keep their sizes.
const CAPITAL: f32 = 62.0;
/// Where letters stand in the drawing, counted from the top: descenders fit below.
const BASELINE: f32 = 74.0;

/// Each pixel averages a grid of this many samples a side, so that the smaller image is not aliased.
const GRID: usize = 3;

/// One letter, drawn large. Values in 0..=1, `DRAWING × DRAWING`.
struct Drawing(Vec<f32>);

/// All letters of one font.
pub struct Alphabet {
    drawings: Vec<Drawing>,
}

impl Alphabet {
    /// Draws the letters of a TrueType font.
    pub fn draw(font: &[u8]) -> Result<Self, InvalidFont> {
        let font = FontRef::try_from_slice(font)?;
        Ok(Self { drawings: LETTERS.iter().map(|&letter| draw(&font, letter)).collect() })
    }

    /// One letter as an image, distorted.
    pub fn image(&self, class: usize, distortion: &Distortion) -> Vec<f32> {
        distortion.sample(&self.drawings[class])
    }
}

fn draw(font: &FontRef<'_>, letter: char) -> Drawing {
    let capital = |scale: f32| {
        let scaled = font.as_scaled(PxScale::from(scale));
        scaled.outline_glyph(scaled.scaled_glyph('H')).map_or(scale, |outline| outline.px_bounds().height())
    };
    let scaled = font.as_scaled(PxScale::from(CAPITAL * 1_000.0 / capital(1_000.0)));
    let glyph = scaled.scaled_glyph(letter);
    let mut pixels = vec![0.0; DRAWING * DRAWING];
    if let Some(outline) = scaled.outline_glyph(glyph) {
        let bounds = outline.px_bounds();
        let left = ((DRAWING as f32 - bounds.width()) / 2.0).round() as i64;
        let top = (BASELINE + bounds.min.y).round() as i64;
        outline.draw(|x, y, coverage| {
            let (column, row) = (left + i64::from(x), top + i64::from(y));
            if let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row))
                && column < DRAWING
                && row < DRAWING
            {
                pixels[row * DRAWING + column] = coverage.clamp(0.0, 1.0);
            }
        });
    }
    Drawing(pixels)
}

/// How an image differs from the drawing.
pub struct Distortion {
    /// From image to drawing, both centred: row-major 2 × 2.
    map: [f32; 4],
    /// In pixels of the drawing.
    shift: [f32; 2],
    ink: f32,
    noise: Vec<f32>,
}

impl Distortion {
    /// Nothing but the change of size.
    pub fn none() -> Self {
        let zoom = DRAWING as f32 / IMAGE as f32;
        Self { map: [zoom, 0.0, 0.0, zoom], shift: [0.0; 2], ink: 1.0, noise: vec![0.0; IMAGE * IMAGE] }
    }

    /// Rotation up to ±10°, shear ±.15, size ±8 %, aspect ±8 %, shift ±1.5 px, ink .7–1, noise of up to .08.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let mut within = |bound: f32| rng.random_range(-bound..=bound);
        let zoom = DRAWING as f32 / IMAGE as f32;
        let (angle, shear) = (within(10f32.to_radians()), within(0.15));
        let (size, aspect) = (1.0 + within(0.08), 1.0 + within(0.08));
        let (sin, cos) = angle.sin_cos();
        let (across, down) = (zoom * size * aspect, zoom * size / aspect);
        let map = [across * cos, down * (shear * cos - sin), across * sin, down * (shear * sin + cos)];
        let shift = [within(1.5) * zoom, within(1.5) * zoom];
        let ink = 0.85 + within(0.15);
        let strength = 0.04 + within(0.04);
        let noise = (0..IMAGE * IMAGE).map(|_| strength * within(1.0)).collect();
        Self { map, shift, ink, noise }
    }

    fn sample(&self, drawing: &Drawing) -> Vec<f32> {
        let (half_image, half_drawing) = (IMAGE as f32 / 2.0, DRAWING as f32 / 2.0);
        let offsets = (0..GRID * GRID).map(|i| [(i % GRID), (i / GRID)].map(|j| (j as f32 + 0.5) / GRID as f32));
        let offsets: Vec<[f32; 2]> = offsets.collect();
        let pixels = (0..IMAGE * IMAGE).map(|i| {
            let (column, row) = ((i % IMAGE) as f32, (i / IMAGE) as f32);
            let mean = offsets.iter().map(|[dx, dy]| {
                let (x, y) = (column + dx - half_image, row + dy - half_image);
                let u = self.map[0] * x + self.map[1] * y + half_drawing + self.shift[0];
                let v = self.map[2] * x + self.map[3] * y + half_drawing + self.shift[1];
                drawing.at(u, v)
            });
            let mean = mean.sum::<f32>() / (GRID * GRID) as f32;
            (self.ink * mean + self.noise[i]).clamp(0.0, 1.0)
        });
        pixels.collect()
    }
}

impl Drawing {
    /// The pixel at a point; black outside.
    fn at(&self, x: f32, y: f32) -> f32 {
        let inside = |value: f32| (0.0..DRAWING as f32).contains(&value);
        if inside(x) && inside(y) { self.0[y as usize * DRAWING + x as usize] } else { 0.0 }
    }
}
