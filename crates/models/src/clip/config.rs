//! The numbers of a CLIP, read from the hub's `config.json`.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020; key names of the hub's `CLIPModel`.

use crate::blocks::Activation;
use crate::hub::bad;
use crate::{ConfigError, HubConfig};

/// One tower's transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipTower {
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; divides the width.
    pub n_heads: usize,
    /// Width of the feed-forward network.
    pub hidden: usize,
    /// Its activation.
    pub activation: Activation,
    /// Of every layer normalisation.
    pub eps: f64,
}

/// Where a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEnd {
    /// At the first token with this id.
    First(u32),
    /// At the first token with the row's largest id: configurations that say `eos_token_id = 2` do not mean it.
    Largest,
}

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipConfig {
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
    /// Longest text, start and end included.
    pub context: usize,
    /// Where a text is read.
    pub end: TextEnd,
    /// Width of the space that both towers are mapped to.
    pub joint_dim: usize,
    /// Mean that pixels in 0..=1 are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that they are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

impl ClipConfig {
    /// Reads a `config.json` whose `model_type` is `clip`, and the `preprocessor_config.json` beside it, which says how pixels
    /// are normalised: without one they are taken as they come. Whatever is not computed here is refused by name.
    pub fn from_hub(json: &[u8], preprocessor: Option<&[u8]>) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(json)?;
        hub.only("model_type", "clip".to_owned())?;
        let joint_dim = hub.take("projection_dim")?;
        // The initial value of a learned number, and copies of the sections that newer files no longer have.
        hub.pass(&["logit_scale_init_value", "text_config_dict", "vision_config_dict"]);
        let missing = |key: &str| ConfigError::Missing(key.to_owned());
        let mut vision = hub.section("vision_config")?.ok_or_else(|| missing("vision_config"))?;
        let mut text = hub.section("text_config")?.ok_or_else(|| missing("text_config"))?;
        hub.finish()?;
        let (image_size, patch_size) = (vision.take::<usize>("image_size")?, vision.take::<usize>("patch_size")?);
        tiles(image_size, patch_size)?;
        let n_channels = vision.optional("num_channels")?.unwrap_or(3);
        let end = match text.optional::<u32>("eos_token_id")? {
            None | Some(2) => TextEnd::Largest,
            Some(id) => TextEnd::First(id),
        };
        let (image_mean, image_std) = pixel_statistics(preprocessor, n_channels)?;
        let config = Self {
            vision: tower(&mut vision)?,
            image_size,
            patch_size,
            n_channels,
            vocabulary: text.take("vocab_size")?,
            context: text.take("max_position_embeddings")?,
            text: tower(&mut text)?,
            end,
            joint_dim,
            image_mean,
            image_std,
        };
        vision.finish()?;
        text.finish()?;
        Ok(config)
    }
}

/// Refuses patches that do not fill an image.
pub(crate) fn tiles(image_size: usize, patch_size: usize) -> Result<(), ConfigError> {
    if patch_size == 0 || !image_size.is_multiple_of(patch_size) {
        return Err(bad("patch_size", format!("patches of {patch_size} pixels do not tile an image of {image_size}")));
    }
    Ok(())
}

/// Mean and standard deviation of each channel, from a `preprocessor_config.json`; the other keys of that file say how images
/// are resized and cut before they come here. Without a file, or where it says `do_normalize = false`, the identity.
pub(crate) fn pixel_statistics(preprocessor: Option<&[u8]>, n_channels: usize) -> Result<(Vec<f32>, Vec<f32>), ConfigError> {
    let identity = (vec![0.0; n_channels], vec![1.0; n_channels]);
    let Some(json) = preprocessor else { return Ok(identity) };
    let mut hub = HubConfig::parse(json)?;
    if hub.optional::<bool>("do_normalize")? == Some(false) {
        return Ok(identity);
    }
    let mut statistic = |key: &str| {
        let values: Vec<f32> = hub.take(key)?;
        if values.len() != n_channels {
            return Err(bad(key, format!("{} values for {n_channels} channels", values.len())));
        }
        Ok(values)
    };
    let (mean, std) = (statistic("image_mean")?, statistic("image_std")?);
    if std.iter().any(|&std| std.is_nan() || std <= 0.0) {
        return Err(bad("image_std", format!("{std:?} cannot be divided by")));
    }
    Ok((mean, std))
}

fn tower(section: &mut HubConfig) -> Result<ClipTower, ConfigError> {
    // The tower's own width of projection is a relic: the model's is used.
    section.pass(&["projection_dim"]);
    let tower = ClipTower {
        dim: section.take("hidden_size")?,
        depth: section.take("num_hidden_layers")?,
        n_heads: section.take("num_attention_heads")?,
        hidden: section.take("intermediate_size")?,
        activation: section.optional("hidden_act")?.unwrap_or(Activation::QuickGelu),
        eps: section.optional("layer_norm_eps")?.unwrap_or(1e-5),
    };
    if tower.n_heads == 0 || !tower.dim.is_multiple_of(tower.n_heads) {
        return Err(bad("num_attention_heads", format!("{} heads do not divide a width of {}", tower.n_heads, tower.dim)));
    }
    Ok(tower)
}
