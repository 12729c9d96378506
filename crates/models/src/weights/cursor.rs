//! Reading from bytes without trusting any length in them.

/// A file that ends before something that it says it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("truncated file: {what} needs {needed} bytes at offset {offset}, but the file has {length}\n  help: fetch it again")]
pub struct Truncated {
    /// What was being read.
    pub what: &'static str,
    /// Where.
    pub offset: usize,
    /// How much of it.
    pub needed: usize,
    /// The file's length.
    pub length: usize,
}

/// A place in bytes.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    pub(super) const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub(super) fn take(&mut self, needed: usize, what: &'static str) -> Result<&'a [u8], Truncated> {
        let end = self.offset.checked_add(needed);
        let slice = end.and_then(|end| self.bytes.get(self.offset..end)).ok_or(Truncated {
            what,
            offset: self.offset,
            needed,
            length: self.bytes.len(),
        })?;
        self.offset += needed;
        Ok(slice)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Truncated> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Truncated> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Truncated> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Truncated> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Truncated> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// As many bytes as a number in the file says.
    pub(super) fn take_u64(&mut self, needed: u64, what: &'static str) -> Result<&'a [u8], Truncated> {
        self.take(usize::try_from(needed).unwrap_or(usize::MAX), what)
    }

    /// Up to a newline, which is passed but not returned.
    pub(super) fn line(&mut self, what: &'static str) -> Result<&'a [u8], Truncated> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = self.take(length, what)?;
        self.take(1, what)?;
        Ok(line)
    }
}
