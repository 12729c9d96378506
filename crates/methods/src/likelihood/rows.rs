//! What pairs feed to a language model, and where their tokens are scored.

use std::collections::BTreeMap;

use reprogram_models::EncodedPair;

/// Token rows, each once, and the places of every pair's scores in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    /// In lexicographic order, so that rows which begin alike are neighbours, whatever the order of the pairs was.
    pub tokens: Vec<Vec<u32>>,
    /// In the order of the pairs.
    pub scored: Vec<Scored>,
}

/// A pair's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scored {
    /// The row that it feeds.
    pub row: usize,
    /// Index of the row's token whose next one is scored first.
    pub first: usize,
    /// The scored tokens.
    pub tokens: Vec<u32>,
}

impl Rows {
    /// The last token is never fed. Pairs that feed the same tokens share a row. A pair longer than `context` tokens loses
    /// tokens on the left.
    pub(super) fn new(pairs: impl Iterator<Item = EncodedPair>, context: usize) -> Self {
        let mut index: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        let mut scored = Vec::new();
        for EncodedPair { context: tokens, continuation } in pairs {
            let mut fed = tokens;
            fed.extend(&continuation);
            fed.pop();
            let fed = fed.split_off(fed.len().saturating_sub(context));
            let first = (fed.len() + 1).saturating_sub(continuation.len());
            let tokens = if first == 0 { continuation[continuation.len() - fed.len()..].to_vec() } else { continuation };
            index.entry(fed).or_default().push(scored.len());
            scored.push(Scored { row: 0, first: first.saturating_sub(1), tokens });
        }
        let mut tokens = Vec::with_capacity(index.len());
        for (row, pairs) in index {
            for pair in pairs {
                scored[pair].row = tokens.len();
            }
            tokens.push(row);
        }
        Self { tokens, scored }
    }

    /// For each row, the first token that something is read at.
    pub(super) fn first_scored(&self) -> Vec<usize> {
        let mut first = vec![usize::MAX; self.tokens.len()];
        for scored in &self.scored {
            first[scored.row] = first[scored.row].min(scored.first);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(context: &[u32], continuation: &[u32]) -> EncodedPair {
        EncodedPair { context: context.to_vec(), continuation: continuation.to_vec() }
    }

    fn scored(row: usize, first: usize, tokens: &[u32]) -> Scored {
        Scored { row, first, tokens: tokens.to_vec() }
    }

    #[test]
    fn pairs_that_feed_the_same_tokens_share_a_row() {
        let pairs = [pair(&[2, 2], &[7]), pair(&[1, 2, 3], &[7, 9]), pair(&[1, 2, 3], &[7]), pair(&[1, 2, 3], &[8])];
        let rows = Rows::new(pairs.into_iter(), 100);
        assert_eq!(rows.tokens, [vec![1, 2, 3], vec![1, 2, 3, 7], vec![2, 2]]);
        assert_eq!(rows.scored, [scored(2, 1, &[7]), scored(1, 2, &[7, 9]), scored(0, 2, &[7]), scored(0, 2, &[8])]);
        assert_eq!(rows.first_scored(), [2, 2, 1]);
    }

    #[test]
    fn a_long_context_is_cut_on_the_left() {
        let rows = Rows::new([pair(&[1, 2, 3, 4, 5], &[6, 7])].into_iter(), 3);
        assert_eq!(rows.tokens, [vec![4, 5, 6]]);
        assert_eq!(rows.scored, [scored(0, 1, &[6, 7])]);
        let rows = Rows::new([pair(&[1], &[6, 7, 8, 9])].into_iter(), 2);
        assert_eq!((rows.tokens, rows.scored), (vec![vec![7, 8]], vec![scored(0, 0, &[8, 9])]));
    }
}
