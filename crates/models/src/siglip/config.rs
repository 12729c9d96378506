//! The numbers of a SigLIP, read from the hub's `config.json`.
//!
//! # Reference
//! Zhai et al., arXiv 2303.15343; key names and defaults of the hub's `SiglipModel`, whose files say only what differs.

use crate::blocks::Activation;
use crate::clip::config::{pixel_statistics, tiles};
use crate::hub::bad;
use crate::{ClipTower, ConfigError, HubConfig};

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct SiglipConfig {
    /// The image encoder.
    pub vision: ClipTower,
    /// Pixels; images are square.
    pub image_size: usize,
    /// Pixels; divides the image size.
    pub patch_size: usize,
    /// Colour channels.
    pub n_channels: usize,
    /// The text encoder.
    pub text: ClipTower,
    /// Distinct tokens.
    pub vocabulary: usize,
    /// Every text is filled up to this many tokens.
    pub context: usize,
    /// The token that it is filled up with, unless the tokenizer names one.
    pub padding: u32,
    /// Mean that pixels in 0..=1 are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that they are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

impl SiglipConfig {
    /// Reads a `config.json` whose `model_type` is `siglip` (SigLIP, and SigLIP 2 of a fixed resolution), and the
    /// `preprocessor_config.json` beside it: without one pixels are taken as they come. A key that is not there has the
    /// value that the hub's class gives it. Whatever is not computed here is refused by name.
    pub fn from_hub(json: &[u8], preprocessor: Option<&[u8]>) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(json)?;
        let kind: String = hub.take("model_type")?;
        if kind != "siglip" {
            let found = if kind == "siglip2" { "siglip2 (NaFlex: images of any shape)".to_owned() } else { kind };
            let supported = "siglip (SigLIP, and SigLIP 2 of a fixed resolution)".to_owned();
            return Err(ConfigError::Unsupported { key: "model_type".to_owned(), found, supported });
        }
        let empty = || HubConfig::parse(b"{}");
        let mut vision = hub.section("vision_config")?.map_or_else(empty, Ok)?;
        let mut text = hub.section("text_config")?.map_or_else(empty, Ok)?;
        hub.finish()?;
        let (image_size, patch_size) = (vision.optional("image_size")?.unwrap_or(224), vision.optional("patch_size")?.unwrap_or(16));
        tiles(image_size, patch_size)?;
        let n_channels = vision.optional("num_channels")?.unwrap_or(3);
        vision.only("vision_use_head", true)?;
        let (image_mean, image_std) = pixel_statistics(preprocessor, n_channels)?;
        let projection: Option<usize> = text.optional("projection_size")?;
        let config = Self {
            vision: tower(&mut vision)?,
            image_size,
            patch_size,
            n_channels,
            vocabulary: text.optional("vocab_size")?.unwrap_or(32_000),
            context: text.optional("max_position_embeddings")?.unwrap_or(64),
            padding: text.optional("pad_token_id")?.unwrap_or(1),
            text: tower(&mut text)?,
            image_mean,
            image_std,
        };
        vision.finish()?;
        text.finish()?;
        let joint_dim = projection.unwrap_or(config.text.dim);
        if joint_dim != config.vision.dim {
            let reason = format!("texts are mapped to {joint_dim} dimensions, images to {}", config.vision.dim);
            return Err(bad("projection_size", reason));
        }
        Ok(config)
    }

    /// Width of the space that both towers are mapped to: the image tower's own.
    pub const fn joint_dim(&self) -> usize {
        self.vision.dim
    }
}

fn tower(section: &mut HubConfig) -> Result<ClipTower, ConfigError> {
    let tower = ClipTower {
        dim: section.optional("hidden_size")?.unwrap_or(768),
        depth: section.optional("num_hidden_layers")?.unwrap_or(12),
        n_heads: section.optional("num_attention_heads")?.unwrap_or(12),
        hidden: section.optional("intermediate_size")?.unwrap_or(3_072),
        activation: section.optional("hidden_act")?.unwrap_or(Activation::GeluTanh),
        eps: section.optional("layer_norm_eps")?.unwrap_or(1e-6),
    };
    if tower.n_heads == 0 || !tower.dim.is_multiple_of(tower.n_heads) {
        return Err(bad("num_attention_heads", format!("{} heads do not divide a width of {}", tower.n_heads, tower.dim)));
    }
    Ok(tower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<SiglipConfig, ConfigError> {
        SiglipConfig::from_hub(json.as_bytes(), None)
    }

    #[test]
    fn what_is_not_said_is_as_in_the_hubs_class() {
        let config = read(r#"{"model_type": "siglip", "text_config": {"model_type": "siglip_text_model"}, "vision_config": {}}"#).unwrap();
        assert_eq!((config.vision.dim, config.vision.depth, config.context, config.vocabulary, config.padding), (768, 12, 64, 32_000, 1));
        assert_eq!((config.text.activation, config.image_size, config.patch_size), (Activation::GeluTanh, 224, 16));
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let errors = [
            "{}",
            r#"{"model_type": "siglip2"}"#,
            r#"{"model_type": "clip"}"#,
            r#"{"model_type": "siglip", "vision_config": {"vision_use_head": false}}"#,
            r#"{"model_type": "siglip", "vision_config": {"num_patches": 256}}"#,
            r#"{"model_type": "siglip", "text_config": {"projection_size": 512}}"#,
            r#"{"model_type": "siglip", "text_config": {"num_attention_heads": 7}}"#,
        ];
        insta::assert_snapshot!(errors.map(|json| read(json).unwrap_err().to_string()).join("\n"));
    }
}
