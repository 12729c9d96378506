//! Which keys a query may see.

use burn::tensor::{Bool, Device, Tensor, TensorData};

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
        let padded_behind = self.real.iter().all(|row| row.is_sorted_by(|a, b| a >= b));
        match masking {
            Masking::Full if all_real => return Pattern::None,
            Masking::Causal if padded_behind => return Pattern::Causal,
            Masking::Window(window) if padded_behind && n_keys <= window => return Pattern::Causal,
            Masking::Full | Masking::Causal | Masking::Window(_) => {}
        }
        let hidden = |row: &[bool], query: usize, key: usize| {
            let out_of_order = match masking {
                Masking::Full => false,
                Masking::Causal => key > query,
                Masking::Window(window) => key > query || query - key >= window,
            };
            out_of_order || (!row[key] && key != query)
        };
        let n = self.n_queries;
        let rows = self.real.iter();
        let cells = rows.flat_map(|row| (0..n).flat_map(move |query| (0..n_keys).map(move |key| hidden(row, offset + query, key))));
        Pattern::Hidden(cells.collect())
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
        Keys { real: rows.iter().map(|row| row.chars().map(|c| c == 'r').collect()).collect(), n_queries }
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
}
