//! All cells of a sweep together: a change that costs every cell a little is seen here, where no cell shows it alone.
//!
//! What is asked is whether the mean over cells of their mean gains is zero. Cells of one data set share their items, and what is hard for one
//! method is hard for others, so that an item is one piece of evidence however many cells it is in: its contribution is
//!
//! ```text
//! u_i = Σ_cells gain_{cell, i} / (n_cell · C)          mean gain = Σ_i u_i
//! ```
//!
//! over the C cells that could be paired, and signs are flipped item by item, or cluster by cluster. Cells that are the same in both
//! folders add nothing to the sum and nothing to its spread.
//!
//! # Reference
//! The sign-flip test of [`sign_flip_p`] with items as clusters; Miller, arXiv 2411.00640, 2024, sec. 2.2.

use std::collections::BTreeMap;

use super::{Question, Tested, Values, Verdict, could_show};
use crate::measure::Measure;
use crate::stats::{bca_interval, sign_flip_p, standard_error};

/// What is flipped together: an item of a data set, or a named cluster of items.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Unit<'a> {
    Item { dataset: &'a str, id: &'a str },
    Cluster(&'a str),
}

/// Not yet corrected; nothing where there are fewer than two cells.
pub(super) fn test(cells: &[(&str, &Values<'_>)], measure: Measure, question: &Question) -> Option<Tested> {
    if cells.len() < 2 {
        return None;
    }
    let sign = question.metric.sign(measure);
    let mut units = BTreeMap::<Unit<'_>, f64>::new();
    let (mut a, mut b) = (0.0, 0.0);
    for &(dataset, values) in cells {
        let share = 1.0 / (values.len() as f64 * cells.len() as f64);
        for (&id, (of_a, of_b)) in values {
            let unit = question.clusters.get(id).map_or(Unit::Item { dataset, id }, |cluster| Unit::Cluster(cluster));
            *units.entry(unit).or_default() += sign * (of_b - of_a) * share;
            a += of_a * share;
            b += of_b * share;
        }
    }
    let contributions: Vec<f64> = units.into_values().collect();
    let n = contributions.len();
    let scaled: Vec<f64> = contributions.iter().map(|contribution| contribution * n as f64).collect();
    let p = sign_flip_p(&contributions);
    let verdict = if contributions.iter().all(|contribution| *contribution == 0.0) { Verdict::Same } else { Verdict::NotShown };
    Some(Tested {
        n,
        a,
        b,
        gain: contributions.iter().sum(),
        interval: bca_interval(&scaled),
        p,
        holm_p: p,
        could_show: could_show(n * cells.len(), standard_error(&scaled).unwrap_or(0.0), measure),
        verdict,
    })
}
