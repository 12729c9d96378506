//! An initialiser: a message with a type, edges, and values in one of several fields.

use std::borrow::Cow;

use super::OnnxError;
use super::wire::{Fields, Wire};
use crate::weights::{Encoding, RawTensor};

/// Axes of a tensor; a damaged file must not make long shapes.
const MAX_RANK: usize = 8;

/// Name and values.
pub(super) fn read(message: &[u8]) -> Result<(&str, RawTensor<'_>), OnnxError> {
    let mut tensor = Tensor { name: "", kind: 0, shape: Vec::new(), raw: None, values: Cow::Borrowed(&[]), external: false };
    // What a number of `int32_data` means hangs on the type, which may come behind it.
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => wire.varints(|edge| tensor.edge(edge))?,
            2 => tensor.kind = wire.varint()?,
            8 => tensor.name = wire.text()?,
            9 => tensor.raw = Some(wire.bytes()?),
            13 => tensor.external = true,
            14 => tensor.external |= wire.varint()? != 0,
            _ => {}
        }
    }
    let encoding = tensor.encoding()?;
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next()? {
        match (field, encoding) {
            (4, Encoding::F32) | (10, Encoding::F64) => tensor.extend(wire)?,
            (5, Encoding::I32 | Encoding::I16 | Encoding::I8 | Encoding::U8 | Encoding::Bool | Encoding::F16 | Encoding::Bf16)
            | (7, Encoding::I64) => {
                let (_, width) = encoding.unit();
                let values = tensor.values.to_mut();
                wire.varints(|value| {
                    values.extend_from_slice(&value.to_le_bytes()[..width]);
                    Ok(())
                })?;
            }
            (4..=7 | 10 | 11, _) => return Err(tensor.error(format!("has {encoding:?} elements in field {field}"))),
            _ => {}
        }
    }
    tensor.finish(encoding)
}

struct Tensor<'a> {
    name: &'a str,
    kind: u64,
    shape: Vec<usize>,
    raw: Option<&'a [u8]>,
    /// Of the typed fields.
    values: Cow<'a, [u8]>,
    external: bool,
}

impl<'a> Tensor<'a> {
    fn edge(&mut self, edge: u64) -> Result<(), OnnxError> {
        if self.shape.len() >= MAX_RANK {
            return Err(OnnxError::Damaged(format!("a tensor has more than {MAX_RANK} axes")));
        }
        self.shape.push(usize::try_from(edge.cast_signed()).map_err(|_| OnnxError::Damaged("a tensor has a negative edge".to_owned()))?);
        Ok(())
    }

    fn encoding(&self) -> Result<Encoding, OnnxError> {
        Ok(match self.kind {
            1 => Encoding::F32,
            2 => Encoding::U8,
            3 => Encoding::I8,
            5 => Encoding::I16,
            6 => Encoding::I32,
            7 => Encoding::I64,
            9 => Encoding::Bool,
            10 => Encoding::F16,
            11 => Encoding::F64,
            16 => Encoding::Bf16,
            kind => return Err(OnnxError::Encoding { name: self.name.to_owned(), kind }),
        })
    }

    /// Floats of fixed width. Packed into one field, as every writer does, they are borrowed.
    fn extend(&mut self, wire: Wire<'a>) -> Result<(), OnnxError> {
        match wire {
            Wire::Bytes(bytes) if self.values.is_empty() => self.values = Cow::Borrowed(bytes),
            Wire::Bytes(bytes) => self.values.to_mut().extend_from_slice(bytes),
            Wire::Fixed32(bytes) => self.values.to_mut().extend_from_slice(&bytes),
            Wire::Fixed64(bytes) => self.values.to_mut().extend_from_slice(&bytes),
            Wire::Varint(_) => return Err(self.error("has floats of no fixed width".to_owned())),
        }
        Ok(())
    }

    fn finish(self, encoding: Encoding) -> Result<(&'a str, RawTensor<'a>), OnnxError> {
        if self.external {
            return Err(OnnxError::External { name: self.name.to_owned() });
        }
        let n = self.shape.iter().try_fold(1usize, |n, &edge| n.checked_mul(edge));
        let needed = n.and_then(|n| encoding.byte_len(n));
        let bytes = match self.raw.filter(|raw| !raw.is_empty()) {
            Some(_) if !self.values.is_empty() => return Err(self.error("has its values twice".to_owned())),
            Some(raw) => Cow::Borrowed(raw),
            None => self.values,
        };
        if needed != Some(bytes.len()) {
            let (name, shape, length) = (self.name, &self.shape, bytes.len());
            return Err(OnnxError::Damaged(format!("tensor `{name}` of shape {shape:?} as {encoding:?} has {length} bytes")));
        }
        Ok((self.name, RawTensor::new(encoding, self.shape, bytes)))
    }

    fn error(&self, reason: String) -> OnnxError {
        OnnxError::Damaged(format!("tensor `{}` {reason}", self.name))
    }
}
