//! Draws a figure: facets side by side, a legend below.

use plotters::prelude::DrawingBackend;
use plotters::style::FontStyle;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::facet::Facet;
use super::figure::Figure;
use super::labels::{Placed, Spot, place, side_by_side};
use super::painter::{Painter, Type};
use super::scale::{Rect, XAxis, YAxis};
use super::style::{GRID, INK, MUTED, PAPER};
use crate::measure::Measure;
use crate::report::cost_axis::tick as axis_number;
use crate::report::number::percent;

const FACET: (u32, u32) = (640, 440);
const LEGEND: u32 = 82;
const COLUMNS: usize = 2;
/// Left, top, right and bottom of a facet's frame within the facet.
const MARGIN: (f64, f64, f64, f64) = (52.0, 66.0, 18.0, 56.0);

const LABEL: Type = Type { em: 13.0, weight: FontStyle::Normal, colour: INK };
const TITLE: Type = Type { em: 15.0, weight: FontStyle::Bold, colour: INK };
/// Of those on the front.
const AHEAD: Type = Type { weight: FontStyle::Bold, ..LABEL };
const SIDE: Type = Type { em: 12.0, weight: FontStyle::Normal, colour: MUTED };

/// All facets.
impl Figure for [Facet] {
    fn size(&self) -> (u32, u32) {
        let columns = self.len().clamp(1, COLUMNS);
        let rows = self.len().div_ceil(columns).max(1);
        (FACET.0 * columns as u32, FACET.1 * rows as u32 + LEGEND)
    }

    fn description(&self) -> String {
        let titles: Vec<&str> = self.iter().map(|facet| facet.title.as_str()).collect();
        if titles.is_empty() {
            return "No finished trial to plot.".to_owned();
        }
        let fronts: Vec<String> = self.iter().map(|facet| facet.front().join(", ")).collect();
        format!(
            "{} against {}, on a logarithmic axis, for {}. Nothing is as cheap and as accurate as {}. The numbers are in the table.",
            measures(self),
            self[0].cost,
            titles.join("; "),
            fronts.join("; ")
        )
    }

    fn draw<DB: DrawingBackend>(&self, painter: &Painter<'_, DB>) -> Result<(), PlotError> {
        let (width, height) = self.size();
        let (width, height) = (f64::from(width), f64::from(height));
        painter.fill(Rect { left: 0.0, top: 0.0, right: width, bottom: height }, PAPER)?;
        if self.is_empty() {
            return painter.text("no finished trial to plot", (width / 2.0, height / 2.0), SIDE, HPos::Center);
        }
        for (index, facet) in self.iter().enumerate() {
            let left = f64::from(FACET.0) * (index % COLUMNS) as f64;
            let top = f64::from(FACET.1) * (index / COLUMNS) as f64;
            let frame = Rect {
                left: left + MARGIN.0,
                top: top + MARGIN.1,
                right: left + f64::from(FACET.0) - MARGIN.2,
                bottom: top + f64::from(FACET.1) - MARGIN.3,
            };
            one(painter, facet, frame)?;
        }
        legend(painter, self, height - f64::from(LEGEND))
    }
}

/// What the facets show, in words.
fn measures(facets: &[Facet]) -> &'static str {
    let has = |measure: Measure| facets.iter().any(|facet| facet.measure == measure);
    match (has(Measure::Accuracy), has(Measure::Mse)) {
        (true, true) => "Test accuracy, or mean squared error of forecasts,",
        (false, true) => "Mean squared error of forecasts",
        (_, false) => "Test accuracy",
    }
}

const fn axis_title(measure: Measure) -> &'static str {
    match measure {
        Measure::Accuracy => "test accuracy, %",
        Measure::Mse => "test MSE, less is better",
    }
}

fn one<DB: DrawingBackend>(painter: &Painter<'_, DB>, facet: &Facet, frame: Rect) -> Result<(), PlotError> {
    let (x, y) = (XAxis::of(facet, frame), YAxis::of(facet, frame));
    painter.text(&facet.title, (frame.left, frame.top - 42.0), TITLE, HPos::Left)?;
    painter.text(axis_title(facet.measure), (frame.left, frame.top - 16.0), SIDE, HPos::Left)?;
    y_axis(painter, facet.measure, &y, frame)?;
    x_axis(painter, &x, facet.cost, frame)?;
    let mut taken = chance(painter, facet, &y, frame)?;

    let mut spots: Vec<Spot> = facet
        .points
        .iter()
        .map(|point| Spot {
            at: (x.place(point.cost), y.place(point.score)),
            bar: point.ends.map(|(low, high)| (y.place(high), y.place(low))),
        })
        .collect();
    side_by_side(&mut spots);
    let style = |i: usize| if facet.front.contains(&i) { AHEAD } else { LABEL };
    let sizes: Result<Vec<_>, PlotError> =
        facet.points.iter().enumerate().map(|(i, point)| Ok((painter.width(&point.label, style(i))? + 2.0, LABEL.em + 3.0))).collect();
    let steps = steps(facet, &spots);
    // The line strikes no name through.
    taken.extend(steps.windows(2).map(|pair| Rect {
        left: pair[0].0.min(pair[1].0) - 2.0,
        top: pair[0].1.min(pair[1].1) - 2.0,
        right: pair[0].0.max(pair[1].0) + 2.0,
        bottom: pair[0].1.max(pair[1].1) + 2.0,
    }));
    let labels = place(&spots, &sizes?, frame, &taken);
    if steps.len() > 1 {
        painter.line(&steps, MUTED, 1.25)?;
    }
    for spot in &spots {
        if let Some((top, bottom)) = shown_bar(spot) {
            painter.line(&[(spot.at.0, top), (spot.at.0, bottom)], INK, 1.25)?;
        }
    }
    for Placed { leader, .. } in &labels {
        if let Some(leader) = leader {
            painter.line(leader, MUTED, 0.75)?;
        }
    }
    for (spot, point) in spots.iter().zip(&facet.points) {
        painter.marker(spot.at, point.paradigm)?;
        // The ends lie on the marker, for else it would hide a short bar.
        for y in shown_bar(spot).into_iter().flat_map(|(top, bottom)| [top, bottom]) {
            painter.line(&[(spot.at.0 - 3.5, y), (spot.at.0 + 3.5, y)], INK, 1.25)?;
        }
    }
    for (i, ((Placed { rect, .. }, spot), point)) in labels.iter().zip(&spots).zip(&facet.points).enumerate() {
        let y = f64::midpoint(rect.top, rect.bottom);
        // Anchored at the side that faces the point, so that a narrower face does not leave a gap there.
        let (x, anchor) = if rect.left > spot.at.0 {
            (rect.left + 1.0, HPos::Left)
        } else if rect.right < spot.at.0 {
            (rect.right - 1.0, HPos::Right)
        } else {
            (f64::midpoint(rect.left, rect.right), HPos::Center)
        };
        painter.text(&point.label, (x, y), style(i), anchor)?;
    }
    Ok(())
}

/// The front as stairs: what is reached at a cost, until one that costs more reaches more.
fn steps(facet: &Facet, spots: &[Spot]) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for at in facet.front.iter().map(|&i| spots[i].at) {
        line.extend(line.last().map(|&(_, height)| (at.0, height)));
        line.push(at);
    }
    line.dedup();
    line
}

fn y_axis<DB: DrawingBackend>(painter: &Painter<'_, DB>, measure: Measure, axis: &YAxis, frame: Rect) -> Result<(), PlotError> {
    for tick in axis.ticks() {
        let y = axis.place(tick);
        painter.line(&[(frame.left, y), (frame.right, y)], GRID, 1.0)?;
        let text = match measure {
            Measure::Accuracy => percent(tick),
            Measure::Mse => ((tick * 1e6).round() / 1e6).to_string(),
        };
        painter.text(text.strip_suffix(".0").unwrap_or(&text), (frame.left - 8.0, y), SIDE, HPos::Right)?;
    }
    Ok(())
}

/// The axis, its ticks, and between zero and the rest a break: two strokes across the line.
fn x_axis<DB: DrawingBackend>(painter: &Painter<'_, DB>, axis: &XAxis, cost: &str, frame: Rect) -> Result<(), PlotError> {
    let y = frame.bottom;
    let tick = |x: f64, text: &str| {
        painter.line(&[(x, y), (x, y + 5.0)], MUTED, 1.0)?;
        painter.text(text, (x, y + 17.0), SIDE, HPos::Center)
    };
    match (axis.zero, axis.log) {
        (Some(zero), Some((left, right))) => {
            let gap = left - 6.0;
            painter.line(&[(frame.left, y), (gap - 4.0, y)], MUTED, 1.0)?;
            painter.line(&[(gap + 4.0, y), (right, y)], MUTED, 1.0)?;
            for x in [gap - 4.0, gap + 4.0] {
                painter.line(&[(x - 3.0, y + 6.0), (x + 3.0, y - 6.0)], MUTED, 1.0)?;
            }
            tick(zero, "0")?;
        }
        (Some(zero), None) => {
            painter.line(&[(frame.left, y), (frame.right, y)], MUTED, 1.0)?;
            tick(zero, "0")?;
        }
        (None, _) => painter.line(&[(frame.left, y), (frame.right, y)], MUTED, 1.0)?,
    }
    for number in axis.ticks() {
        tick(axis.place(number), &axis_number(number))?;
    }
    let title = if axis.log.is_some() { format!("{cost}, log scale") } else { cost.to_owned() };
    let middle = axis.log.map_or(f64::midpoint(frame.left, frame.right), |(left, right)| f64::midpoint(left, right));
    painter.text(&title, (middle, y + 38.0), SIDE, HPos::Center)
}

/// The line of a guess, and where it and its word stand. Off the axis, the word alone says which way it lies.
fn chance<DB: DrawingBackend>(painter: &Painter<'_, DB>, facet: &Facet, axis: &YAxis, frame: Rect) -> Result<Vec<Rect>, PlotError> {
    let Some(share) = facet.chance else { return Ok(Vec::new()) };
    let is_on_axis = axis.covers(share);
    let (y, arrow) = match (is_on_axis, axis.covers(0.0)) {
        (true, _) => (axis.place(share), ""),
        (false, false) => (frame.bottom - 12.0, " ↓"),
        (false, true) => (frame.top + 18.0, " ↑"),
    };
    let text = format!("chance {}{arrow}", percent(share));
    let width = painter.width(&text, SIDE)?;
    painter.text(&text, (frame.right, y - 9.0), SIDE, HPos::Right)?;
    let word = Rect { left: frame.right - width - 2.0, top: y - 17.0, right: frame.right, bottom: y };
    if !is_on_axis {
        return Ok(vec![word]);
    }
    painter.dashes(frame.left, frame.right, y, MUTED)?;
    Ok(vec![word, Rect { left: frame.left, top: y - 0.5, right: frame.right, bottom: y + 0.5 }])
}

/// The bar as seen, unless it has no length to show.
fn shown_bar(spot: &Spot) -> Option<(f64, f64)> {
    spot.bar.filter(|(top, bottom)| bottom - top >= 1.0)
}

fn legend<DB: DrawingBackend>(painter: &Painter<'_, DB>, facets: &[Facet], top: f64) -> Result<(), PlotError> {
    let mut x = MARGIN.0;
    for paradigm in Facet::paradigms(facets) {
        painter.marker((x + 6.0, top + 18.0), paradigm)?;
        painter.text(paradigm.as_str(), (x + 18.0, top + 18.0), SIDE, HPos::Left)?;
        x += 18.0 + painter.width(paradigm.as_str(), SIDE)? + 20.0;
    }
    let terms = [
        "bars: 95 % t interval over seeds · points that would coincide stand side by side",
        "line, bold names: the Pareto front, of methods than which none is as cheap and more accurate",
    ];
    terms.iter().zip([42.0, 62.0]).try_for_each(|(line, drop)| painter.text(line, (MARGIN.0, top + drop), SIDE, HPos::Left))
}
