//! What one facet shows: a point a method.

use reprogram_taxonomy::Paradigm;

use crate::report::summary::{Group, Row};
use crate::report::terms::title;

/// One backbone on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    pub(in crate::report) title: String,
    pub(super) chance: Option<f64>,
    pub(super) points: Vec<Point>,
}

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) label: String,
    pub(super) paradigm: Paradigm,
    pub(super) trainable: usize,
    pub(super) accuracy: f64,
    /// Ends of the t interval, where there is one, as far as an accuracy can go.
    pub(super) ends: Option<(f64, f64)>,
}

/// Longer names are cut; the table has them in full.
const LABEL_LENGTH: usize = 26;

impl Facet {
    /// Of a group; nothing if no method of it has numbers.
    pub fn of(group: &Group) -> Option<Self> {
        let points: Vec<Point> = group.rows.iter().filter_map(point).collect();
        let chance = group.n_classes.filter(|n| *n > 0).map(|n| 1.0 / n as f64);
        (!points.is_empty()).then(|| Self { title: title(group), chance, points })
    }

    /// The paradigms that occur, in the survey's order.
    pub(super) fn paradigms(facets: &[Self]) -> Vec<Paradigm> {
        let occurs = |paradigm: &Paradigm| facets.iter().flat_map(|facet| &facet.points).any(|point| point.paradigm == *paradigm);
        Paradigm::ALL.iter().copied().filter(occurs).collect()
    }
}

fn point(row: &Row) -> Option<Point> {
    let numbers = row.numbers.as_ref()?;
    Some(Point {
        label: cut(&row.method),
        paradigm: row.paradigm?,
        trainable: numbers.costs.trainable_parameters,
        accuracy: numbers.accuracy.mean,
        ends: numbers.accuracy.ends().map(|(low, high)| (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))),
    })
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LABEL_LENGTH {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LABEL_LENGTH - 1).collect();
    format!("{}…", kept.trim_end())
}
