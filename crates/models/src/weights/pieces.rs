//! Tensors that a file cuts, joins or turns otherwise than a model does.

use super::{Encoding, RawTensor, Weights};

/// A tensor that is not there, or not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tensor `{name}` cannot be {what}: {reason}\n  help: is the file of the layout that it is read as?")]
pub struct PieceError {
    /// The tensor.
    pub name: String,
    /// What was to become of it.
    pub what: &'static str,
    /// Why not.
    pub reason: String,
}

impl Weights<'_> {
    /// Cuts a tensor along its first axis into as many equal tensors as there are names.
    pub fn split(mut self, name: &str, parts: &[&str]) -> Result<Self, PieceError> {
        let fail = |reason: String| PieceError { name: name.to_owned(), what: "split", reason };
        let tensor = self.tensors.remove(name).ok_or_else(|| fail(MISSING.to_owned()))?;
        let shape = tensor.shape.clone();
        let cut = tensor.cut(parts.len()).ok_or_else(|| fail(format!("{} equal parts do not make its shape {shape:?}", parts.len())))?;
        for (part, rows) in parts.iter().zip(cut) {
            self.insert_new((*part).to_owned(), rows, "split", name)?;
        }
        Ok(self)
    }

    /// Joins tensors of shape `[1, n, ..]` along their second axis under a new name.
    pub fn joined(mut self, parts: &[&str], name: &str) -> Result<Self, PieceError> {
        let (mut values, mut shape): (Vec<u8>, Vec<usize>) = (Vec::new(), Vec::new());
        for part in parts {
            let fail = |reason: String| PieceError { name: (*part).to_owned(), what: "joined", reason };
            let tensor = self.tensors.remove(*part).ok_or_else(|| fail(MISSING.to_owned()))?;
            match (tensor.shape.as_slice(), shape.as_mut_slice()) {
                ([1, _, ..], []) => shape.clone_from(&tensor.shape),
                ([1, n, rest @ ..], [_, joined, so_far @ ..]) if rest == so_far => *joined += n,
                (found, _) => return Err(fail(format!("its shape is {found:?}, that of the tensors in front of it {shape:?}"))),
            }
            values.extend(tensor.decode().into_iter().flat_map(f32::to_le_bytes));
        }
        self.insert_new(name.to_owned(), RawTensor::new(Encoding::F32, shape, values), "joined", name)?;
        Ok(self)
    }

    /// Exchanges the axes of a matrix.
    pub fn transposed(mut self, name: &str) -> Result<Self, PieceError> {
        let fail = |reason: String| PieceError { name: name.to_owned(), what: "transposed", reason };
        let tensor = self.tensors.remove(name).ok_or_else(|| fail(MISSING.to_owned()))?;
        let shape = tensor.shape.clone();
        let tensor = tensor.transposed().ok_or_else(|| fail(format!("its shape is {shape:?}, so it is no matrix")))?;
        self.insert(name.to_owned(), tensor);
        Ok(self)
    }
}

impl<'a> Weights<'a> {
    fn insert_new(&mut self, new: String, tensor: RawTensor<'a>, what: &'static str, of: &str) -> Result<(), PieceError> {
        if self.shape(&new).is_some() {
            return Err(PieceError { name: of.to_owned(), what, reason: format!("there is a tensor `{new}` already") });
        }
        self.insert(new, tensor);
        Ok(())
    }
}

const MISSING: &str = "the file has none of that name";

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights<'static> {
        let mut weights = Weights::default();
        weights.insert("in".to_owned(), RawTensor::new(Encoding::U8, vec![4, 2], &[1, 2, 3, 4, 5, 6, 7, 8][..]));
        for (name, values) in [("first", &[1u8, 2][..]), ("second", &[3, 4, 5, 6])] {
            weights.insert(name.to_owned(), RawTensor::new(Encoding::U8, vec![1, values.len() / 2, 2], values));
        }
        weights
    }

    fn values(weights: &Weights<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
        let tensor = weights.tensor(name).unwrap();
        (tensor.shape, tensor.values)
    }

    #[test]
    fn rows_are_split_and_turned() {
        let split = weights().split("in", &["a", "b"]).unwrap();
        assert_eq!(values(&split, "b"), (vec![2, 2], vec![5.0, 6.0, 7.0, 8.0]));
        assert_eq!(split.shape("in"), None);
        let turned = weights().transposed("in").unwrap();
        assert_eq!(values(&turned, "in"), (vec![2, 4], vec![1.0, 3.0, 5.0, 7.0, 2.0, 4.0, 6.0, 8.0]));
        let part_of_turned = turned.split("in", &["a", "b"]).unwrap();
        assert_eq!(values(&part_of_turned, "b"), (vec![1, 4], vec![2.0, 4.0, 6.0, 8.0]));
        let twice = weights().transposed("in").unwrap().transposed("in").unwrap();
        assert_eq!(values(&twice, "in"), values(&weights(), "in"));
    }

    #[test]
    fn tokens_are_joined() {
        let joined = weights().joined(&["first", "second"], "both").unwrap();
        assert_eq!(values(&joined, "both"), (vec![1, 3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!(joined.names().collect::<Vec<_>>(), ["both", "in"]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let errors = [
            weights().split("out", &["a"]),
            weights().split("in", &["a", "b", "c"]),
            weights().split("in", &["a", "first"]),
            weights().joined(&["first", "in"], "both"),
            weights().transposed("first"),
        ];
        insta::assert_snapshot!(errors.map(|error| error.unwrap_err().to_string()).join("\n"));
    }
}
