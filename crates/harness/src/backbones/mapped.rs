//! Files of weights, mapped into memory.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::BackboneError;

/// Maps a file into memory.
#[allow(unsafe_code)]
pub fn map(path: &Path) -> Result<Mmap, BackboneError> {
    let io = |error| BackboneError::Io { path: path.display().to_string(), error };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the bytes are read while the model is built and never kept. Another process that truncates the file in that
    // time ends this one (SIGBUS); cached assets are immutable and named by their hash, so nobody has reason to.
    unsafe { Mmap::map(&file) }.map_err(io)
}
