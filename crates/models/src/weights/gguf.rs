//! The GGUF container: metadata and tensors, read as data over borrowed bytes.
//!
//! # Reference
//! GGUF specification, versions 2 and 3, little-endian. Every count and length is checked against what is left of the
//! file before anything is allocated for it.

use std::collections::BTreeMap;

use super::Release;
use super::raw::Order;
use super::{Encoding, NameClash, RawTensor, Weights};
use crate::Storage;

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataValue<'a> {
    /// Any integer type.
    Integer(i64),
    /// f32 or f64.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// UTF-8 text.
    Text(&'a str),
    /// A list of values.
    List(Vec<MetadataValue<'a>>),
}

/// A file that is not GGUF, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GgufError {
    /// Another kind of file.
    #[error("not a GGUF file: it starts with {0:02x?} instead of \"GGUF\"")]
    Magic(Vec<u8>),
    /// Another version.
    #[error("GGUF version {0} is not read, only 2 and 3")]
    Version(u32),
    /// It ends early.
    #[error("truncated GGUF file: {what} needs {needed} bytes at offset {offset}, but the file has {length}\n  help: fetch it again")]
    Truncated {
        /// What was being read.
        what: String,
        /// Where.
        offset: usize,
        /// How much of it.
        needed: usize,
        /// The file's length.
        length: usize,
    },
    /// A value that makes no sense.
    #[error("damaged GGUF file: {0}")]
    Damaged(String),
    /// A tensor type that is not decoded.
    #[error(
        "tensor `{name}` has GGUF type {kind}, which is not decoded\n  \
         help: F32, F16, BF16, F64, I8 to I64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are; quantise the model to one of them"
    )]
    Encoding {
        /// The tensor.
        name: String,
        /// GGUF's number of the type.
        kind: u32,
    },
    /// A metadata entry that a model needs.
    #[error("the GGUF metadata has no usable `{key}` ({expected})")]
    Metadata {
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// A parsed GGUF file.
#[derive(Debug, Clone)]
pub struct Gguf<'a> {
    metadata: BTreeMap<&'a str, MetadataValue<'a>>,
    tensors: BTreeMap<&'a str, RawTensor<'a>>,
    release: Release<'a>,
    storage: Storage,
}

impl<'a> Gguf<'a> {
    /// Reads the container. Tensor data is not touched.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        let mut reader = Reader { bytes, offset: 0 };
        let magic = reader.take(4, "the magic number")?;
        if magic != b"GGUF" {
            return Err(GgufError::Magic(magic.to_vec()));
        }
        let version = reader.u32("the version")?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let n_tensors = reader.u64("the number of tensors")?;
        let n_metadata = reader.u64("the number of metadata entries")?;
        let mut metadata = BTreeMap::new();
        for _ in 0..n_metadata {
            let key = reader.text("a metadata key")?;
            let kind = reader.u32("a metadata type")?;
            metadata.insert(key, reader.value(kind, 0)?);
        }
        let mut infos = Vec::new();
        for _ in 0..n_tensors {
            infos.push(reader.tensor_info()?);
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(MetadataValue::Integer(alignment @ 1..=65_536)) => *alignment as usize,
            Some(other) => return Err(GgufError::Damaged(format!("`general.alignment` is {other:?}"))),
        };
        let start = reader.offset.next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for info in infos {
            let (name, tensor) = info.locate(bytes, start)?;
            if tensors.insert(name, tensor).is_some() {
                return Err(GgufError::Damaged(format!("tensor `{name}` is listed twice")));
            }
        }
        Ok(Self { metadata, tensors, release: Release::default(), storage: Storage::default() })
    }

    /// A metadata entry.
    pub fn get(&self, key: &str) -> Option<&MetadataValue<'a>> {
        self.metadata.get(key)
    }

    /// An integer that must be there and not be negative.
    pub fn integer(&self, key: &str) -> Result<usize, GgufError> {
        match self.get(key) {
            Some(&MetadataValue::Integer(value)) if value >= 0 => Ok(value as usize),
            _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "an integer" }),
        }
    }

    /// A number that must be there.
    pub fn float(&self, key: &str) -> Result<f64, GgufError> {
        match self.get(key) {
            Some(&MetadataValue::Float(value)) => Ok(value),
            _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "a number" }),
        }
    }

    /// A text that must be there.
    pub fn text(&self, key: &str) -> Result<&'a str, GgufError> {
        match self.get(key) {
            Some(&MetadataValue::Text(value)) => Ok(value),
            _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "a text" }),
        }
    }

    /// A list that must be there.
    pub fn list(&self, key: &str) -> Result<&[MetadataValue<'a>], GgufError> {
        match self.get(key) {
            Some(MetadataValue::List(values)) => Ok(values),
            _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "a list" }),
        }
    }

    /// Tells `told` about the bytes of every tensor that was decoded; see [`Weights::releasing`].
    pub fn releasing(self, told: &'a (dyn Fn(&[u8]) + Sync)) -> Self {
        Self { release: Release::to(told), ..self }
    }

    /// How a [`Loader`](super::Loader) leaves matrices in memory.
    #[must_use]
    pub fn kept_as(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }

    /// Metadata keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.metadata.keys().copied()
    }

    /// Number of tensors.
    pub fn n_tensors(&self) -> usize {
        self.tensors.len()
    }

    /// A tensor's shape, the fastest axis last.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// A tensor's values, decoded.
    pub fn tensor(&self, name: &str) -> Option<Vec<f32>> {
        self.tensors.get(name).map(RawTensor::decode)
    }

    /// The tensors under new names. `rename` gives a name and, for rows in GGUF's rotary order, the number of heads.
    pub fn weights(&self, rename: impl Fn(&str) -> (String, Option<usize>)) -> Result<Weights<'a>, NameClash> {
        let mut weights = Weights { release: self.release, storage: self.storage, ..Weights::default() };
        let mut olds: BTreeMap<String, &str> = BTreeMap::new();
        for (&old, tensor) in &self.tensors {
            let (name, paired_heads) = rename(old);
            if let Some(first) = olds.insert(name.clone(), old) {
                return Err(NameClash { name, first: first.to_owned(), second: old.to_owned() });
            }
            let order = paired_heads.map_or(Order::RowMajor, Order::PairedHeads);
            weights.insert(name, tensor.clone().in_order(order));
        }
        Ok(weights)
    }
}

struct TensorInfo<'a> {
    name: &'a str,
    shape: Vec<usize>,
    kind: u32,
    offset: usize,
}

impl<'a> TensorInfo<'a> {
    fn locate(self, bytes: &'a [u8], start: usize) -> Result<(&'a str, RawTensor<'a>), GgufError> {
        let Self { name, shape, kind, offset } = self;
        let encoding = encoding(kind).ok_or_else(|| GgufError::Encoding { name: name.to_owned(), kind })?;
        let n = shape.iter().try_fold(1usize, |n, &edge| n.checked_mul(edge));
        let needed = n
            .and_then(|n| encoding.byte_len(n))
            .ok_or_else(|| GgufError::Damaged(format!("tensor `{name}` of shape {shape:?} does not fill whole {encoding:?} blocks")))?;
        let offset =
            start.checked_add(offset).ok_or_else(|| GgufError::Damaged(format!("tensor `{name}` starts at an impossible offset")))?;
        let data = offset.checked_add(needed).and_then(|end| bytes.get(offset..end)).ok_or_else(|| GgufError::Truncated {
            what: format!("tensor `{name}`"),
            offset,
            needed,
            length: bytes.len(),
        })?;
        Ok((name, RawTensor::new(encoding, shape, data)))
    }
}

/// GGUF's number of a tensor type.
const fn encoding(kind: u32) -> Option<Encoding> {
    Some(match kind {
        0 => Encoding::F32,
        1 => Encoding::F16,
        2 => Encoding::Q4_0,
        3 => Encoding::Q4_1,
        6 => Encoding::Q5_0,
        7 => Encoding::Q5_1,
        8 => Encoding::Q8_0,
        12 => Encoding::Q4K,
        13 => Encoding::Q5K,
        14 => Encoding::Q6K,
        24 => Encoding::I8,
        25 => Encoding::I16,
        26 => Encoding::I32,
        27 => Encoding::I64,
        28 => Encoding::F64,
        30 => Encoding::Bf16,
        _ => return None,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// Lists of lists of lists make no sense in metadata; a damaged file must not exhaust the stack.
const MAX_NESTING: usize = 4;

impl<'a> Reader<'a> {
    fn take(&mut self, needed: usize, what: &str) -> Result<&'a [u8], GgufError> {
        let end = self.offset.checked_add(needed);
        let slice = end.and_then(|end| self.bytes.get(self.offset..end)).ok_or_else(|| GgufError::Truncated {
            what: what.to_owned(),
            offset: self.offset,
            needed,
            length: self.bytes.len(),
        })?;
        self.offset += needed;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    fn u32(&mut self, what: &str) -> Result<u32, GgufError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, GgufError> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn text(&mut self, what: &str) -> Result<&'a str, GgufError> {
        let length = usize::try_from(self.u64(what)?).unwrap_or(usize::MAX);
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|error| GgufError::Damaged(format!("{what} is not UTF-8: {error}")))
    }

    fn value(&mut self, kind: u32, nesting: usize) -> Result<MetadataValue<'a>, GgufError> {
        use MetadataValue::{Bool, Float, Integer, List, Text};
        let what = "a metadata value";
        Ok(match kind {
            0 => Integer(i64::from(u8::from_le_bytes(self.array(what)?))),
            1 => Integer(i64::from(i8::from_le_bytes(self.array(what)?))),
            2 => Integer(i64::from(u16::from_le_bytes(self.array(what)?))),
            3 => Integer(i64::from(i16::from_le_bytes(self.array(what)?))),
            4 => Integer(i64::from(self.u32(what)?)),
            5 => Integer(i64::from(i32::from_le_bytes(self.array(what)?))),
            6 => Float(f64::from(f32::from_le_bytes(self.array(what)?))),
            7 => Bool(self.take(1, what)?[0] != 0),
            8 => Text(self.text(what)?),
            9 if nesting < MAX_NESTING => {
                let kind = self.u32(what)?;
                let length = self.u64(what)?;
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(self.value(kind, nesting + 1)?);
                }
                List(values)
            }
            9 => return Err(GgufError::Damaged(format!("metadata lists are nested more than {MAX_NESTING} deep"))),
            10 | 11 => Integer(self.u64(what)?.cast_signed()),
            12 => Float(f64::from_le_bytes(self.array(what)?)),
            other => return Err(GgufError::Damaged(format!("metadata type {other} does not exist"))),
        })
    }

    fn tensor_info(&mut self) -> Result<TensorInfo<'a>, GgufError> {
        let name = self.text("a tensor's name")?;
        let n_dims = self.u32("a tensor's rank")?;
        if n_dims > 8 {
            return Err(GgufError::Damaged(format!("tensor `{name}` has {n_dims} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..n_dims {
            shape.push(usize::try_from(self.u64("a tensor's shape")?).unwrap_or(usize::MAX));
        }
        shape.reverse();
        let kind = self.u32("a tensor's type")?;
        let offset = usize::try_from(self.u64("a tensor's offset")?).unwrap_or(usize::MAX);
        Ok(TensorInfo { name, shape, kind, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(n_tensors: u64, n_metadata: u64, body: &[u8]) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(n_tensors.to_le_bytes());
        bytes.extend(n_metadata.to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn tensor(name: &str, shape: &[u64], kind: u32) -> Vec<u8> {
        let mut bytes = (name.len() as u64).to_le_bytes().to_vec();
        bytes.extend(name.as_bytes());
        bytes.extend((shape.len() as u32).to_le_bytes());
        for edge in shape {
            bytes.extend(edge.to_le_bytes());
        }
        bytes.extend(kind.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes
    }

    #[test]
    fn a_small_file_is_read_whole() {
        let mut bytes = file(1, 0, &tensor("w", &[2, 3], 0));
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        (0u8..6).for_each(|i| bytes.extend(f32::from(i).to_le_bytes()));
        let gguf = Gguf::parse(&bytes).unwrap();
        assert_eq!(gguf.tensors["w"].shape, [3, 2]);
        assert_eq!(gguf.tensors["w"].decode(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn two_tensors_do_not_get_one_name() {
        let mut bytes = file(2, 0, &[tensor("a", &[2], 0), tensor("b", &[2], 0)].concat());
        bytes.resize(bytes.len().next_multiple_of(32) + 8, 0);
        let error = Gguf::parse(&bytes).unwrap().weights(|_| ("w".to_owned(), None)).unwrap_err();
        assert_eq!((error.name.as_str(), error.first.as_str(), error.second.as_str()), ("w", "a", "b"));
    }

    #[test]
    fn bad_files_say_what_is_wrong() {
        let cases = [
            b"PK\x03\x04".to_vec(),
            file(0, 0, &[])[..6].to_vec(),
            file(0, u64::MAX, &[]),
            file(1, 0, &tensor("w", &[1 << 40, 1 << 40], 0)),
            file(1, 0, &tensor("w", &[64], 0)),
            file(1, 0, &tensor("w", &[33], 3)),
            file(1, 0, &tensor("w", &[32], 12)),
            file(1, 0, &tensor("w", &[32], 16)),
            file(0, 1, &[1, 0, 0, 0, 0, 0, 0, 0, b'k', 99, 0, 0, 0]),
        ];
        let messages: Vec<String> = cases.iter().map(|bytes| Gguf::parse(bytes).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), n in 0u64..4, m in 0u64..4) {
            let _ = Gguf::parse(&file(n, m, &tail));
        }
    }
}
