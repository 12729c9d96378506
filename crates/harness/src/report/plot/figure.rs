//! A drawing that can be put on either medium: SVG or PNG.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::drawing::IntoDrawingArea;
use plotters::prelude::DrawingBackend;

use super::PlotError;
use super::painter::{Medium, Painter};

/// Resolution of the bitmap: dots for one unit of the drawing.
const PNG_SCALE: u32 = 2;
/// Resolution of the vector drawing's coordinates, which are whole numbers.
const SVG_SCALE: u32 = 8;

/// Something to be drawn.
pub(super) trait Figure {
    /// Width and height.
    fn size(&self) -> (u32, u32);
    /// What it shows, in a sentence: for those who cannot see it.
    fn description(&self) -> String;
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, painter: &Painter<'_, DB>) -> Result<(), PlotError>;
}

/// As SVG. Text is text, in the reader's own sans-serif face.
pub(super) fn vector(figure: &(impl Figure + ?Sized)) -> Result<String, PlotError> {
    let (width, height) = figure.size();
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width * SVG_SCALE, height * SVG_SCALE)).into_drawing_area();
        figure.draw(&Painter::new(&area, f64::from(SVG_SCALE), Medium::Vector)?)?;
        area.present().map_err(PlotError::new)?;
    }
    let (_, body) = text.split_once('\n').ok_or_else(|| PlotError::new("empty drawing"))?;
    let (right, bottom) = (width * SVG_SCALE, height * SVG_SCALE);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {right} {bottom}\" role=\"img\">\n<title>{}</title>\n{body}",
        escape(&figure.description())
    ))
}

/// As PNG, with the embedded font.
pub(super) fn raster(figure: &(impl Figure + ?Sized)) -> Result<Vec<u8>, PlotError> {
    let (width, height) = figure.size();
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        figure.draw(&Painter::new(&area, f64::from(PNG_SCALE), Medium::Raster)?)?;
        area.present().map_err(PlotError::new)?;
    }
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8).map_err(PlotError::new)?;
    Ok(bytes)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
