//! Many texts at once: a causal tower computes what they begin with once.
//!
//! Texts are laid out as trees. Every tree has the start of text and any prompt in front of it; a token stands once in a tree,
//! however many texts go through it, and a text is read where it ends.
//!
//! # Reference
//! Miao et al., arXiv 2305.09781, §4.2 (tree attention).

use std::collections::BTreeMap;

use crate::Branches;

/// Trees grow to this many tokens: larger ones waste attention between strangers, smaller ones repeat what stands in front.
const LARGEST: usize = 256;

/// Texts as one tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// The start of text, then tokens of which each stands behind the one that it continues.
    pub tokens: Vec<u32>,
    /// Of the tokens behind the start, the one that each continues.
    parents: Vec<Option<usize>>,
    /// Text, and the token (counted behind the start) that it is read at.
    pub ends: Vec<(usize, usize)>,
}

/// How the tokens of trees continue each other.
pub(super) fn branches<'a>(trees: impl Iterator<Item = &'a Tree>) -> Branches {
    Branches::new(trees.map(|tree| tree.parents.clone()).collect())
}

/// Trees that hold every row up to where it is read (`ends`, counted behind the start).
pub(super) fn trees(rows: &[Vec<u32>], ends: &[usize]) -> Vec<Tree> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows[a].cmp(&rows[b]));
    let mut trees: Vec<Tree> = Vec::new();
    let mut seats: BTreeMap<(Option<usize>, u32), usize> = BTreeMap::new();
    for text in order {
        let (row, end) = (&rows[text], ends[text]);
        let starts_alike = trees.last().is_some_and(|tree| tree.tokens[0] == row[0] && tree.tokens.len() + end < LARGEST);
        if !starts_alike {
            seats.clear();
            trees.push(Tree { tokens: vec![row[0]], ..Tree::default() });
        }
        let tree = trees.last_mut().expect("one was pushed if there was none");
        let mut seat = None;
        for &token in &row[1..=(end + 1)] {
            let next = *seats.entry((seat, token)).or_insert_with(|| {
                tree.tokens.push(token);
                tree.parents.push(seat);
                tree.parents.len() - 1
            });
            seat = Some(next);
        }
        tree.ends.push((text, seat.expect("a text ends behind its start")));
    }
    trees
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_texts_begin_with_stands_once() {
        let rows = [vec![9, 1, 2, 8], vec![9, 1, 3, 8], vec![9, 1, 2, 8, 8]];
        let trees = trees(&rows, &[2, 2, 2]);
        assert_eq!(trees.len(), 1);
        assert_eq!(trees[0].tokens, [9, 1, 2, 8, 3, 8]);
        assert_eq!(trees[0].parents, [None, Some(0), Some(1), Some(0), Some(3)]);
        let mut ends = trees[0].ends.clone();
        ends.sort_unstable();
        assert_eq!(ends, [(0, 2), (1, 4), (2, 2)]);
    }

    #[test]
    fn trees_stay_small_and_lose_no_text() {
        let rows: Vec<Vec<u32>> = (0..200).map(|i| vec![0, i, i + 1, 7]).collect();
        let trees = trees(&rows, &[2; 200]);
        assert!(trees.len() > 1 && trees.iter().all(|tree| tree.tokens.len() <= LARGEST));
        assert_eq!(trees.iter().map(|tree| tree.ends.len()).sum::<usize>(), 200);
    }
}
