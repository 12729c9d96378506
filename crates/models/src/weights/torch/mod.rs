//! PyTorch checkpoints, both forms of `torch.save`, read as data: nothing in the file is ever called.
//!
//! ```text
//! zip (since 1.6)  NAME/data.pkl, and each storage as NAME/data/KEY, stored without compression
//! legacy           pickles: magic number, protocol, system, the object, storage keys; then the storages one by one
//! ```
//!
//! [`pickle`] understands the opcodes and the few globals that tensors are made of; any other global is refused by its
//! name. A tensor is a view of a storage: its offset and strides are checked against the storage's bytes and honoured.
//!
//! # Reference
//! `torch.save`, `torch/serialization.py` and `torch/_utils.py` of PyTorch 2; Python's `pickletools` for the opcodes.

mod legacy;
mod pickle;
mod value;
mod zip;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cursor::Truncated;
use super::raw::{Order, RawTensor};
use super::{Encoding, Weights};
use value::{Pickle, Storage, TensorView, Value};

/// Under which keys a training script keeps the state dict, if the checkpoint is not one itself.
const ENTRIES: [&str; 3] = ["state_dict", "model", "model_state_dict"];

/// A PyTorch checkpoint that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TorchError {
    /// Another kind of file.
    #[error(
        "not a PyTorch checkpoint: it starts with {0:02x?}, neither a zip archive nor the magic number of the legacy form\n  \
         help: was it saved with `torch.save`?"
    )]
    Magic(Vec<u8>),
    /// It ends early.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// A value that makes no sense.
    #[error("damaged PyTorch checkpoint: {0}\n  help: fetch it again")]
    Damaged(String),
    /// Something that the format allows and this reader does not do.
    #[error("PyTorch checkpoint: {0}\n  help: save the tensors alone, `torch.save(model.state_dict(), FILE)`, with a current PyTorch")]
    Unsupported(String),
    /// A Python object other than a tensor. It is not made.
    #[error(
        "the checkpoint holds a `{name}` (offset {offset} of its pickle), but only tensors, numbers, texts, lists and dicts are read\n  \
         help: save the tensors alone, `torch.save(model.state_dict(), FILE)`"
    )]
    Global {
        /// Module and name.
        name: String,
        /// Where in the pickle.
        offset: usize,
    },
    /// A tensor that is not a view of its storage, or cannot be decoded.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No dict of tensors where one is looked for.
    #[error(
        "the checkpoint is {found}, not a dict of tensors, and has none under `state_dict`, `model` or `model_state_dict`\n  \
         help: name the entry with `Weights::from_torch_entry`, or save the tensors alone"
    )]
    NoStateDict {
        /// What it is instead.
        found: String,
    },
    /// The entry that was asked for.
    #[error("`{entry}` is not a dict of tensors: the checkpoint is {found}\n  help: name one of its entries that is")]
    NoEntry {
        /// The entry.
        entry: String,
        /// What the checkpoint is.
        found: String,
    },
    /// More than one dict of tensors.
    #[error("{} of the checkpoint's entries are dicts of tensors: {}\n  help: name one with `Weights::from_torch_entry`", .0.len(), .0.join(", "))]
    Ambiguous(Vec<String>),
}

impl<'a> Weights<'a> {
    /// The tensors of a PyTorch checkpoint, in the zip or the legacy form. The checkpoint is a state dict itself, or has
    /// exactly one under `state_dict`, `model` or `model_state_dict`. Nothing is copied.
    ///
    /// Integers such as `num_batches_tracked` are among them: a model takes them, or they are left out by name with
    /// [`Weights::without`].
    pub fn from_torch(bytes: &'a [u8]) -> Result<Self, TorchError> {
        read(bytes, None)
    }

    /// The same, from this entry of the checkpoint and no other: `model_ema`, say.
    pub fn from_torch_entry(bytes: &'a [u8], entry: &str) -> Result<Self, TorchError> {
        read(bytes, Some(entry))
    }
}

/// Where the bytes of a storage are.
trait Storages<'a> {
    fn bytes(&self, storage: &Storage<'a>) -> Result<&'a [u8], TorchError>;
}

fn read<'a>(bytes: &'a [u8], entry: Option<&str>) -> Result<Weights<'a>, TorchError> {
    if bytes.starts_with(b"PK\x03\x04") {
        let (pickle, archive) = zip::read(bytes)?;
        collect(&pickle, &archive, entry)
    } else if legacy::is_legacy(bytes) {
        let (pickle, storages) = legacy::read(bytes)?;
        collect(&pickle, &storages, entry)
    } else {
        Err(TorchError::Magic(bytes[..bytes.len().min(8)].to_vec()))
    }
}

fn collect<'a>(pickle: &Pickle<'a>, storages: &impl Storages<'a>, entry: Option<&str>) -> Result<Weights<'a>, TorchError> {
    let items = match entry {
        None => state_dict(pickle)?,
        Some(entry) => {
            let items = pickle.entry(entry).and_then(|value| tensors(pickle, value));
            items.ok_or_else(|| TorchError::NoEntry { entry: entry.to_owned(), found: describe(pickle) })?
        }
    };
    let mut weights = BTreeMap::new();
    for (name, view) in items {
        let storage = &pickle.storages()[view.storage];
        let tensor = locate(pickle, view, storage, storages.bytes(storage)?)
            .map_err(|reason| TorchError::Tensor { name: name.to_owned(), reason })?;
        if weights.insert(name.to_owned(), tensor).is_some() {
            return Err(TorchError::Damaged(format!("tensor `{name}` is listed twice")));
        }
    }
    Ok(Weights { tensors: weights, ..Weights::default() })
}

fn state_dict<'p, 'a>(pickle: &'p Pickle<'a>) -> Result<Vec<(&'a str, &'p TensorView)>, TorchError> {
    if let Some(items) = tensors(pickle, pickle.root()) {
        return Ok(items);
    }
    let found = |entry: &&'static str| pickle.entry(entry).and_then(|value| tensors(pickle, value)).map(|items| (*entry, items));
    let mut candidates: Vec<_> = ENTRIES.iter().filter_map(found).collect();
    match (candidates.pop(), candidates.is_empty()) {
        (Some((_, items)), true) => Ok(items),
        (None, _) => Err(TorchError::NoStateDict { found: describe(pickle) }),
        (Some((last, _)), false) => {
            let entries = candidates.iter().map(|(entry, _)| *entry).chain([last]);
            Err(TorchError::Ambiguous(entries.map(|entry| format!("`{entry}`")).collect()))
        }
    }
}

/// The items of a dict that has tensors under texts and nothing else.
fn tensors<'p, 'a>(pickle: &'p Pickle<'a>, value: Value<'a>) -> Option<Vec<(&'a str, &'p TensorView)>> {
    let items = pickle.dict(value).filter(|items| !items.is_empty())?;
    let tensor = |&(key, value): &(Value<'a>, Value<'a>)| match (key, value) {
        (Value::Text(name), Value::Tensor(tensor)) => Some((name, &pickle.tensors()[tensor])),
        _ => None,
    };
    items.iter().map(tensor).collect()
}

/// What the whole object is, for an error.
fn describe(pickle: &Pickle<'_>) -> String {
    let Some(items) = pickle.dict(pickle.root()) else { return pickle.root().kind().to_owned() };
    let mut out = format!("a dict with {} entries", items.len());
    for (i, (key, value)) in items.iter().take(8).enumerate() {
        let separator = if i == 0 { ": " } else { ", " };
        let _ = match key {
            Value::Text(key) => write!(out, "{separator}`{}` ({})", key.chars().take(60).collect::<String>(), value.kind()),
            other => write!(out, "{separator}{} ({})", other.kind(), value.kind()),
        };
    }
    if items.len() > 8 {
        out.push_str(", …");
    }
    out
}

/// The tensor as a view of its storage's bytes, or what is wrong with it.
fn locate<'a>(pickle: &Pickle<'a>, view: &TensorView, storage: &Storage<'a>, bytes: &'a [u8]) -> Result<RawTensor<'a>, String> {
    let (shape, strides) = (pickle.integers(view.size), pickle.integers(view.stride));
    let (Some(shape), Some(mut strides)) = (shape, strides) else {
        return Err("its shape or its strides are not at most 8 whole numbers\n  help: the file is damaged; fetch it again".to_owned());
    };
    if shape.len() != strides.len() {
        return Err(format!(
            "shape {shape:?} has another number of axes than strides {strides:?}\n  help: the file is damaged; fetch it again"
        ));
    }
    let encoding = storage.encoding;
    if shape.contains(&0) {
        return Ok(RawTensor::new(encoding, shape, &[][..]));
    }
    for (stride, _) in strides.iter_mut().zip(&shape).filter(|(_, edge)| **edge == 1) {
        *stride = 0; // never stepped along
    }
    let n = shape.iter().try_fold(1usize, |n, &edge| n.checked_mul(edge));
    let span = shape.iter().zip(&strides).try_fold(1usize, |span, (edge, stride)| span.checked_add((edge - 1).checked_mul(*stride)?));
    let width = encoding.byte_len(1).unwrap_or(1);
    let held = bytes.len() / width;
    let slice = span.and_then(|span| {
        let end = view.offset.checked_add(span)?;
        bytes.get(view.offset.checked_mul(width)?..end.checked_mul(width)?)
    });
    let (Some(n), Some(span), Some(slice)) = (n, span, slice) else {
        return Err(format!(
            "shape {shape:?} with strides {strides:?} from element {} is outside its storage of {held} {encoding:?} elements\n  \
             help: the file is damaged; fetch it again",
            view.offset
        ));
    };
    if n > span {
        return Err(format!(
            "shape {shape:?} with strides {strides:?} has {n} elements on {span} stored ones, so some are the same\n  \
             help: save it with `.contiguous()`"
        ));
    }
    let tensor = RawTensor::new(encoding, shape, slice);
    Ok(if strides == row_major(&tensor.shape) { tensor } else { tensor.in_order(Order::Strided(strides)) })
}

/// Strides of elements that lie one after the other, 0 along axes of one.
fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for (out, &edge) in strides.iter_mut().zip(shape).rev().filter(|(_, edge)| **edge != 1) {
        *out = stride;
        stride *= edge;
    }
    strides
}

#[cfg(test)]
mod tests;
