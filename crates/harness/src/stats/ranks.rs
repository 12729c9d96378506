//! Ranks of values: one for the least, the mean of the places where values are equal.
//!
//! # Reference
//! Kendall, The Treatment of Ties in Ranking Problems, Biometrika 33, 1945.

/// The ranks, in the order of the values.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    for tie in ties(values) {
        let rank = f64::midpoint((tie.start + 1) as f64, (tie.start + tie.members.len()) as f64);
        for index in tie.members {
            ranks[index] = rank;
        }
    }
    ranks
}

/// `Σ (t³ − t)` over groups of `t` equal values: how much ties take from the variance of ranks.
pub(super) fn tie_term(values: &[f64]) -> f64 {
    ties(values).iter().map(|tie| tie.members.len() as f64).map(|t| t * t * t - t).sum()
}

/// Values that are equal.
struct Tie {
    /// How many values are less.
    start: usize,
    /// Their indices.
    members: Vec<usize>,
}

fn ties(values: &[f64]) -> Vec<Tie> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ties: Vec<Tie> = Vec::new();
    for (place, index) in order.into_iter().enumerate() {
        match ties.last_mut() {
            // Zero and minus zero are equal.
            #[expect(clippy::float_cmp, reason = "a tie is equality")]
            Some(tie) if values[tie.members[0]] == values[index] => tie.members.push(index),
            Some(_) | None => ties.push(Tie { start: place, members: vec![index] }),
        }
    }
    ties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::tests::{close, fixture, numbers};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("ranks") {
            assert_eq!(ranks(&numbers(&case["values"])), numbers(&case["ranks"]));
        }
    }

    #[test]
    fn ties_are_counted() {
        close(tie_term(&[0.5, 0.1, 0.5, 0.5, 0.1, 0.9]), 24.0 + 6.0, 0.0);
        close(tie_term(&[0.0, -0.0]), 6.0, 0.0);
    }
}
