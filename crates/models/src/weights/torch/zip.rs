//! The zip form: a member is a range of the file, because none is compressed.
//!
//! # Reference
//! PKWARE's APPNOTE 6.3.9, sections 4.3 and 4.5.3 (ZIP64). Checksums are not looked at: that would read all data.

use std::collections::BTreeMap;

use super::value::{Pickle, Storage};
use super::{Storages, TorchError, pickle};
use crate::weights::cursor::Cursor;

/// Bytes of the record at the end, without its comment.
const END: usize = 22;
/// Bytes of the ZIP64 locator in front of it.
const LOCATOR: usize = 20;

/// Members by name.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    members: BTreeMap<&'a str, &'a [u8]>,
    /// The folder that everything lies in.
    folder: &'a str,
}

pub(super) fn read(bytes: &[u8]) -> Result<(Pickle<'_>, Archive<'_>), TorchError> {
    let members = members(bytes)?;
    let mut folders = members.keys().filter_map(|name| name.strip_suffix("/data.pkl")).filter(|folder| !folder.contains('/'));
    let (Some(folder), None) = (folders.next(), folders.next()) else {
        return Err(TorchError::Unsupported("the zip archive has no single `NAME/data.pkl`".to_owned()));
    };
    let archive = Archive { members, folder };
    if let Some(&order) = archive.member("byteorder")
        && order != b"little"
    {
        return Err(TorchError::Unsupported("it was saved on a big-endian machine".to_owned()));
    }
    let object = archive.member("data.pkl").copied().unwrap_or_default();
    Ok((pickle::read(&mut Cursor::new(object, 0))?, archive))
}

impl<'a> Archive<'a> {
    fn member(&self, name: &str) -> Option<&&'a [u8]> {
        self.members.get(format!("{}/{name}", self.folder).as_str())
    }
}

impl<'a> Storages<'a> for Archive<'a> {
    fn bytes(&self, storage: &Storage<'a>) -> Result<&'a [u8], TorchError> {
        let Storage { key, encoding, n } = storage;
        let bytes = self.member(&format!("data/{key}")).ok_or_else(|| TorchError::Damaged(format!("storage `{key}` is not in it")))?;
        match encoding.byte_len(*n) {
            Some(length) if length == bytes.len() => Ok(bytes),
            _ => Err(TorchError::Damaged(format!("storage `{key}` should have {n} {encoding:?} elements, but has {} bytes", bytes.len()))),
        }
    }
}

/// Where the central directory starts, and how many members it lists.
fn directory(bytes: &[u8]) -> Result<(u64, u64), TorchError> {
    let is_end = |at: &usize| {
        bytes[*at..].starts_with(b"PK\x05\x06")
            && usize::from(u16::from_le_bytes([bytes[at + 20], bytes[at + 21]])) == bytes.len() - at - END
    };
    let last = bytes.len().checked_sub(END);
    let end = last.and_then(|last| (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(is_end));
    let end = end.ok_or_else(|| TorchError::Damaged("the zip archive has no end record, so it is not whole".to_owned()))?;
    let mut cursor = Cursor::new(bytes, end + 10);
    let n_members = cursor.u16("the number of members")?;
    cursor.u32("the directory's length")?;
    let start = cursor.u32("the directory's offset")?;
    if n_members != u16::MAX && start != u32::MAX {
        return Ok((u64::from(start), u64::from(n_members)));
    }
    let mut cursor = Cursor::new(bytes, end.saturating_sub(LOCATOR));
    if cursor.take(4, "the ZIP64 locator")? != b"PK\x06\x07" {
        return Err(TorchError::Damaged("the zip archive has no ZIP64 locator where one should be".to_owned()));
    }
    cursor.u32("the ZIP64 disk number")?;
    let record = usize::try_from(cursor.u64("the ZIP64 record's offset")?).unwrap_or(usize::MAX);
    let mut cursor = Cursor::new(bytes, record);
    if cursor.take(4, "the ZIP64 end record")? != b"PK\x06\x06" {
        return Err(TorchError::Damaged(format!("the zip archive has no ZIP64 end record at offset {record}")));
    }
    cursor.take(28, "the ZIP64 end record")?;
    let n_members = cursor.u64("the number of members")?;
    cursor.u64("the directory's length")?;
    Ok((cursor.u64("the directory's offset")?, n_members))
}

fn members(bytes: &[u8]) -> Result<BTreeMap<&str, &[u8]>, TorchError> {
    let (start, n_members) = directory(bytes)?;
    let mut cursor = Cursor::new(bytes, usize::try_from(start).unwrap_or(usize::MAX));
    let mut members = BTreeMap::new();
    for _ in 0..n_members {
        let (name, data) = member(bytes, &mut cursor)?;
        if members.insert(name, data).is_some() {
            return Err(TorchError::Damaged(format!("the zip archive has `{name}` twice")));
        }
    }
    Ok(members)
}

/// Name and bytes of the next member in the directory.
fn member<'a>(bytes: &'a [u8], cursor: &mut Cursor<'a>) -> Result<(&'a str, &'a [u8]), TorchError> {
    if cursor.take(4, "a directory entry")? != b"PK\x01\x02" {
        return Err(TorchError::Damaged(format!("the zip archive has no directory entry at offset {}", cursor.offset() - 4)));
    }
    cursor.take(4, "a directory entry")?;
    let flags = cursor.u16("a member's flags")?;
    let method = cursor.u16("a member's compression")?;
    cursor.take(8, "a directory entry")?;
    let mut stored = u64::from(cursor.u32("a member's length")?);
    let mut length = u64::from(cursor.u32("a member's length")?);
    let name_length = cursor.u16("a member's name")?;
    let extra_length = cursor.u16("a member's extra field")?;
    let comment_length = cursor.u16("a member's comment")?;
    cursor.take(8, "a directory entry")?;
    let mut offset = u64::from(cursor.u32("a member's offset")?);
    let name = cursor.take(usize::from(name_length), "a member's name")?;
    let name = std::str::from_utf8(name).map_err(|error| TorchError::Damaged(format!("a member's name is not UTF-8: {error}")))?;
    let extra = cursor.take(usize::from(extra_length), "a member's extra field")?;
    cursor.take(usize::from(comment_length), "a member's comment")?;
    if flags & 1 != 0 || method != 0 {
        return Err(TorchError::Unsupported(format!("member `{name}` is compressed or encrypted (method {method}, flags {flags:#06x})")));
    }
    widen(extra, [&mut length, &mut stored, &mut offset])?;
    if stored != length {
        return Err(TorchError::Damaged(format!("member `{name}` has {stored} bytes for {length}")));
    }
    let mut local = Cursor::new(bytes, usize::try_from(offset).unwrap_or(usize::MAX));
    if local.take(4, "a member")? != b"PK\x03\x04" {
        return Err(TorchError::Damaged(format!("member `{name}` is not at offset {offset}")));
    }
    local.take(22, "a member's header")?;
    let name_length = local.u16("a member's header")?;
    let extra_length = local.u16("a member's header")?;
    local.take(usize::from(name_length) + usize::from(extra_length), "a member's header")?;
    Ok((name, local.take_u64(length, "a member")?))
}

/// Replaces each number that did not fit 32 bits by the next one of the ZIP64 field.
fn widen(extra: &[u8], numbers: [&mut u64; 3]) -> Result<(), TorchError> {
    if numbers.iter().all(|number| **number != u64::from(u32::MAX)) {
        return Ok(());
    }
    let mut cursor = Cursor::new(extra, 0);
    while !cursor.is_at_end() {
        let kind = cursor.u16("an extra field")?;
        let length = cursor.u16("an extra field")?;
        let field = cursor.take(usize::from(length), "an extra field")?;
        if kind == 1 {
            let mut cursor = Cursor::new(field, 0);
            for number in numbers.into_iter().filter(|number| **number == u64::from(u32::MAX)) {
                *number = cursor.u64("a ZIP64 field")?;
            }
            return Ok(());
        }
    }
    Err(TorchError::Damaged("a member over 4 GiB has no ZIP64 field".to_owned()))
}
