//! Why a command did not do what was asked, and the exit code that says so.

use std::fmt;

use crate::assets::RepositoryError;
use crate::backbones::BackboneError;

/// A failure that the user can act on. Bugs panic instead.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 2: the arguments, a sweep file or a data file are wrong.
    BadInput(String),
    /// Exit code 3: an asset is missing, or is not what it should be.
    AssetMissing(String),
    /// Exit code 4: the sweep ran, but some of its trials failed.
    TrialsFailed(String),
    /// Exit code 1: two things that should be equal are not. The text is a result, and goes where results go.
    Differs {
        /// What was compared.
        text: String,
        /// What is wrong, in a line.
        reason: String,
    },
    /// Exit code 1: the operating system said no.
    System(String),
    /// Exit code 130: the user stopped it.
    Interrupted(String),
}

impl Failure {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Differs { .. } | Self::System(_) => 1,
            Self::BadInput(_) => 2,
            Self::AssetMissing(_) => 3,
            Self::TrialsFailed(_) => 4,
            Self::Interrupted(_) => 130,
        }
    }

    /// Wraps an error that the user's input caused.
    pub fn bad_input(error: impl fmt::Display) -> Self {
        Self::BadInput(error.to_string())
    }

    /// Wraps an error of the operating system.
    pub fn system(error: impl fmt::Display) -> Self {
        Self::System(error.to_string())
    }
}

impl From<BackboneError> for Failure {
    fn from(error: BackboneError) -> Self {
        match error {
            BackboneError::Registry(_) | BackboneError::Repository(RepositoryError::Name(..)) => Self::bad_input(error),
            BackboneError::Asset(_)
            | BackboneError::Repository(_)
            | BackboneError::Io { .. }
            | BackboneError::Damaged { .. }
            | BackboneError::Family { .. } => Self::AssetMissing(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(text) | Self::AssetMissing(text) | Self::TrialsFailed(text) | Self::System(text) | Self::Interrupted(text) => {
                f.write_str(text)
            }
            Self::Differs { reason, .. } => f.write_str(reason),
        }
    }
}
