//! The wire format of protocol buffers: fields of a number and a value, nothing else.
//!
//! # Reference
//! Encoding chapter of the Protocol Buffers documentation. Groups, which nothing uses any more, are refused.

use super::OnnxError;
use crate::weights::cursor::Cursor;

/// A value as it lies in the message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
pub(super) struct Fields<'a>(Cursor<'a>);

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(Cursor::new(message, 0))
    }

    /// Number and value of the next field, or `None` at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, OnnxError> {
        if self.0.is_at_end() {
            return Ok(None);
        }
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Wire::Varint(varint(&mut self.0)?),
            1 => Wire::Fixed64(self.0.array("a field")?),
            2 => {
                let length = varint(&mut self.0)?;
                Wire::Bytes(self.0.take_u64(length, "a field")?)
            }
            5 => Wire::Fixed32(self.0.array("a field")?),
            other => return Err(OnnxError::Damaged(format!("field {} has wire type {other}", tag >> 3))),
        };
        Ok(Some((tag >> 3, value)))
    }
}

impl<'a> Wire<'a> {
    pub(super) fn varint(self) -> Result<u64, OnnxError> {
        match self {
            Self::Varint(value) => Ok(value),
            other => Err(other.unexpected("a number")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], OnnxError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.unexpected("bytes")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, OnnxError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|error| OnnxError::Damaged(format!("a text is not UTF-8: {error}")))
    }

    /// Calls `each` with the numbers of a repeated field: one of them here, or several packed.
    pub(super) fn varints(self, mut each: impl FnMut(u64) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        match self {
            Self::Varint(value) => each(value),
            Self::Bytes(bytes) => {
                let mut cursor = Cursor::new(bytes, 0);
                while !cursor.is_at_end() {
                    each(varint(&mut cursor)?)?;
                }
                Ok(())
            }
            other => Err(other.unexpected("numbers")),
        }
    }

    fn unexpected(&self, expected: &str) -> OnnxError {
        let found = match self {
            Self::Varint(_) => "a number",
            Self::Fixed32(_) | Self::Fixed64(_) => "a number of fixed width",
            Self::Bytes(_) => "bytes",
        };
        OnnxError::Damaged(format!("a field holds {found} instead of {expected}"))
    }
}

fn varint(cursor: &mut Cursor<'_>) -> Result<u64, OnnxError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8("a number")?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(OnnxError::Damaged("a number has more than 64 bits".to_owned()))
}
