//! Files of weights, mapped into memory.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, UncheckedAdvice};

use super::BackboneError;

/// A file in memory, as far as it is read.
pub struct Mapped(Mmap);

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapped {
    /// Lets go of the memory behind a part of the file; reading it again reads the file again. Weights are decoded once, so
    /// that a checkpoint and its file need not both be in memory.
    #[allow(unsafe_code)]
    pub fn release(&self, part: &[u8]) {
        #[cfg(unix)]
        {
            let (begin, start) = (self.0.as_ptr().addr(), part.as_ptr().addr());
            let Some(offset) = start.checked_sub(begin).filter(|offset| offset + part.len() <= self.0.len()) else { return };
            // SAFETY: the map is read-only and of a file: pages that are dropped come back with the file's content when they
            // are read again. What the system does not want to drop it keeps; that is no error.
            let _ = unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, part.len()) };
        }
    }
}

/// Maps a file into memory.
#[allow(unsafe_code)]
pub fn map(path: &Path) -> Result<Mapped, BackboneError> {
    let io = |error| BackboneError::Io { path: path.display().to_string(), error };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the bytes are read while the model is built and never kept. Another process that truncates the file in that
    // time ends this one (SIGBUS); cached assets are immutable and named by their hash, so nobody has reason to.
    unsafe { Mmap::map(&file) }.map(Mapped).map_err(io)
}
