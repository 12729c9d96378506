//! Frozen backbones behind one door.
//!
//! A [`Backbone`] is cut at three interfaces, for every modality alike: [`Backbone::embed`] (ℓ = input → embedding),
//! [`Backbone::block`] (ℓ = hidden) and [`Backbone::read`]. What flows between them is a [`Stream`].
//!
//! This crate touches no disk: weights come as bytes ([`weights::Weights`]), already in memory or memory-mapped.

mod acoustic;
mod arithmetic;
mod backbone;
mod bert;
pub mod blocks;
mod clip;
mod compact;
mod efficientnet;
mod frozen;
#[cfg(feature = "flex")]
mod fused;
mod generate;
mod hub;
mod joint;
mod llama;
mod loss;
pub mod parity;
mod precision;
mod prefixes;
mod shifted;
mod siglip;
mod stream;
mod text;
mod vit;
pub mod weights;

pub use acoustic::{Acoustic, AcousticConfig, AcousticError};
pub use arithmetic::{Arithmetic, BlockWork, Gradients, Meter, Metered, Passage, Spent};
pub use backbone::{Backbone, Input, Padding, Reading, TokenAt, TokenBatch};
pub use bert::{Bert, BertConfig, Pooling};
pub use clip::{Clip, ClipConfig, ClipModel, ClipTower, TextEnd, is_open_clip, open_clip_to_hub};
pub use compact::{Compact, Storage};
pub use efficientnet::{EfficientNet, EfficientNetConfig, EfficientNetConfigError, EfficientNetError, MbStage};
pub use frozen::Frozen;
#[cfg(feature = "flex")]
pub use fused::Fusion;
pub use generate::{Decoding, Ending, GenerateError, Generated, Sampling, SamplingError, Stops, generate, generate_after};
pub use hub::{ConfigError, HubCheckpoint, HubConfig, HubError, HubFiles, Pixels};
pub use joint::JointSpace;
pub use llama::{LayerRule, Llama, LlamaConfig, LlamaError};
pub use loss::{cross_entropy, squared_error};
pub use precision::{in_f32, lowered, raised};
pub use prefixes::{PrefixCache, common_prefix};
pub use siglip::{Siglip, SiglipConfig, SiglipError};
pub use stream::{Branches, KeyValue, KvCache, Layout, Masking, SideMap, Span, Stream, StreamRow};
pub use text::{
    Border, ChatContext, ChatDate, ChatEnd, ChatError, ChatMessage, ChatTemplate, EncodedPair, SpecialToken, SpecialTokens, TextTokenizer,
    TokenizerError,
};
pub use vit::{NormPlacement, PlainVit, TorchEncoder, Vit, VitConfig, VitError, VitFamily, VitHead};
