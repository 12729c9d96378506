//! Checkpoints in the model hub's layout.

mod checkpoint;
mod config;
mod files;

pub use checkpoint::{HubCheckpoint, HubError, Pixels};
pub(crate) use config::bad;
pub use config::{ConfigError, HubConfig};
pub use files::HubFiles;
