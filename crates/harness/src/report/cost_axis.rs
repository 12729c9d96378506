//! What a method can be set against its accuracy: axes of the plots of costs, each shown where records have it.

use super::number::count;
use super::summary::{Group, Numbers, Summary};

/// One cost.
#[derive(Debug)]
pub struct CostAxis {
    /// Part of the files' names.
    pub slug: &'static str,
    /// Beside the axis.
    pub title: &'static str,
    /// Of a method; nothing where its records do not say.
    pub(super) of: fn(&Numbers) -> Option<f64>,
}

/// In the order in which they are shown. A new cost is one more line.
pub const COST_AXES: &[CostAxis] = &[
    CostAxis { slug: "parameters", title: "trainable parameters", of: |numbers| Some(numbers.costs.trainable_parameters as f64) },
    CostAxis {
        slug: "seconds",
        title: "seconds of training and evaluation",
        of: |numbers| Some(numbers.costs.seconds_training + numbers.costs.seconds_evaluation),
    },
    CostAxis {
        slug: "forward-items",
        title: "items through the backbone",
        of: |numbers| Some((numbers.costs.forward_items_training + numbers.costs.forward_items_evaluation) as f64),
    },
    CostAxis {
        slug: "flops",
        title: "floating-point operations of the first trial",
        of: |numbers| Some(numbers.costs.parts?.total().flops() as f64),
    },
];

impl CostAxis {
    /// Whether any method of a sweep has it.
    pub(super) fn is_in(&self, summary: &Summary) -> bool {
        summary.groups.iter().any(|group| self.is_of(group))
    }

    /// Whether any method of a group has it.
    pub(super) fn is_of(&self, group: &Group) -> bool {
        group.rows.iter().filter_map(|row| row.numbers.as_ref()).any(|numbers| (self.of)(numbers).is_some())
    }
}

/// A number beside an axis: `0.1`, `1,000`, `2e12`.
pub(super) fn tick(value: f64) -> String {
    if value < 1.0 {
        format!("{value}")
    } else if value < 1e7 {
        count(value.round() as usize)
    } else {
        format!("{value:e}")
    }
}

/// Places of the points that no other one beats: none costs as little and is as accurate. By cost, the cheapest first; of equal
/// ones all.
///
/// # Reference
/// Pareto dominance, in the sense of minimal cost and maximal accuracy.
pub(super) fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let beats = |one: (f64, f64), other: (f64, f64)| one.0 <= other.0 && one.1 >= other.1 && one != other;
    let mut front: Vec<usize> = (0..points.len()).filter(|&i| !points.iter().any(|&other| beats(other, points[i]))).collect();
    front.sort_by(|&a, &b| points[a].0.total_cmp(&points[b].0).then(a.cmp(&b)));
    front
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        assert_eq!(front(&[(10.0, 0.5), (0.0, 0.4), (10.0, 0.6), (20.0, 0.6), (5.0, 0.3), (0.0, 0.4)]), [1, 5, 2]);
        assert_eq!(front(&[]), [0; 0]);
    }

    #[test]
    fn ticks_read_as_documented() {
        assert_eq!([0.01, 0.5, 1.0, 1e3, 2e12].map(tick), ["0.01", "0.5", "1", "1,000", "2e12"]);
    }

    proptest! {
        #[test]
        fn every_point_is_on_the_front_or_beaten_by_it(points in prop::collection::vec((0.0..9.0_f64, 0.0..1.0_f64), 1..20)) {
            let front = front(&points);
            for (i, &(cost, accuracy)) in points.iter().enumerate() {
                let beaten = front.iter().any(|&f| points[f] != points[i] && points[f].0 <= cost && points[f].1 >= accuracy);
                prop_assert!(beaten != front.contains(&i));
            }
            prop_assert!(front.windows(2).all(|pair| points[pair[0]].0 <= points[pair[1]].0 && points[pair[0]].1 <= points[pair[1]].1));
        }
    }
}
