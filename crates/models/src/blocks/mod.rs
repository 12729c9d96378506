//! The building blocks that all backbones share, one of each.

mod activation;
mod attention;
mod linear;
mod mlp;
mod norm;
mod patch_embed;
mod rope;

pub use activation::Activation;
pub use attention::{Heads, Masking, attend, join_heads, split_heads};
pub use linear::Linear;
pub use mlp::{GatedMlp, Mlp};
pub use norm::{LayerNorm, RmsNorm};
pub use patch_embed::PatchEmbed;
pub use rope::Rope;
