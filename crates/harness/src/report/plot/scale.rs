//! From numbers to places: a linear y axis, and a logarithmic x axis with a place for zero left of a break.

use super::facet::Facet;
use crate::measure::Measure;

/// A rectangle of the drawing. y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) fn around((x, y): (f64, f64), half_width: f64, half_height: f64) -> Self {
        Self { left: x - half_width, top: y - half_height, right: x + half_width, bottom: y + half_height }
    }

    /// The area that both cover.
    pub(super) fn overlap(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }
}

/// Shares from `low` to `high`, bottom to top.
#[derive(Debug, Clone, Copy)]
pub(super) struct YAxis {
    low: f64,
    high: f64,
    step: f64,
    frame: Rect,
}

impl YAxis {
    /// Covers every point and its interval, in round steps; chance too, unless that would squeeze the points together.
    pub(super) fn of(facet: &Facet, frame: Rect) -> Self {
        let range =
            |ends: &mut dyn Iterator<Item = f64>| ends.fold((1.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let ends = || {
            facet.points.iter().flat_map(|point| {
                let (low, high) = point.ends.unwrap_or((point.score, point.score));
                [low, high]
            })
        };
        if facet.measure == Measure::Mse {
            return Self::from_zero(ends().fold(0.0, f64::max), frame);
        }
        let own = range(&mut ends());
        let with_chance = range(&mut ends().chain(facet.chance));
        let is_squeezed = own.1 - own.0 < 0.45 * (with_chance.1 - with_chance.0) && own.1 - own.0 > 0.1;
        let (least, most) = if is_squeezed { own } else { with_chance };
        let step = if most - least > 0.45 { 0.2 } else { 0.1 };
        let low = ((least - 0.02) / step).floor().max(0.0) * step;
        let high = (((most + 0.02) / step).ceil() * step).min(1.0).max(low + step);
        Self { low, high, step, frame }
    }

    /// Of errors: from zero, in steps of 1, 2 or 5 times a power of ten, of which at most six fit.
    fn from_zero(most: f64, frame: Rect) -> Self {
        let most = most.max(1e-6) * 1.05;
        let decade = 10.0_f64.powf((most / 6.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| most / step <= 6.0).unwrap_or(most);
        Self { low: 0.0, high: (most / step).ceil() * step, step, frame }
    }

    /// The place of a share. A margin above and below keeps markers at 0 and 1 inside of the frame.
    pub(super) fn place(&self, share: f64) -> f64 {
        let margin = 10.0;
        let (bottom, top) = (self.frame.bottom - margin, self.frame.top + margin);
        bottom - (share - self.low) / (self.high - self.low) * (bottom - top)
    }

    /// Whether a share has a place on the axis.
    pub(super) fn covers(&self, share: f64) -> bool {
        (self.low - 1e-9..=self.high + 1e-9).contains(&share)
    }

    pub(super) fn ticks(&self) -> Vec<f64> {
        let n = ((self.high - self.low) / self.step).round() as usize;
        (0..=n).map(|i| self.low + i as f64 * self.step).collect()
    }
}

/// Costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct XAxis {
    /// Where zero stands, if any method costs nothing.
    pub(super) zero: Option<f64>,
    /// Left and right end of the logarithmic part, if any method costs something.
    pub(super) log: Option<(f64, f64)>,
    /// log₁₀ of the numbers at these ends.
    range: (f64, f64),
}

impl XAxis {
    pub(super) fn of(facet: &Facet, frame: Rect) -> Self {
        let has_zero = facet.points.iter().any(|point| point.cost <= 0.0);
        let logs = || facet.points.iter().filter(|point| point.cost > 0.0).map(|point| point.cost.log10());
        let width = frame.right - frame.left;
        let Some((least, most)) = logs().map(|log| (log, log)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
            return Self { zero: Some(f64::midpoint(frame.left, frame.right)), log: None, range: (0.0, 1.0) };
        };
        let left = if has_zero { frame.left + 0.3 * width } else { frame.left };
        let zero = has_zero.then_some(frame.left + 0.13 * width);
        // Room for labels beside the outermost points, and never so little that one number fills the axis.
        let room = (0.18 * (most - least)).max(0.25);
        Self { zero, log: Some((left, frame.right)), range: (least - room, most + room) }
    }

    pub(super) fn place(&self, cost: f64) -> f64 {
        match (self.zero, self.log) {
            (Some(zero), _) if cost <= 0.0 => zero,
            (_, Some((left, right))) => left + (cost.log10() - self.range.0) / (self.range.1 - self.range.0) * (right - left),
            (zero, None) => zero.unwrap_or(0.0),
        }
    }

    /// Whole decades if there are at least three; else 1, 2 and 5 of each.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.log.is_none() {
            return Vec::new();
        }
        let within = |tick: &f64| (self.range.0..=self.range.1).contains(&tick.log10());
        // As text and back: a power of ten is then the nearest float, and reads as one.
        let number = |factor: u32, power: i32| format!("{factor}e{power}").parse::<f64>().expect("a float");
        let multiples = |factors: &'static [u32]| (-3..24).flat_map(move |power| factors.iter().map(move |&factor| number(factor, power)));
        let decades: Vec<f64> = multiples(&[1]).filter(within).collect();
        if decades.len() >= 3 { decades } else { multiples(&[1, 2, 5]).filter(within).collect() }
    }
}
