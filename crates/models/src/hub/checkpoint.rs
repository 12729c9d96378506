//! A checkpoint folder of the model hub: `config.json` decides which family reads the rest.

use std::sync::Arc;

use burn::tensor::Device;

use super::{ConfigError, HubConfig};
use crate::weights::{Weights, WeightsError};
use crate::{Backbone, Clip, ClipConfig, Llama, LlamaConfig, LlamaError};

/// The files of a folder, as far as a model is made of them.
#[derive(Debug, Clone)]
pub struct HubCheckpoint<'a> {
    /// `config.json`
    pub config: &'a [u8],
    /// Tensors, of one file or of all shards.
    pub weights: Weights<'a>,
}

/// A folder that no family reads.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The decoder.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// No such family.
    #[error("`model_type = \"{0}\"` is no family that is read here\n  help: {families} are", families = FAMILIES.join(", "))]
    Family(String),
}

/// What `model_type` may say.
const FAMILIES: &[&str] = &["clip", "gemma2", "gemma3_text", "llama", "mistral", "qwen2", "qwen3"];

/// Tables that old checkpoints store although the configuration gives them: positions that count up, rotary frequencies.
fn is_derived(name: &str) -> bool {
    name.ends_with(".position_ids") || name.ends_with(".rotary_emb.inv_freq")
}

impl HubCheckpoint<'_> {
    /// The frozen model.
    pub fn load(self, name: &str, device: &Device) -> Result<Arc<dyn Backbone>, HubError> {
        let weights = self.weights.without(is_derived);
        let family: String = HubConfig::parse(self.config)?.take("model_type")?;
        match family.as_str() {
            "llama" | "mistral" | "qwen2" | "qwen3" | "gemma2" | "gemma3_text" => {
                let config = LlamaConfig::from_hub(self.config)?;
                Ok(Arc::new(Llama::load(&config, name, weights, None, device)?))
            }
            "clip" => Ok(Arc::new(Clip::load(&ClipConfig::from_hub(self.config, None)?, name, weights, None, device)?)),
            _ => Err(HubError::Family(family)),
        }
    }
}
