//! The ViT that `reprogram pretrain` trains, and how its file describes it.

use serde::{Deserialize, Serialize};

use super::{NormPlacement, VitConfig, VitFamily, VitHead};
use crate::ConfigError;
use crate::blocks::{Activation, Bias};

/// A classifier with nothing but the first paper's parts, in the hub's words: what stands as JSON in the metadata of its
/// file. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainVit {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads; divides the width.
    pub num_attention_heads: usize,
    /// Width of the feed-forward network.
    pub intermediate_size: usize,
    /// Its activation.
    pub hidden_act: Activation,
    /// Of every layer normalisation.
    pub layer_norm_eps: f64,
    /// Pixels; images are square.
    pub image_size: usize,
    /// Pixels; divides the image size.
    pub patch_size: usize,
    /// Colour channels.
    pub num_channels: usize,
    /// Source classes.
    pub num_labels: usize,
    /// Mean that pixels are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that pixels are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

impl TryFrom<PlainVit> for VitConfig {
    type Error = ConfigError;

    fn try_from(plain: PlainVit) -> Result<Self, ConfigError> {
        let config = Self {
            family: VitFamily::Vit,
            head: VitHead::Class { n: plain.num_labels },
            dim: plain.hidden_size,
            depth: plain.num_hidden_layers,
            n_heads: plain.num_attention_heads,
            hidden: plain.intermediate_size,
            activation: plain.hidden_act,
            eps: plain.layer_norm_eps,
            norms: NormPlacement::Before,
            qkv_bias: Bias::Stored,
            image_size: plain.image_size,
            patch_size: plain.patch_size,
            n_channels: plain.num_channels,
            position_grid: plain.image_size.checked_div(plain.patch_size).unwrap_or(0),
            image_mean: plain.image_mean,
            image_std: plain.image_std,
        };
        config.validate().map(|()| config)
    }
}
