//! The building blocks that all backbones share, one of each.

mod activation;
mod attention;
mod block;
mod conv;
mod linear;
mod mlp;
mod norm;
mod patch_embed;
mod rope;
mod standardise;
mod token_table;

pub use activation::Activation;
pub use attention::{Attention, AttentionRule, Heads};
pub use block::{Block, Residual};
pub use conv::{Conv2d, ConvPadding, ConvRule};
pub use linear::{Bias, Linear, Weight};
pub use mlp::{FeedForward, GatedMlp, Mlp};
pub use norm::{LayerNorm, LayerScale, Norm, RmsNorm};
pub use patch_embed::PatchEmbed;
pub use rope::{Rope, RopeRule, RopeScaling};
pub use standardise::Standardise;
pub use token_table::TokenTable;
