//! Checkpoints in the model hub's layout.

mod checkpoint;
mod config;

pub use checkpoint::{HubCheckpoint, HubError};
pub(crate) use config::bad;
pub use config::{ConfigError, HubConfig};
