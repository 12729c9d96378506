//! A file of the local mirror folder.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::{MemberPath, Reason};

/// A path inside of the folder that `REPROGRAM_MIRROR` names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MirrorFile {
    /// The path.
    pub path: MemberPath,
}

impl MirrorFile {
    pub(super) fn open(&self, mirror: Option<&Path>) -> Result<File, Reason> {
        let path = mirror.ok_or(Reason::NoMirror)?.join(self.path.as_str());
        File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Reason::NoFile(path),
            _ => Reason::read(&error),
        })
    }
}

impl fmt::Display for MirrorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)
    }
}
