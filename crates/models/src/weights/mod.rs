//! Weights as they lie in a file: named tensors over borrowed bytes, decoded one at a time.
//!
//! ```text
//! safetensors  Weights::from_safetensors   several files: ShardIndex and Weights::join
//! GGUF         Gguf::parse, Gguf::weights
//! PyTorch      Weights::from_torch
//! ONNX         Onnx::parse, Onnx::weights
//! ```
//!
//! Nothing is copied until a [`Loader`] asks for a tensor, so loading needs little more memory than the decoded
//! weights. Files are data from strangers: every count and length is checked against what is left of the file before
//! anything is allocated for it. A tensor that a model wants and the file lacks, one that the file has and no model took,
//! and one of another shape are errors, listed together.

mod cursor;
mod gguf;
mod loader;
mod onnx;
mod pieces;
mod quantised;
mod raw;
mod rearrange;
mod release;
mod shards;
mod threads;
mod torch;

use std::collections::BTreeMap;

pub use cursor::Truncated;
pub use gguf::{Gguf, GgufError, MetadataValue};
pub use loader::{Initialiser, Loader, Manifest, StoredTensor, WeightsError};
pub use onnx::{Onnx, OnnxAttribute, OnnxError, OnnxNode};
pub use pieces::PieceError;
pub use quantised::Encoding;
pub(crate) use raw::RawTensor;
pub(crate) use rearrange::Fate;
pub use rearrange::RearrangeError;
use release::Release;
pub use shards::{ShardError, ShardIndex};
pub use torch::TorchError;

use safetensors::{Dtype, SafeTensors};

use crate::Storage;

/// The tensors of one checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Weights<'a> {
    tensors: BTreeMap<String, RawTensor<'a>>,
    release: Release<'a>,
    storage: Storage,
}

/// A safetensors file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// The container is damaged.
    #[error("not a readable safetensors file: {0}\n  help: the file may be truncated; fetch it again")]
    Container(#[from] safetensors::SafeTensorError),
    /// A type that is not decoded.
    #[error(
        "tensor `{name}` is stored as {dtype:?}, which is not decoded\n  \
         help: F64, F32, F16, BF16, I8 to I64, U8 and BOOL are; save it as one of them"
    )]
    Encoding {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
}

/// Two tensors that would get one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tensors `{first}` and `{second}` would both be named `{name}`\n  help: give each tensor of the file a name of its own")]
pub struct NameClash {
    /// The name.
    pub name: String,
    /// The tensor that has it.
    pub first: String,
    /// The one that would get it too.
    pub second: String,
}

impl<'a> Weights<'a> {
    /// The tensors of a safetensors file.
    pub fn from_safetensors(bytes: &'a [u8]) -> Result<Self, SafetensorsError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let encoding = match view.dtype() {
                Dtype::F64 => Encoding::F64,
                Dtype::F32 => Encoding::F32,
                Dtype::F16 => Encoding::F16,
                Dtype::BF16 => Encoding::Bf16,
                Dtype::I64 => Encoding::I64,
                Dtype::I32 => Encoding::I32,
                Dtype::I16 => Encoding::I16,
                Dtype::I8 => Encoding::I8,
                Dtype::U8 => Encoding::U8,
                Dtype::BOOL => Encoding::Bool,
                dtype => return Err(SafetensorsError::Encoding { name: name.to_owned(), dtype }),
            };
            tensors.insert(name.to_owned(), RawTensor::new(encoding, view.shape().to_vec(), view.data()));
        }
        Ok(Self { tensors, ..Self::default() })
    }

    /// Tells `told` about the bytes of every tensor that a [`Loader`] has decoded, so that their memory can be given back.
    pub fn releasing(self, told: &'a (dyn Fn(&[u8]) + Sync)) -> Self {
        Self { release: Release::to(told), ..self }
    }

    /// How a [`Loader`] leaves matrices in memory.
    #[must_use]
    pub fn kept_as(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }

    /// Names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor's shape as stored.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// A tensor, decoded to f32: for a look at a file. A model takes its tensors through a [`Loader`].
    pub fn tensor(&self, name: &str) -> Option<StoredTensor> {
        let raw = self.tensors.get(name)?;
        Some(StoredTensor { name: name.to_owned(), shape: raw.shape.clone(), values: raw.decode() })
    }

    /// Leaves out what a model deliberately does not read, such as `num_batches_tracked`, so that it is not reported as
    /// unused.
    pub fn without(mut self, ignored: impl Fn(&str) -> bool) -> Self {
        self.tensors.retain(|name, _| !ignored(name));
        self
    }

    /// The same tensors under other names.
    pub fn renamed(mut self, rename: impl Fn(&str) -> String) -> Result<Self, NameClash> {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for (old, tensor) in std::mem::take(&mut self.tensors) {
            let name = rename(&old);
            if let Some(first) = names.insert(name.clone(), old.clone()) {
                return Err(NameClash { name, first, second: old });
            }
            tensors.insert(name, tensor);
        }
        Ok(Self { tensors, ..self })
    }

    pub(crate) fn insert(&mut self, name: String, tensor: RawTensor<'a>) {
        self.tensors.insert(name, tensor);
    }

    /// A tensor, decoded, no longer among those that are left.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>, Vec<usize>> {
        let Some(tensor) = self.tensors.remove(name) else { return Ok(None) };
        if tensor.shape != shape {
            return Err(tensor.shape);
        }
        let values = tensor.decode();
        if let Some(bytes) = tensor.borrowed() {
            self.release.tell(bytes);
        }
        Ok(Some(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Weights<'static> {
        let mut weights = Weights::default();
        for name in ["a.weight", "b.num_batches_tracked"] {
            weights.insert(name.to_owned(), RawTensor::new(Encoding::U8, vec![2], &[1, 2][..]));
        }
        weights
    }

    #[test]
    fn a_truncated_safetensors_file_is_an_error() {
        let error = Weights::from_safetensors(&[200, 0, 0, 0, 0, 0, 0, 0, b'{']).unwrap_err();
        assert!(error.to_string().starts_with("not a readable safetensors file"), "{error}");
    }

    #[test]
    fn tensors_are_left_out_and_renamed_by_name() {
        let weights = two().without(|name| name.ends_with("num_batches_tracked"));
        let weights = weights.renamed(|name| format!("model.{name}")).unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["model.a.weight"]);
        assert_eq!(weights.tensor("model.a.weight").unwrap().values, [1.0, 2.0]);
    }

    #[test]
    fn two_tensors_of_one_name_are_an_error() {
        insta::assert_snapshot!(two().renamed(|_| "weight".to_owned()).unwrap_err());
    }
}
