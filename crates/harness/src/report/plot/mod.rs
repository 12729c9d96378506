//! The plots of a report. Accuracy against what it costs, one facet a backbone and data set; mean ranks over
//! data sets.
//!
//! The first ones' x axis is logarithmic; methods that cost nothing stand at a place of their own, left of a break. Bars are t
//! intervals over seeds. Paradigms differ in colour and in shape, so that the plot reads without colour.

mod critical_difference;
mod draw;
mod facet;
mod figure;
mod labels;
mod painter;
mod profiles;
mod scale;
mod style;

use std::fmt::Display;

pub use facet::Facet;

use self::critical_difference::CriticalDifference;
use self::figure::{raster, vector};
use self::profiles::Profiles;
use crate::report::cost_axis::CostAxis;
use crate::report::ranking::Pool;
use crate::report::summary::Summary;

/// Why there is no plot. A bug, not a matter of the records.
#[derive(Debug, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

impl PlotError {
    fn new(cause: impl Display) -> Self {
        Self(cause.to_string())
    }
}

/// The facets of a summary: its groups that have numbers and this cost.
pub fn facets(summary: &Summary, axis: &'static CostAxis) -> Vec<Facet> {
    summary.groups.iter().filter_map(|group| Facet::of(group, axis)).collect()
}

/// All facets in one SVG. Text is text, in the reader's own sans-serif face.
pub fn svg(facets: &[Facet]) -> Result<String, PlotError> {
    vector(facets)
}

/// All facets in one PNG, with the embedded font.
pub fn png(facets: &[Facet]) -> Result<Vec<u8>, PlotError> {
    raster(facets)
}

/// The critical-difference diagrams of these pools as SVG.
pub fn ranks_svg(pools: &[Pool]) -> Result<String, PlotError> {
    vector(&CriticalDifference(pools))
}

/// The same as PNG.
pub fn ranks_png(pools: &[Pool]) -> Result<Vec<u8>, PlotError> {
    raster(&CriticalDifference(pools))
}

/// Performance profiles as SVG and PNG; nothing where there are too few settings or seeds.
pub fn profiles(pools: &[Pool]) -> Result<Option<(String, Vec<u8>)>, PlotError> {
    let Some(profiles) = Profiles::of(pools) else { return Ok(None) };
    Ok(Some((vector(&profiles)?, raster(&profiles)?)))
}

#[cfg(test)]
mod tests;
