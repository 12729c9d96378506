//! Which keys a query may see.

use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::Branches;

/// The rule of a backbone's attention; padding is never seen, whatever the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// All keys.
    Full,
    /// Those up to the query's own; keys may reach further back than queries.
    Causal,
    /// The query's own and this many less one before it (Beltagy et al., arXiv 2004.05150).
    Window(usize),
}

/// A mask over scores, or the reason why none is needed.
#[derive(Debug, Clone)]
pub(crate) enum Mask {
    /// Every key is seen by every query.
    None,
    /// Causal order is all that matters.
    Causal,
    /// `[batch, 1, query, key]`, true where a key is hidden.
    Hidden(Tensor<4, Bool>),
}

/// The same, off the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Every key is seen by every query.
    None,
    /// Causal order is all that matters.
    Causal,
    /// `[batch, query, key]`, true where a key is hidden.
    Hidden(Vec<bool>),
}

/// Real and padded keys of every row, in the order in which attention joins them; the last `n_queries` of them are the
/// queries' own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub real: Vec<Vec<bool>>,
    pub n_queries: usize,
    /// How the queries continue each other, and how many stand in front of the first that may branch off.
    pub branches: Option<(usize, Branches)>,
}

impl Keys {
    /// Puts earlier keys in front of each row.
    pub(crate) fn prepend(&mut self, earlier: &[Vec<bool>]) {
        for (row, earlier) in self.real.iter_mut().zip(earlier) {
            row.splice(0..0, earlier.iter().copied());
        }
    }

    /// The mask that the rule asks for.
    pub(crate) fn mask(&self, masking: Masking, device: &Device) -> Mask {
        match self.pattern(masking) {
            Pattern::None => Mask::None,
            Pattern::Causal => Mask::Causal,
            Pattern::Hidden(values) => {
                let shape = [self.real.len(), 1, self.n_queries, self.real.first().map_or(0, Vec::len)];
                Mask::Hidden(Tensor::from_data(TensorData::new(values, shape), device))
            }
        }
    }

    /// What the rule hides.
    ///
    /// Right padding needs none under a causal rule: no real token ever comes after it. A padded query sees itself, so that
    /// its row is not empty.
    pub(crate) fn pattern(&self, masking: Masking) -> Pattern {
        let n_keys = self.real.first().map_or(0, Vec::len);
        let offset = n_keys - self.n_queries;
        let all_real = self.real.iter().all(|row| row.iter().all(|&real| real));
        // Real keys first, padding behind.
        let padded_behind = self.branches.is_none() && self.real.iter().all(|row| row.is_sorted_by(|a, b| a >= b));
        match masking {
            Masking::Full if all_real && self.branches.is_none() => return Pattern::None,
            Masking::Causal if padded_behind => return Pattern::Causal,
            Masking::Window(window) if padded_behind && n_keys <= window => return Pattern::Causal,
            Masking::Full | Masking::Causal | Masking::Window(_) => {}
        }
        let mut values = Vec::with_capacity(self.real.len() * self.n_queries * n_keys);
        for (row, real) in self.real.iter().enumerate() {
            let sight = Sight::new(real, self.branches.as_ref().map(|(front, branches)| (offset + front, branches, row)));
            let hidden = |query: usize, key: usize| {
                let out_of_order = match masking {
                    Masking::Full => false,
                    Masking::Causal => sight.is_later(key, query),
                    Masking::Window(window) => sight.is_later(key, query) || sight.distance(query, key) >= window,
                };
                out_of_order || (!real[key] && key != query)
            };
            values
                .extend((0..self.n_queries).flat_map(|query| (0..n_keys).map(move |key| (offset + query, key))).map(|(q, k)| hidden(q, k)));
        }
        Pattern::Hidden(values)
    }
}

/// Order and distance of one row's keys.
struct Sight {
    /// Over real keys alone.
    positions: Vec<usize>,
    /// The first key that may branch off, and for each from there on which of them it sees.
    tree: Option<(usize, Vec<Vec<bool>>)>,
}

impl Sight {
    fn new(real: &[bool], branches: Option<(usize, &Branches, usize)>) -> Self {
        let mut before = 0;
        let count = |&real: &bool| {
            let position = before;
            before += usize::from(real);
            position
        };
        let mut positions: Vec<usize> = real.iter().map(count).collect();
        let tree = branches.map(|(first, branches, row)| {
            let root = positions.get(first).copied().unwrap_or(0);
            for (position, depth) in positions[first..].iter_mut().zip(branches.depths(row)) {
                *position = root + depth;
            }
            (first, branches.ancestors(row))
        });
        Self { positions, tree }
    }

    /// Whether the key comes after the query, or on another branch.
    fn is_later(&self, key: usize, query: usize) -> bool {
        match &self.tree {
            Some((first, seen)) if key >= *first && key < query => {
                !seen.get(query - first).is_some_and(|row| row.get(key - first).copied().unwrap_or(false))
            }
            Some(_) | None => key > query,
        }
    }

    fn distance(&self, query: usize, key: usize) -> usize {
        self.positions[query].saturating_sub(self.positions[key])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(keys: &Keys, masking: Masking) -> Option<String> {
        let Mask::Hidden(mask) = keys.mask(masking, &Device::flex()) else { return None };
        let width = keys.real[0].len();
        let hidden: Vec<bool> = mask.into_data().iter::<bool>().collect();
        let rows = hidden.chunks(width).map(|row| row.iter().map(|&hidden| if hidden { '.' } else { 'x' }).collect::<String>());
        Some(rows.collect::<Vec<_>>().join(" "))
    }

    fn keys(rows: &[&str], n_queries: usize) -> Keys {
        Keys { real: rows.iter().map(|row| row.chars().map(|c| c == 'r').collect()).collect(), n_queries, branches: None }
    }

    #[test]
    fn no_mask_where_none_is_needed() {
        assert!(matches!(keys(&["rrr"], 3).mask(Masking::Full, &Device::flex()), Mask::None));
        assert!(matches!(keys(&["rrr", "rr-"], 3).mask(Masking::Causal, &Device::flex()), Mask::Causal));
        assert!(matches!(keys(&["rrr"], 2).mask(Masking::Window(3), &Device::flex()), Mask::Causal));
    }

    #[test]
    fn padding_is_hidden_on_either_side() {
        assert_eq!(seen(&keys(&["rr-"], 3), Masking::Full).unwrap(), "xx. xx. xxx");
        assert_eq!(seen(&keys(&["-rr"], 3), Masking::Causal).unwrap(), "x.. .x. .xx");
        assert_eq!(seen(&keys(&["r-rr"], 2), Masking::Causal).unwrap(), "x.x. x.xx");
    }

    #[test]
    fn a_window_ends() {
        assert_eq!(seen(&keys(&["rrrr"], 4), Masking::Window(2)).unwrap(), "x... xx.. .xx. ..xx");
        assert_eq!(seen(&keys(&["rrrr"], 1), Masking::Window(2)).unwrap(), "..xx");
    }

    #[test]
    fn padding_within_a_window_does_not_count() {
        assert_eq!(seen(&keys(&["rr-rr"], 2), Masking::Window(3)).unwrap(), "xx.x. .x.xx");
    }

    #[test]
    fn branches_do_not_see_each_other() {
        // A past key, a prompt, then a root with two branches, the first of two tokens; padding behind.
        let tree = Branches::new(vec![vec![None, Some(0), Some(1), Some(0)]]);
        let keys = Keys { branches: Some((1, tree)), ..keys(&["rrrrrr-"], 6) };
        assert_eq!(seen(&keys, Masking::Causal).unwrap(), "xx..... xxx.... xxxx... xxxxx.. xxx..x. xx....x");
        assert_eq!(seen(&keys, Masking::Window(2)).unwrap(), "xx..... .xx.... ..xx... ...xx.. ..x..x. ......x");
    }
}
