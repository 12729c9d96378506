//! Frozen backbones behind one door.
//!
//! A [`Backbone`] is cut at three interfaces, for every modality alike: [`Backbone::embed`] (ℓ = input → embedding),
//! [`Backbone::block`] (ℓ = hidden) and [`Backbone::read`]. What flows between them is a [`Stream`].
//!
//! This crate touches no disk: weights come as bytes ([`weights::Weights`]), already in memory or memory-mapped.

mod backbone;
pub mod blocks;
mod clip;
mod frozen;
mod hub;
mod joint;
mod llama;
mod stream;
mod text;
mod vit;
pub mod weights;

pub use backbone::{Backbone, Input, Padding, Reading, TokenAt, TokenBatch};
pub use clip::{Clip, ClipConfig, ClipTower, TextEnd};
pub use frozen::Frozen;
pub use hub::{ConfigError, HubConfig};
pub use joint::JointSpace;
pub use llama::{LayerRule, Llama, LlamaConfig, LlamaError};
pub use stream::{KeyValue, KvCache, Layout, Masking, Span, Stream};
pub use text::{EncodedPair, TextTokenizer, TokenizerError};
pub use vit::{NormPlacement, PlainVit, TorchEncoder, Vit, VitConfig, VitError, VitFamily, VitHead};
