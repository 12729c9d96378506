//! Weights as they lie in a file: named tensors over borrowed bytes, decoded one at a time.
//!
//! Nothing is copied until a [`Loader`] asks for a tensor, so loading needs little more memory than the decoded
//! weights. A tensor that a model wants and the file lacks, one that the file has and no model took, and one of another
//! shape are errors, listed together.

mod gguf;
mod loader;
mod quantised;

use std::collections::BTreeMap;

pub use gguf::{Gguf, GgufError, MetadataValue};
pub use loader::{Initialiser, Loader, Manifest, StoredTensor, WeightsError};
pub use quantised::Encoding;

use safetensors::{Dtype, SafeTensors};

/// One tensor in a file.
#[derive(Debug, Clone)]
pub(crate) struct RawTensor<'a> {
    encoding: Encoding,
    shape: Vec<usize>,
    bytes: &'a [u8],
    /// Rows are paired neighbour by neighbour within this many heads (GGUF's rotary layout), and have to be unpaired.
    paired_heads: Option<usize>,
}

impl RawTensor<'_> {
    fn decode(&self) -> Vec<f32> {
        let values = self.encoding.decode(self.bytes);
        match self.paired_heads {
            Some(n_heads) => unpair_rows(&values, &self.shape, n_heads),
            None => values,
        }
    }
}

/// The tensors of one checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Weights<'a> {
    tensors: BTreeMap<String, RawTensor<'a>>,
}

/// A safetensors file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// The container is damaged.
    #[error("not a readable safetensors file: {0}\n  help: the file may be truncated; fetch it again")]
    Container(#[from] safetensors::SafeTensorError),
    /// A type that is not decoded.
    #[error("tensor `{name}` is stored as {dtype:?}, but F32, F16 and BF16 are read")]
    Encoding {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
}

impl<'a> Weights<'a> {
    /// The tensors of a safetensors file.
    pub fn from_safetensors(bytes: &'a [u8]) -> Result<Self, SafetensorsError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let encoding = match view.dtype() {
                Dtype::F32 => Encoding::F32,
                Dtype::F16 => Encoding::F16,
                Dtype::BF16 => Encoding::Bf16,
                dtype => return Err(SafetensorsError::Encoding { name: name.to_owned(), dtype }),
            };
            let raw = RawTensor { encoding, shape: view.shape().to_vec(), bytes: view.data(), paired_heads: None };
            tensors.insert(name.to_owned(), raw);
        }
        Ok(Self { tensors })
    }

    /// Names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn insert(&mut self, name: String, tensor: RawTensor<'a>) {
        self.tensors.insert(name, tensor);
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<RawTensor<'a>> {
        self.tensors.remove(name)
    }
}

/// GGUF stores rows `(head, pair, side)`; the half-split form wants `(head, side, pair)`.
fn unpair_rows(values: &[f32], shape: &[usize], n_heads: usize) -> Vec<f32> {
    let rows = shape[0];
    let width: usize = shape[1..].iter().product();
    let half = rows / n_heads / 2;
    let mut out = Vec::with_capacity(values.len());
    for head in 0..n_heads {
        for side in 0..2 {
            for pair in 0..half {
                let row = head * 2 * half + 2 * pair + side;
                out.extend_from_slice(&values[row * width..(row + 1) * width]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unpaired_within_heads() {
        let values: Vec<f32> = (0u8..8).map(f32::from).collect();
        assert_eq!(unpair_rows(&values, &[8, 1], 2), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn a_truncated_safetensors_file_is_an_error() {
        let error = Weights::from_safetensors(&[200, 0, 0, 0, 0, 0, 0, 0, b'{']).unwrap_err();
        assert!(error.to_string().starts_with("not a readable safetensors file"), "{error}");
    }
}
