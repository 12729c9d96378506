//! Tensors cut into several, or turned: what other layouts keep in one piece.

use super::{NameClash, Weights};

/// A tensor that cannot be cut or turned as a layout asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RearrangeError {
    /// Its rows do not divide.
    #[error("tensor `{name}` of shape {shape:?} cannot be cut into {parts} equal parts along its first axis")]
    Parts {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How many it should give.
        parts: usize,
    },
    /// It is no matrix.
    #[error("tensor `{name}` of shape {shape:?} cannot be transposed: it is no matrix")]
    NoMatrix {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Two tensors would get one name.
    #[error(transparent)]
    Clash(#[from] NameClash),
}

/// What becomes of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Another name.
    Renamed(String),
    /// Another name, rows and columns exchanged.
    Transposed(String),
    /// Equal parts along the first axis, each with a name.
    Cut(Vec<String>),
    /// Nothing: a model deliberately does not read it.
    Dropped,
}

impl Weights<'_> {
    /// The same tensors in another layout.
    pub(crate) fn rearranged(self, fate: impl Fn(&str) -> Fate) -> Result<Self, RearrangeError> {
        let mut out = Self { release: self.release, storage: self.storage, ..Self::default() };
        let mut origin = std::collections::BTreeMap::new();
        for (old, tensor) in self.tensors {
            let made = match fate(&old) {
                Fate::Dropped => continue,
                Fate::Renamed(name) => vec![(name, tensor)],
                Fate::Transposed(name) => {
                    let shape = tensor.shape.clone();
                    vec![(name, tensor.transposed().ok_or(RearrangeError::NoMatrix { name: old.clone(), shape })?)]
                }
                Fate::Cut(names) => {
                    let (shape, parts) = (tensor.shape.clone(), names.len());
                    let cut = tensor.cut(parts).ok_or(RearrangeError::Parts { name: old.clone(), shape, parts })?;
                    names.into_iter().zip(cut).collect()
                }
            };
            for (name, tensor) in made {
                if let Some(first) = origin.insert(name.clone(), old.clone()) {
                    return Err(NameClash { name, first, second: old }.into());
                }
                out.insert(name, tensor);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Encoding, RawTensor};

    fn weights() -> Weights<'static> {
        let mut weights = Weights::default();
        let bytes: Vec<u8> = (0..12).collect();
        weights.insert("a".to_owned(), RawTensor::new(Encoding::U8, vec![6, 2], bytes));
        weights.insert("b".to_owned(), RawTensor::new(Encoding::U8, vec![2, 3], vec![1, 2, 3, 4, 5, 6]));
        weights
    }

    #[test]
    fn tensors_are_cut_turned_and_dropped() {
        let fate = |name: &str| match name {
            "a" => Fate::Cut(["q", "k", "v"].map(str::to_owned).to_vec()),
            _ => Fate::Transposed("t".to_owned()),
        };
        let out = weights().rearranged(fate).unwrap();
        assert_eq!(out.names().collect::<Vec<_>>(), ["k", "q", "t", "v"]);
        assert_eq!(out.tensor("k").unwrap().values, [4.0, 5.0, 6.0, 7.0]);
        let turned = out.tensor("t").unwrap();
        assert_eq!((turned.shape, turned.values), (vec![3, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(weights().rearranged(|_| Fate::Dropped).unwrap().names().count(), 0);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let parts = |n: usize| move |name: &str| Fate::Cut((0..n).map(|i| format!("{name}.{i}")).collect());
        let errors = [
            weights().rearranged(parts(4)).unwrap_err(),
            weights().rearranged(parts(0)).unwrap_err(),
            weights().rearranged(|_| Fate::Renamed("same".to_owned())).unwrap_err(),
            {
                let mut weights = Weights::default();
                weights.insert("x".to_owned(), RawTensor::new(Encoding::U8, vec![2], vec![1, 2]));
                weights.rearranged(|_| Fate::Transposed("y".to_owned())).unwrap_err()
            },
        ];
        insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"));
    }
}
