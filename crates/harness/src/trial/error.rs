//! Why a trial has no outcome.

use reprogram_models::GenerateError;
use reprogram_taxonomy::Misfit;

use crate::data::DataError;

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The user stopped it. Nothing is recorded.
    #[error("interrupted")]
    Interrupted,
    /// The method does not fit.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The data are too few.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Text cannot be generated.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Numbers left the range of floats.
    #[error("the {what} is not finite\n  help: a lower `learning-rate` may keep it in range")]
    NotFinite {
        /// What.
        what: String,
    },
}
