//! Checkpoints in the model hub's layout.

mod config;

pub(crate) use config::bad;
pub use config::{ConfigError, HubConfig};
