//! The legacy form: five pickles, then each storage as its number of elements (64 bits) and its bytes.

use std::collections::BTreeMap;

use super::value::{Pickle, Storage, Value};
use super::{Encoding, Storages, TorchError, pickle};
use crate::weights::cursor::Cursor;

/// 0x1950a86a20f9469cfc6c, as a pickle has it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

/// The bytes of each storage, by key.
#[derive(Debug)]
pub(super) struct Located<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Storages<'a> for Located<'a> {
    fn bytes(&self, storage: &Storage<'a>) -> Result<&'a [u8], TorchError> {
        let key = storage.key;
        self.0.get(key).copied().ok_or_else(|| TorchError::Damaged(format!("storage `{key}` is not in it")))
    }
}

/// Whether the first pickle is the magic number: `PROTO n, LONG1 10, …`.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x80) && bytes.get(2..4) == Some(&[0x8a, 10]) && bytes.get(4..14) == Some(&MAGIC)
}

pub(super) fn read(bytes: &[u8]) -> Result<(Pickle<'_>, Located<'_>), TorchError> {
    let mut cursor = Cursor::new(bytes, 0);
    pickle::read(&mut cursor)?;
    let protocol = pickle::read(&mut cursor)?;
    if !matches!(protocol.root(), Value::Integer(PROTOCOL)) {
        return Err(TorchError::Unsupported(format!("its protocol is {}, not {PROTOCOL}", protocol.root().kind())));
    }
    let system = pickle::read(&mut cursor)?;
    if !matches!(system.entry("little_endian"), Some(Value::Bool(true))) {
        return Err(TorchError::Unsupported("it was saved on a big-endian machine".to_owned()));
    }
    let object = pickle::read(&mut cursor)?;
    let keys = pickle::read(&mut cursor)?;
    let located = Located(locate(&object, &keys, &mut cursor)?);
    if !cursor.is_at_end() {
        return Err(TorchError::Damaged(format!("{} bytes are left behind its storages", bytes.len() - cursor.offset())));
    }
    Ok((object, located))
}

fn locate<'a>(object: &Pickle<'a>, keys: &Pickle<'a>, cursor: &mut Cursor<'a>) -> Result<BTreeMap<&'a str, &'a [u8]>, TorchError> {
    let mut encodings: BTreeMap<&str, (Encoding, usize)> = BTreeMap::new();
    for &Storage { key, encoding, n } in object.storages() {
        if encodings.insert(key, (encoding, n)).is_some_and(|before| before != (encoding, n)) {
            return Err(TorchError::Damaged(format!("storage `{key}` has two types or two lengths")));
        }
    }
    let keys = keys.list(keys.root()).ok_or_else(|| TorchError::Damaged("its storage keys are not a list".to_owned()))?;
    let mut located = BTreeMap::new();
    for key in keys {
        let Value::Text(key) = *key else {
            return Err(TorchError::Damaged(format!("a storage key is {}", key.kind())));
        };
        let Some(&(encoding, n)) = encodings.get(key) else {
            return Err(TorchError::Damaged(format!("storage `{key}` has data, but no tensor uses it")));
        };
        let stored = cursor.u64("a storage's length")?;
        let length = encoding.byte_len(n).filter(|_| stored == n as u64);
        let length = length.ok_or_else(|| TorchError::Damaged(format!("storage `{key}` should have {n} elements, but has {stored}")))?;
        if located.insert(key, cursor.take(length, "a storage")?).is_some() {
            return Err(TorchError::Damaged(format!("storage `{key}` is stored twice")));
        }
    }
    Ok(located)
}
