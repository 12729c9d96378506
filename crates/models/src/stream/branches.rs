//! Rows that branch: texts which begin alike, laid out as one tree in which a token sees its ancestors alone.
//!
//! # Reference
//! Miao et al., arXiv 2305.09781, §4.2 (tree attention): one pass over a tree of tokens gives what a pass over
//! each of its paths gives, because a token's position is its depth.

/// For each row, the content token that each content token continues; none where it continues what stands in front of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branches {
    parents: Vec<Vec<Option<usize>>>,
}

impl Branches {
    /// One list a row, one entry a real content token.
    ///
    /// # Panics
    /// When a token stands in front of the one that it continues.
    pub fn new(parents: Vec<Vec<Option<usize>>>) -> Self {
        let in_order = |row: &Vec<Option<usize>>| row.iter().enumerate().all(|(token, parent)| parent.is_none_or(|parent| parent < token));
        assert!(parents.iter().all(in_order), "a tree's tokens stand behind the ones that they continue");
        Self { parents }
    }

    /// Whether every row is a plain text after all.
    pub fn is_linear(&self) -> bool {
        let continues = |(token, parent): (usize, &Option<usize>)| *parent == token.checked_sub(1);
        self.parents.iter().all(|row| row.iter().enumerate().all(continues))
    }

    /// Real content tokens of each row.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.parents.iter().map(Vec::len)
    }

    /// How many tokens of the row stand between each of its tokens and the root.
    pub(super) fn depths(&self, row: usize) -> Vec<usize> {
        let mut depths: Vec<usize> = Vec::with_capacity(self.parents[row].len());
        for parent in &self.parents[row] {
            depths.push(parent.map_or(0, |parent| depths[parent] + 1));
        }
        depths
    }

    /// For each token of the row, which tokens up to itself it sees.
    pub(super) fn ancestors(&self, row: usize) -> Vec<Vec<bool>> {
        let mut seen: Vec<Vec<bool>> = Vec::with_capacity(self.parents[row].len());
        for (token, parent) in self.parents[row].iter().enumerate() {
            let mut own = parent.map_or_else(Vec::new, |parent| seen[parent].clone());
            own.resize(token, false);
            own.push(true);
            seen.push(own);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_sees_its_ancestors() {
        let branches = Branches::new(vec![vec![None, Some(0), Some(1), Some(0), None]]);
        assert_eq!(branches.depths(0), [0, 1, 2, 1, 0]);
        let seen: Vec<String> =
            branches.ancestors(0).iter().map(|row| row.iter().map(|&seen| if seen { 'x' } else { '.' }).collect()).collect();
        assert_eq!(seen, ["x", "xx", "xxx", "x..x", "....x"]);
        assert!(!branches.is_linear());
        assert!(Branches::new(vec![vec![None, Some(0)], vec![None]]).is_linear());
    }

    #[test]
    #[should_panic(expected = "behind the ones that they continue")]
    fn a_token_does_not_continue_a_later_one() {
        Branches::new(vec![vec![Some(0)]]);
    }
}
