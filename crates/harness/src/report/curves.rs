//! Learning curves as small drawings: validation accuracy and training loss by epoch, means over seeds.
//!
//! The drawings carry classes instead of colours; the page's style sheet paints them, light or dark.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::results::Cell;
use crate::record::{EpochPoint, Outcome, Status};

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
const RIGHT: f64 = 222.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 118.0;

/// Means over seeds after one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mean {
    epoch: usize,
    /// Nothing where series are forecast.
    accuracy: Option<f64>,
    /// In the unit of the loss.
    validation_loss: f64,
    loss: f64,
}

/// A method's curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    means: Vec<Mean>,
    /// The epochs that were chosen, one a seed.
    chosen: Vec<usize>,
}

impl Curve {
    /// Over the finished trials of a cell; nothing where none of them learned by epochs.
    pub(super) fn of(cell: &Cell<'_>) -> Option<Self> {
        let outcomes: Vec<&Outcome> = cell
            .records
            .values()
            .filter_map(|record| match &record.status {
                Status::Ok { outcome } if !outcome.curve.is_empty() => Some(outcome),
                Status::Ok { .. } | Status::Failed { .. } => None,
            })
            .collect();
        let mut by_epoch = BTreeMap::<usize, Vec<EpochPoint>>::new();
        for point in outcomes.iter().flat_map(|outcome| &outcome.curve) {
            by_epoch.entry(point.epoch).or_default().push(*point);
        }
        let means: Vec<Mean> = by_epoch.into_iter().map(|(epoch, points)| mean(epoch, &points)).collect();
        (!means.is_empty()).then(|| Self { means, chosen: outcomes.iter().map(|outcome| outcome.epoch).collect() })
    }

    /// Trials that it is a mean of.
    pub(super) fn seeds(&self) -> usize {
        self.chosen.len()
    }

    /// The greatest finite loss that is drawn.
    pub(super) fn greatest_loss(&self) -> f64 {
        let drawn = |mean: &Mean| if mean.accuracy.is_some() { mean.loss } else { mean.loss.max(mean.validation_loss) };
        self.means.iter().map(drawn).filter(|loss| loss.is_finite()).fold(0.0, f64::max)
    }

    /// The drawing. Accuracy runs from 0 to 100 %, loss from zero to `most_loss`, so that curves of a group compare. Where series are
    /// forecast, the validation error stands on the scale of the loss.
    pub(super) fn svg(&self, most_loss: f64) -> String {
        let last = self.means.iter().map(|mean| mean.epoch).max().unwrap_or(1);
        let x = |epoch: usize| {
            if last > 1 { LEFT + (epoch as f64 - 1.0) / (last as f64 - 1.0) * (RIGHT - LEFT) } else { f64::midpoint(LEFT, RIGHT) }
        };
        let y = |share: f64| BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP);
        let most_loss = if most_loss > 0.0 { most_loss } else { 1.0 };
        let of = |mean: Option<&Mean>, value: fn(&Mean) -> f64| mean.map_or(0.0, value);
        let first_and_last = |value: fn(&Mean) -> f64| (of(self.means.first(), value), of(self.means.last(), value));
        let is_of_forecasts = self.means.iter().any(|mean| mean.accuracy.is_none());
        let said = if is_of_forecasts {
            let (first, last) = first_and_last(|mean| mean.validation_loss);
            format!("Validation mean squared error from {first:.2} to {last:.2}")
        } else {
            let (first, last) = first_and_last(|mean| mean.accuracy.unwrap_or(0.0));
            format!("Validation accuracy from {:.0} to {:.0} percent", first * 100.0, last * 100.0)
        };
        let mut svg = format!("<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{said} in {last} epochs\">");
        for (share, text) in [(0.0, "0"), (0.5, "50"), (1.0, "100")] {
            let text = if is_of_forecasts { "" } else { text };
            let y = y(share);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 5.0,
                y + 3.5
            );
        }
        for (share, value) in [(0.0, 0.0), (1.0, most_loss)] {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\">{}</text>",
                RIGHT + 5.0,
                y(share) + 3.5,
                if value > 0.0 { format!("{value:.2}") } else { "0".to_owned() }
            );
        }
        for epoch in &self.chosen {
            let _ = write!(svg, "<path class=\"chosen\" d=\"M{:.1} {BOTTOM}v6\"/>", x(*epoch));
        }
        let line = |value: &dyn Fn(&Mean) -> f64| points(self.means.iter().map(|mean| (x(mean.epoch), y(value(mean)))));
        let _ = write!(svg, "<path class=\"loss\" d=\"{}\"/>", line(&|mean| mean.loss / most_loss));
        let _ = write!(svg, "<path class=\"accuracy\" d=\"{}\"/>", line(&|mean| mean.accuracy.unwrap_or(mean.validation_loss / most_loss)));
        let first = if last > 1 { format!("<text x=\"{LEFT}\" y=\"138\">1</text>") } else { String::new() };
        let _ = write!(svg, "{first}<text x=\"{:.1}\" y=\"138\" text-anchor=\"middle\">epoch {last}</text></svg>", x(last));
        svg
    }
}

fn mean(epoch: usize, points: &[EpochPoint]) -> Mean {
    let over = |value: fn(&EpochPoint) -> f64| points.iter().map(value).sum::<f64>() / points.len() as f64;
    let accuracies: Option<Vec<f64>> = points.iter().map(|point| point.validation_accuracy).collect();
    let accuracy = accuracies.map(|all| all.iter().sum::<f64>() / all.len() as f64);
    Mean { epoch, accuracy, validation_loss: over(|point| point.validation_loss), loss: over(|point| point.train_loss) }
}

/// A path through the finite points; one point alone becomes a short stroke.
fn points(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    let finite: Vec<(f64, f64)> = places.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    for (index, (x, y)) in finite.iter().enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" });
    }
    if finite.len() == 1 {
        path.push_str("h4");
    }
    path
}
