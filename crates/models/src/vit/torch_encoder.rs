//! Vision transformers made of PyTorch's own `nn.TransformerEncoder`, as training scripts save them.
//!
//! ```text
//! patch_embed.proj   cls_token   pos_embed
//! transformer.layers.N.self_attn.{in_proj_weight,in_proj_bias,out_proj}   .linear1   .linear2   .norm1   .norm2
//! mlp_head.0 (norm)   mlp_head.1 (logits)
//! ```
//!
//! # Reference
//! `torch.nn.TransformerEncoderLayer` of PyTorch 2: `in_proj` is the maps of query, key and value, one below the other;
//! with `norm_first=False` (Vaswani et al., arXiv 1706.03762) `norm1` and `norm2` stand behind the sums.

use burn::tensor::Device;
use serde::Deserialize;

use super::{NormPlacement, Vit, VitConfig, VitError, VitFamily, VitHead};
use crate::blocks::{Activation, Bias};
use crate::weights::{PieceError, Weights, WeightsError};

/// What such a checkpoint does not say of itself; sizes are those of its tensors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchEncoder {
    /// `nhead`
    pub n_heads: usize,
    /// `norm_first`: whether norms stand in front of the branches.
    pub norm_first: bool,
    /// `activation`
    pub activation: Activation,
    /// `layer_norm_eps`
    pub layer_norm_eps: f64,
    /// Mean that pixels are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that pixels are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

/// Names of this layout and of the hub's, in front of `.weight` and `.bias`, inside of a block.
const IN_BLOCK: [(&str, &str); 5] = [
    ("self_attn.out_proj", "attention.output.dense"),
    ("linear1", "intermediate.dense"),
    ("linear2", "output.dense"),
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
];

/// The same outside of the blocks; those without `.weight` and `.bias` are whole.
const OUTSIDE: [(&str, &str); 5] = [
    ("cls_token", "vit.embeddings.cls_token"),
    ("pos_embed", "vit.embeddings.position_embeddings"),
    ("patch_embed.proj", "vit.embeddings.patch_embeddings.projection"),
    ("mlp_head.0", "vit.layernorm"),
    ("mlp_head.1", "classifier"),
];

impl TorchEncoder {
    /// The CIFAR-10 ViT of smmk47/CIFAR10-Classification (`vit_cifar10.pth`): six blocks of width 128 on patches of 4.
    pub fn cifar10() -> Self {
        Self {
            n_heads: 8,
            norm_first: false,
            activation: Activation::Relu,
            layer_norm_eps: 1e-5,
            image_mean: vec![0.4914, 0.4822, 0.4465],
            image_std: vec![0.2023, 0.1994, 0.2010],
        }
    }

    /// The model. `weights`: those of the checkpoint under its own names, as `Weights::from_torch` gives them.
    pub fn load(&self, name: &str, weights: Weights<'_>, device: &Device) -> Result<Vit, VitError> {
        let config = self.config(&weights)?;
        Vit::load(&config, name, under_hub_names(weights, config.depth)?, device)
    }

    /// The configuration that follows from the tensors' shapes.
    pub fn config(&self, weights: &Weights<'_>) -> Result<VitConfig, VitError> {
        let [dim, n_channels, patch_size, _] = shape(weights, "patch_embed.proj.weight")?;
        let [_, n_positions, _] = shape(weights, "pos_embed")?;
        let [hidden, _] = shape(weights, "transformer.layers.0.linear1.weight")?;
        let [n, _] = shape(weights, "mlp_head.1.weight")?;
        let position_grid = n_positions.saturating_sub(VitFamily::Vit.n_special()).isqrt();
        let config = VitConfig {
            family: VitFamily::Vit,
            head: VitHead::Class { n },
            dim,
            depth: (0..weights.names().count()).take_while(|layer| weights.shape(&in_proj(*layer, "weight")).is_some()).count(),
            n_heads: self.n_heads,
            hidden,
            activation: self.activation,
            eps: self.layer_norm_eps,
            norms: if self.norm_first { NormPlacement::Before } else { NormPlacement::BehindSum },
            qkv_bias: Bias::Stored,
            image_size: position_grid * patch_size,
            patch_size,
            n_channels,
            position_grid,
            image_mean: self.image_mean.clone(),
            image_std: self.image_std.clone(),
        };
        config.validate()?;
        Ok(config)
    }
}

/// The shape of a tensor that sizes are read off.
fn shape<const D: usize>(weights: &Weights<'_>, name: &str) -> Result<[usize; D], WeightsError> {
    let found = weights.shape(name).ok_or_else(|| WeightsError { missing: vec![name.to_owned()], ..WeightsError::default() })?;
    let misshapen = || WeightsError { misshapen: vec![format!("{name}: expected {D} axes, found {found:?}")], ..WeightsError::default() };
    found.try_into().map_err(|_| misshapen())
}

fn in_proj(layer: usize, kind: &str) -> String {
    format!("transformer.layers.{layer}.self_attn.in_proj_{kind}")
}

/// The tensors under the names that a ViT of the hub has; what is none of this layout keeps its name.
fn under_hub_names(mut weights: Weights<'_>, depth: usize) -> Result<Weights<'_>, VitError> {
    for layer in 0..depth {
        for kind in ["weight", "bias"] {
            let part = |map: &str| format!("vit.encoder.layer.{layer}.attention.attention.{map}.{kind}");
            let parts = ["query", "key", "value"].map(part);
            let split: Result<_, PieceError> = weights.split(&in_proj(layer, kind), &parts.each_ref().map(String::as_str));
            weights = split?;
        }
    }
    Ok(weights.renamed(hub_name)?)
}

fn hub_name(name: &str) -> String {
    let outside = OUTSIDE.iter().find_map(|(own, hub)| Some(format!("{hub}{}", parameter(name.strip_prefix(own)?)?)));
    outside.or_else(|| in_block(name)).unwrap_or_else(|| name.to_owned())
}

fn in_block(name: &str) -> Option<String> {
    let (layer, rest) = name.strip_prefix("transformer.layers.")?.split_once('.')?;
    let renamed = IN_BLOCK.iter().find_map(|(own, hub)| Some(format!("{hub}{}", parameter(rest.strip_prefix(own)?)?)))?;
    Some(format!("vit.encoder.layer.{layer}.{renamed}"))
}

/// What may stand behind a part's name.
fn parameter(end: &str) -> Option<&str> {
    ["", ".weight", ".bias"].contains(&end).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_hubs() {
        for (own, hub) in [
            ("mlp_head.0.bias", "vit.layernorm.bias"),
            ("pos_embed", "vit.embeddings.position_embeddings"),
            ("transformer.layers.11.norm1.weight", "vit.encoder.layer.11.layernorm_before.weight"),
            ("transformer.layers.0.self_attn.out_proj.bias", "vit.encoder.layer.0.attention.output.dense.bias"),
            ("transformer.norm.weight", "transformer.norm.weight"),
            ("pos_embed_2", "pos_embed_2"),
        ] {
            assert_eq!(hub_name(own), hub);
        }
    }
}
