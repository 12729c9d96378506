//! Rows as a trie of tokens, cut into prefixes that are computed once and small trees that are computed side by side.
//!
//! A prefix is a path from the root that enough rows continue. The rows behind it are packed into trees of about
//! [`PACKED`] tokens: in a tree each token stands once, however many rows go through it.

use reprogram_models::Branches;

/// Trees grow to this many tokens by rows that have little in common. Larger ones waste attention between strangers, smaller
/// ones copy the prefix more often.
const PACKED: usize = 64;

/// Prefixes shorter than this are not worth a pass of their own.
const SHORTEST: usize = 8;

/// Nor are those that save fewer tokens than this.
const SAVED: usize = 48;

/// One token of a text costs as much, in the other parts of a block, as attention to this many keys. A lower bound.
const KEYS_PER_TOKEN: usize = 500;

/// How rows may be cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    /// Tokens in a tree, at most, unless a single row has more.
    pub largest: usize,
    /// What every text that comes later begins with, too: a prefix from the root goes no further, and is worth it even if
    /// only one row continues it.
    pub anchor: Option<&'a [u32]>,
    /// Tokens that a prompt puts in front of every row.
    pub front: usize,
}

/// Rows behind one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grove {
    /// Tokens that all of them begin with, if these are worth a pass of their own. There may be none but a prompt's.
    pub prefix: Option<Vec<u32>>,
    /// Longest first.
    pub trees: Vec<Tree>,
}

/// Rows that are computed as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tree {
    /// Depth first.
    pub tokens: Vec<u32>,
    /// Which token each of them continues.
    parents: Vec<Option<usize>>,
    /// Its rows, and where in `tokens` each token of a row behind the prefix stands.
    pub rows: Vec<(usize, Vec<usize>)>,
}

impl Grove {
    /// Trees of at most `budget` tokens with padding, or one tree.
    pub(super) fn batches(&self, budget: usize) -> impl Iterator<Item = &[Tree]> {
        let mut rest = self.trees.as_slice();
        std::iter::from_fn(move || {
            let longest = rest.first()?.tokens.len();
            let (batch, after) = rest.split_at((budget / longest).clamp(1, rest.len()));
            rest = after;
            Some(batch)
        })
    }
}

/// How the tokens of a batch continue each other.
pub(super) fn branches(trees: &[Tree]) -> Branches {
    Branches::new(trees.iter().map(|tree| tree.parents.clone()).collect())
}

/// Cuts rows (in lexicographic order, each once) so that each is in one tree. Nothing before `first_scored` of a row is read,
/// so that a prefix may end there at the latest.
pub(super) fn groves(rows: &[Vec<u32>], first_scored: &[usize], shape: Shape<'_>) -> Vec<Grove> {
    let begins_like = |(a, b): (&Vec<u32>, &Vec<u32>)| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let alike = [0].into_iter().chain(rows.iter().zip(rows.iter().skip(1)).map(begins_like)).collect();
    let trie = Trie { rows, first_scored, alike, shape };
    let mut groves = Vec::new();
    let mut loose = Vec::new();
    if !rows.is_empty() {
        trie.visit(0, rows.len(), None, &mut loose, &mut groves);
        trie.plant(None, &loose, &mut groves);
    }
    groves
}

struct Trie<'a> {
    rows: &'a [Vec<u32>],
    first_scored: &'a [usize],
    /// How many tokens each row has in common with the one in front of it.
    alike: Vec<usize>,
    shape: Shape<'a>,
}

impl Trie<'_> {
    /// Rows `from..to`, of which the first `past` tokens are a prefix already: those under a deeper one go to a grove of
    /// their own, the others to `loose`.
    fn visit(&self, from: usize, to: usize, past: Option<usize>, loose: &mut Vec<usize>, groves: &mut Vec<Grove>) {
        let alike = self.alike[from + 1..to].iter().copied().min().unwrap_or(self.rows[from].len());
        let read = self.first_scored[from..to].iter().copied().min().unwrap_or(0);
        let anchored = match self.shape.anchor {
            Some(anchor) if past.is_none() => anchor.iter().zip(&self.rows[from]).take_while(|(a, b)| a == b).count(),
            Some(_) | None => usize::MAX,
        };
        let end = alike.min(read).min(anchored);
        if self.is_worth_it(from, to, past, end) {
            let mut own = Vec::new();
            self.visit_children(from, to, alike, Some(end), &mut own, groves);
            self.plant(Some(end), &own, groves);
        } else if to - from == 1 {
            loose.push(from);
        } else {
            self.visit_children(from, to, alike, past, loose, groves);
        }
    }

    fn visit_children(&self, from: usize, to: usize, alike: usize, past: Option<usize>, loose: &mut Vec<usize>, groves: &mut Vec<Grove>) {
        let mut start = from;
        for row in from + 1..=to {
            if row == to || self.alike[row] == alike {
                // A row that ends here, or that is alone, has nothing below it.
                if row - start == 1 {
                    loose.push(start);
                } else {
                    self.visit(start, row, past, loose, groves);
                }
                start = row;
            }
        }
    }

    fn is_worth_it(&self, from: usize, to: usize, past: Option<usize>, end: usize) -> bool {
        let gain = past.map_or(end + self.shape.front, |past| end.saturating_sub(past));
        if gain < SHORTEST {
            return false;
        }
        if past.is_none() && self.shape.anchor.is_some() {
            return true;
        }
        let first = self.rows[from].len() - end;
        let others: usize = (from + 1..to).map(|row| self.rows[row].len() - self.alike[row].max(end)).sum();
        let n_trees = (first + others).div_ceil(PACKED.min(self.shape.largest));
        gain * (n_trees - 1).min(to - from - 1) >= SAVED
    }

    /// Packs rows behind their first `past` tokens.
    fn plant(&self, prefix: Option<usize>, rows: &[usize], groves: &mut Vec<Grove>) {
        let Some(&first) = rows.first() else { return };
        let past = prefix.unwrap_or(0);
        let mut trees = Vec::new();
        let mut tree = Tree::default();
        let mut before: Option<usize> = None;
        for &row in rows {
            let alike = before.map_or(past, |before| self.alike[before + 1..=row].iter().copied().min().unwrap_or(past)).max(past);
            let (known, new) = (alike - past, self.rows[row].len() - alike);
            let size = tree.tokens.len() + new;
            let is_cheap = size <= PACKED || known * KEYS_PER_TOKEN >= new * size;
            if before.is_some() && !(is_cheap && size <= self.shape.largest) {
                trees.push(std::mem::take(&mut tree));
                tree.grow(row, &self.rows[row][past..], 0);
            } else {
                tree.grow(row, &self.rows[row][past..], known);
            }
            before = Some(row);
        }
        trees.push(tree);
        trees.sort_by_key(|tree| std::cmp::Reverse(tree.tokens.len()));
        groves.push(Grove { prefix: prefix.map(|end| self.rows[first][..end].to_vec()), trees });
    }
}

impl Tree {
    /// Adds a row that has its first `known` tokens in common with the one before.
    fn grow(&mut self, row: usize, tokens: &[u32], known: usize) {
        let mut path: Vec<usize> = self.rows.last().map_or_else(Vec::new, |(_, path)| path[..known].to_vec());
        for &token in &tokens[known..] {
            self.parents.push(path.last().copied());
            path.push(self.tokens.len());
            self.tokens.push(token);
        }
        self.rows.push((row, path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Shape<'_> = Shape { largest: usize::MAX, anchor: None, front: 0 };

    fn planted(rows: &[Vec<u32>], shape: Shape<'_>) -> Vec<Grove> {
        assert!(rows.is_sorted());
        let last: Vec<usize> = rows.iter().map(|row| row.len() - 1).collect();
        groves(rows, &last, shape)
    }

    #[test]
    fn choices_are_branches_of_their_context() {
        let found = planted(&[vec![1, 2, 3], vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 6], vec![1, 7]], FREE);
        let tree = Tree {
            tokens: vec![1, 2, 3, 4, 5, 6, 7],
            parents: vec![None, Some(0), Some(1), Some(2), Some(3), Some(3), Some(0)],
            rows: vec![(0, vec![0, 1, 2]), (1, vec![0, 1, 2, 3, 4]), (2, vec![0, 1, 2, 3, 5]), (3, vec![0, 6])],
        };
        assert_eq!(found, [Grove { prefix: None, trees: vec![tree] }]);
    }

    #[test]
    fn many_rows_behind_a_long_beginning_have_a_prefix() {
        let row = |i: u32| -> Vec<u32> { (0..40).chain((0..30).map(|j| 100 + i * (j + 1))).collect() };
        let rows: Vec<Vec<u32>> = (1..9).map(row).collect();
        let found = planted(&rows, FREE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].prefix, Some((0..40).collect()));
        assert_eq!(found[0].trees.iter().map(|tree| tree.tokens.len()).collect::<Vec<_>>(), [60; 4]);
        assert_eq!(found[0].batches(120).map(<[Tree]>::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(found[0].batches(1).map(<[Tree]>::len).collect::<Vec<_>>(), [1; 4]);
        let anchored = planted(&rows[..1], Shape { anchor: Some(&rows[7][..20]), ..FREE });
        assert_eq!(anchored[0].prefix, Some((0..20).collect()));
        assert_eq!(planted(&rows[..1], FREE)[0].prefix, None);
    }

    #[test]
    fn a_prefix_ends_where_something_is_read() {
        let rows: Vec<Vec<u32>> = (1..9).map(|i| (0..40).chain((0..60).map(|j| 100 + i * (j + 1))).collect()).collect();
        let mut first_scored = vec![45; 8];
        first_scored[3] = 20;
        assert_eq!(groves(&rows, &first_scored, FREE)[0].prefix.as_ref().map(Vec::len), Some(20));
    }

    #[test]
    fn an_instruction_and_each_draw_of_demonstrations_have_a_prefix() {
        let row = |draw: u32, i: u32| -> Vec<u32> {
            (0..20).chain((0..50).map(|j| 1000 * draw + j)).chain((0..50).map(|j| 5000 + i * (j + 1))).collect()
        };
        let rows: Vec<Vec<u32>> = (1..3).flat_map(|draw| (1..7).map(move |i| row(draw, i))).collect();
        let mut lengths: Vec<usize> = planted(&rows, FREE).iter().map(|grove| grove.prefix.as_ref().map_or(0, Vec::len)).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, [70, 70]);
    }

    #[test]
    fn a_prompt_is_a_prefix_even_of_rows_that_have_nothing_in_common() {
        let rows: Vec<Vec<u32>> = (0..4).map(|i| vec![i; 60]).collect();
        assert_eq!(planted(&rows, Shape { front: 30, ..FREE })[0].prefix, Some(vec![]));
        assert_eq!(planted(&rows, Shape { front: 5, ..FREE })[0].prefix, None);
        assert_eq!(planted(&rows[..1], Shape { front: 30, ..FREE })[0].prefix, None);
    }

    #[test]
    fn a_tree_grows_no_larger_than_it_may() {
        let rows: Vec<Vec<u32>> = (0..10).map(|i| (0..30).chain([100 + i; 10]).collect()).collect();
        let sizes = |largest| planted(&rows, Shape { largest, ..FREE })[0].trees.iter().map(|tree| tree.tokens.len()).collect::<Vec<_>>();
        assert_eq!(sizes(usize::MAX), [130]);
        assert_eq!(sizes(1), [10; 10], "behind a prefix");
    }
}
