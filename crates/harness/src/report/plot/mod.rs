//! Accuracy against the number of trainable parameters, one facet a backbone and data set.
//!
//! The x axis is logarithmic; methods that train nothing stand at a place of their own, left of a break. Bars are t
//! intervals over seeds. Paradigms differ in colour and in shape, so that the plot reads without colour.

mod draw;
mod facet;
mod labels;
mod painter;
mod scale;
mod style;

use std::fmt::Display;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::drawing::IntoDrawingArea;

pub use facet::Facet;

use self::draw::figure;
use self::painter::{Medium, Painter};
use crate::report::summary::Summary;

/// Resolution of the bitmap: dots for one unit of the drawing.
const PNG_SCALE: u32 = 2;
/// Resolution of the vector drawing's coordinates, which are whole numbers.
const SVG_SCALE: u32 = 8;

/// Why there is no plot. A bug, not a matter of the records.
#[derive(Debug, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

impl PlotError {
    fn new(cause: impl Display) -> Self {
        Self(cause.to_string())
    }
}

/// The facets of a summary: its groups that have numbers.
pub fn facets(summary: &Summary) -> Vec<Facet> {
    summary.groups.iter().filter_map(Facet::of).collect()
}

/// All facets in one SVG. Text is text, in the reader's own sans-serif face.
pub fn svg(facets: &[Facet]) -> Result<String, PlotError> {
    let (width, height) = draw::size(facets);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width * SVG_SCALE, height * SVG_SCALE)).into_drawing_area();
        figure(&Painter::new(&area, f64::from(SVG_SCALE), Medium::Vector)?, facets)?;
        area.present().map_err(PlotError::new)?;
    }
    let (_, body) = text.split_once('\n').ok_or_else(|| PlotError::new("empty drawing"))?;
    let (right, bottom) = (width * SVG_SCALE, height * SVG_SCALE);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {right} {bottom}\" role=\"img\">\n<title>{}</title>\n{body}",
        escape(&draw::description(facets))
    ))
}

/// All facets in one PNG, with the embedded font.
pub fn png(facets: &[Facet]) -> Result<Vec<u8>, PlotError> {
    let (width, height) = draw::size(facets);
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        figure(&Painter::new(&area, f64::from(PNG_SCALE), Medium::Raster)?, facets)?;
        area.present().map_err(PlotError::new)?;
    }
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8).map_err(PlotError::new)?;
    Ok(bytes)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
