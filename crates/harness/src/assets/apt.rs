//! A member of a Debian package, through `apt-get download`. The package is not installed.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::cache::Trouble;
use super::client::{Client, Workplace};
use super::{MemberPath, Progress, Reason, Word, tar};

/// One member of a Debian package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AptMember {
    /// The package, or `package=version`.
    pub package: Word,
    /// The path that it would be installed to, without the leading `/`.
    pub member: MemberPath,
}

const INSTALL: &str = "on a Debian system, install apt and dpkg; elsewhere use another source";

impl AptMember {
    pub(super) fn download(&self, place: &Workplace, name: &str, progress: &dyn Progress) -> Result<PathBuf, Reason> {
        let mut command = Command::new("apt-get");
        command.args(["download", "--quiet=2", self.package.as_str()]).current_dir(&place.download);
        Client { command, shown: format!("apt-get download {}", self.package), install: INSTALL }.download(place, name, progress)
    }
}

/// Hands the content of a .deb's member to `take`. dpkg undoes the compression, whichever it is.
pub(super) fn with_deb_member<T>(
    path: &Path,
    member: &MemberPath,
    take: impl FnOnce(&mut dyn Read) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut command = Command::new("dpkg-deb");
    command.arg("--fsys-tarfile").arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Reason::ClientMissing { client: "dpkg-deb".to_owned(), install: INSTALL },
        _ => Reason::read(&error),
    })?;
    let output = child.stdout.take().expect("the output was piped");
    let taken = match tar::find(output, member) {
        Ok(mut content) => take(&mut content),
        Err(reason) => Err(Trouble::from(reason)),
    };
    // Everything behind the member is unread: dpkg-deb ends by the closed pipe, and how it ends says nothing.
    let _ = child.wait();
    taken
}

impl fmt::Display for AptMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.package)
    }
}
