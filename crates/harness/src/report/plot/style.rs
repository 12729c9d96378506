//! Colours, shapes and the embedded font.
//!
//! # Reference
//! Palette: Okabe and Ito, “Color universal design”, 2008 (blue, vermillion, bluish green), and a grey. The page maps
//! these very values to lighter ones on a dark ground, so each is used for one purpose only.

use plotters::style::{FontStyle, RGBColor, register_font};
use reprogram_taxonomy::Paradigm;

use super::PlotError;

/// The ground.
pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
/// Text and bars.
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Axes and what is said beside them.
pub(super) const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6E);
/// Lines behind everything.
pub(super) const GRID: RGBColor = RGBColor(0xE4, 0xE7, 0xEB);

/// A marker's outline, as corners around the centre in units of its radius; a circle has none.
pub(super) const fn shape(paradigm: Paradigm) -> &'static [(f64, f64)] {
    match paradigm {
        Paradigm::ModelReprogramming => &[],
        Paradigm::PromptTuning => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Paradigm::PromptInstruction => &[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
        Paradigm::Baseline => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
    }
}

/// A marker's colour.
pub(super) const fn colour(paradigm: Paradigm) -> RGBColor {
    match paradigm {
        Paradigm::ModelReprogramming => RGBColor(0x00, 0x72, 0xB2),
        Paradigm::PromptTuning => RGBColor(0xD5, 0x5E, 0x00),
        Paradigm::PromptInstruction => RGBColor(0x00, 0x9E, 0x73),
        Paradigm::Baseline => RGBColor(0x6E, 0x6E, 0x6E),
    }
}

/// Makes the embedded font known. Both media need it: the vector one to measure text.
pub(super) fn register() -> Result<(), PlotError> {
    let regular: &'static [u8] = include_bytes!("../../../assets/fonts/DejaVuSans-subset.ttf");
    let bold: &'static [u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold-subset.ttf");
    for (style, bytes) in [(FontStyle::Normal, regular), (FontStyle::Bold, bold)] {
        register_font("sans-serif", style, bytes).map_err(|_| PlotError::new("the embedded font is not a font"))?;
    }
    Ok(())
}
