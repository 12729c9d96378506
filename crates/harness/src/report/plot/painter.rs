//! A brush: lines, shapes and text in units of the drawing, on whatever plotters can draw on.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle};
use reprogram_taxonomy::Paradigm;

use super::PlotError;
use super::labels::RADIUS;
use super::scale::Rect;
use super::style::{PAPER, colour, register, shape};

/// Height of a line of the embedded font over its em: (ascent + descent) / units per em.
const LINE_OVER_EM: f64 = 1.164;
/// What plotters divides a size by to get the font size of an SVG.
const SVG_SIZE_OVER_EM: f64 = 1.24;

/// What is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    Vector,
    Raster,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) em: f64,
    pub(super) weight: FontStyle,
    pub(super) colour: RGBColor,
}

pub(super) struct Painter<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    medium: Medium,
}

impl<'a, DB: DrawingBackend> Painter<'a, DB> {
    pub(super) fn new(area: &'a DrawingArea<DB, Shift>, scale: f64, medium: Medium) -> Result<Self, PlotError> {
        register()?;
        Ok(Self { area, scale, medium })
    }

    pub(super) fn fill(&self, rect: Rect, colour: RGBColor) -> Result<(), PlotError> {
        let corners = [self.dot((rect.left, rect.top)), self.dot((rect.right, rect.bottom))];
        failed(self.area.draw(&Rectangle::new(corners, colour.filled())))
    }

    pub(super) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: f64) -> Result<(), PlotError> {
        let style = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width * self.scale).round().max(1.0) as u32 };
        failed(self.area.draw(&PathElement::new(points.iter().map(|&point| self.dot(point)).collect::<Vec<_>>(), style)))
    }

    /// A horizontal dashed line.
    pub(super) fn dashes(&self, from: f64, to: f64, y: f64, colour: RGBColor) -> Result<(), PlotError> {
        let n = ((to - from) / 10.0).floor() as usize;
        (0..n).map(|i| from + 10.0 * i as f64).try_for_each(|x| self.line(&[(x, y), (x + 6.0, y)], colour, 1.25))
    }

    /// A marker with a rim in the colour of the ground, so that markers on a line or on each other stay apart.
    pub(super) fn marker(&self, at: (f64, f64), paradigm: Paradigm) -> Result<(), PlotError> {
        self.outline(at, paradigm, RADIUS, PAPER)?;
        self.outline(at, paradigm, RADIUS - 1.4, colour(paradigm))
    }

    fn outline(&self, at: (f64, f64), paradigm: Paradigm, radius: f64, colour: RGBColor) -> Result<(), PlotError> {
        let corners = shape(paradigm);
        if corners.is_empty() {
            return failed(self.area.draw(&Circle::new(self.dot(at), (radius * self.scale).round() as u32, colour.filled())));
        }
        let corners: Vec<(i32, i32)> = corners.iter().map(|&(x, y)| self.dot((at.0 + x * radius, at.1 + y * radius))).collect();
        failed(self.area.draw(&Polygon::new(corners, colour.filled())))
    }

    /// Text beside, around or before a place, its middle at the place's height.
    pub(super) fn text(&self, text: &str, at: (f64, f64), kind: Type, anchor: HPos) -> Result<(), PlotError> {
        let size = kind.em * self.scale;
        // The vector medium centres by the x-height; plotters draws glyphs of a bitmap too high by a part of their size.
        let (size, drop) = match self.medium {
            Medium::Vector => (size * SVG_SIZE_OVER_EM, 0.08 * kind.em),
            Medium::Raster => (size * LINE_OVER_EM, 0.24 * kind.em),
        };
        let style = ("sans-serif", size, kind.weight).into_font().color(&kind.colour).pos(Pos::new(anchor, VPos::Center));
        failed(self.area.draw(&Text::new(text.to_owned(), self.dot((at.0, at.1 + drop)), style)))
    }

    /// How wide a text is in the embedded font, which is a wide one.
    pub(super) fn width(&self, text: &str, kind: Type) -> Result<f64, PlotError> {
        let size = kind.em * self.scale * LINE_OVER_EM;
        let (width, _) = ("sans-serif", size, kind.weight).into_font().box_size(text).map_err(PlotError::new)?;
        Ok(f64::from(width) / self.scale)
    }

    fn dot(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }
}

fn failed<E: std::error::Error + Send + Sync>(result: Result<(), DrawingAreaErrorKind<E>>) -> Result<(), PlotError> {
    result.map_err(PlotError::new)
}
