//! What one facet shows: a point a method, at what it costs.

use reprogram_taxonomy::Paradigm;

use crate::measure::Measure;
use crate::report::cost_axis::{CostAxis, front};
use crate::report::summary::{Group, Row};
use crate::report::terms::title;

/// One backbone on one data set.
#[derive(Debug, Clone)]
pub struct Facet {
    pub(in crate::report) title: String,
    pub(super) measure: Measure,
    /// Beside the axis of costs.
    pub(super) cost: &'static str,
    pub(super) chance: Option<f64>,
    pub(super) points: Vec<Point>,
    /// Places of the points that no other one beats, by cost.
    pub(super) front: Vec<usize>,
}

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// In full.
    pub(super) method: String,
    pub(super) label: String,
    pub(super) paradigm: Paradigm,
    pub(super) cost: f64,
    /// By the facet's measure.
    pub(super) score: f64,
    /// Ends of the t interval, where there is one, as far as the measure can go.
    pub(super) ends: Option<(f64, f64)>,
}

/// Longer names are cut; the table has them in full.
const LABEL_LENGTH: usize = 26;

impl Facet {
    /// Of a group; nothing if no method of it has numbers and this cost.
    pub fn of(group: &Group, axis: &'static CostAxis) -> Option<Self> {
        let points: Vec<Point> = group.rows.iter().filter_map(|row| point(row, axis)).collect();
        let chance = group.n_classes.filter(|n| *n > 0).map(|n| 1.0 / n as f64);
        let measure = group.measure();
        let front = front(&points.iter().map(|point| (point.cost, measure.sign() * point.score)).collect::<Vec<_>>());
        (!points.is_empty()).then(|| Self { title: title(group), measure, cost: axis.title, chance, points, front })
    }

    /// The methods that no other one beats, by cost.
    pub(in crate::report) fn front(&self) -> Vec<&str> {
        self.front.iter().map(|&i| self.points[i].method.as_str()).collect()
    }

    /// The paradigms that occur, in the survey's order.
    pub(super) fn paradigms(facets: &[Self]) -> Vec<Paradigm> {
        let occurs = |paradigm: &Paradigm| facets.iter().flat_map(|facet| &facet.points).any(|point| point.paradigm == *paradigm);
        Paradigm::ALL.iter().copied().filter(occurs).collect()
    }
}

fn point(row: &Row, axis: &CostAxis) -> Option<Point> {
    let numbers = row.numbers.as_ref()?;
    let most = match numbers.measure {
        Measure::Accuracy => 1.0,
        Measure::Mse => f64::INFINITY,
    };
    Some(Point {
        method: row.method.clone(),
        label: cut(&row.method),
        paradigm: row.paradigm?,
        cost: (axis.of)(numbers)?,
        score: numbers.score.mean,
        ends: numbers.score.ends().map(|(low, high)| (low.clamp(0.0, most), high.clamp(0.0, most))),
    })
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LABEL_LENGTH {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LABEL_LENGTH - 1).collect();
    format!("{}…", kept.trim_end())
}
