//! Sweep files: what is written (serde types, unknown keys refused) becomes what is meant (checked, complete).

mod budget;
mod method;
mod overrides;
mod search;
mod sweep;

pub use budget::{Budget, Refit};
pub use method::ConfiguredMethod;
pub use search::{Search, SearchPoint};
pub use sweep::{Experiment, Sweep, SweepError};
