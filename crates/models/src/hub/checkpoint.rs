//! A checkpoint folder of the model hub: `config.json` decides which family reads the rest.

use std::sync::Arc;

use burn::tensor::Device;

use super::{ConfigError, HubConfig, HubFiles};
use crate::weights::{RearrangeError, Weights, WeightsError};
use crate::{
    Backbone, Bert, BertConfig, Clip, ClipConfig, Llama, LlamaConfig, LlamaError, Siglip, SiglipConfig, SiglipError, TextTokenizer,
    TokenizerError, open_clip_to_hub,
};

/// What of a folder a model is made of.
#[derive(Debug, Clone)]
pub struct HubCheckpoint<'a> {
    /// The small files.
    pub files: &'a HubFiles,
    /// Tensors, of one file or of all shards.
    pub weights: Weights<'a>,
    /// How images come.
    pub pixels: Pixels,
}

/// How images come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// In 0..=1; the folder's `preprocessor_config.json` says how they are normalised.
    Raw,
    /// Normalised already, as the first layer takes them.
    Normalised,
}

/// A folder that no family reads.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A file that every model needs.
    #[error("the folder has no `{0}`\n  help: a folder in the hub's layout has one beside its weights")]
    NoFile(&'static str),
    /// A configuration.
    #[error("{file}: {error}")]
    Config {
        /// The file.
        file: &'static str,
        /// What is wrong.
        error: ConfigError,
    },
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Tensors of `open_clip` that are not what their names say.
    #[error(transparent)]
    Rearrange(#[from] RearrangeError),
    /// The sigmoid model.
    #[error(transparent)]
    Siglip(#[from] SiglipError),
    /// The decoder.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The tokenizer.
    #[error("tokenizer: {0}")]
    Tokenizer(#[from] TokenizerError),
    /// No such family.
    #[error("`model_type = \"{0}\"` is no family that is read here\n  help: {families} are", families = FAMILIES.join(", "))]
    Family(String),
}

/// What `model_type` may say.
const FAMILIES: &[&str] = &["bert", "clip", "gemma2", "gemma3_text", "llama", "mistral", "qwen2", "qwen3", "siglip"];

/// Tables that old checkpoints store although the configuration gives them: positions that count up, rotary frequencies.
fn is_derived(name: &str) -> bool {
    name.ends_with("embeddings.position_ids") || name.ends_with(".rotary_emb.inv_freq")
}

fn in_config(error: ConfigError) -> HubError {
    HubError::Config { file: "config.json", error }
}

impl HubCheckpoint<'_> {
    /// The frozen model.
    pub fn load(self, name: &str, device: &Device) -> Result<Arc<dyn Backbone>, HubError> {
        if let (None, Some(config)) = (self.files.get("config.json"), self.files.get("open_clip_config.json")) {
            return self.open_clip(config, name, device);
        }
        let config = self.files.get("config.json").ok_or(HubError::NoFile("config.json"))?;
        let preprocessor = match self.pixels {
            Pixels::Raw => self.files.get("preprocessor_config.json"),
            Pixels::Normalised => None,
        };
        let family: String = HubConfig::parse(config).and_then(|mut hub| hub.take("model_type")).map_err(in_config)?;
        let weights = self.weights.without(is_derived);
        match family.as_str() {
            "llama" | "mistral" | "qwen2" | "qwen3" | "gemma2" | "gemma3_text" => {
                let config = LlamaConfig::from_hub(config).map_err(in_config)?;
                Ok(Arc::new(Llama::load(&config, name, weights, tokenizer(self.files)?, device)?))
            }
            "clip" => {
                let config = ClipConfig::from_hub(config, preprocessor).map_err(in_config)?;
                Ok(Arc::new(Clip::load(&config, name, weights, tokenizer(self.files)?, device)?))
            }
            "siglip" => {
                let config = SiglipConfig::from_hub(config, preprocessor).map_err(in_config)?;
                Ok(Arc::new(Siglip::load(&config, name, weights, tokenizer(self.files)?, device)?))
            }
            "bert" => {
                let config = bert(config, self.files)?;
                Ok(Arc::new(Bert::load(&config, name, weights, tokenizer(self.files)?, device)?))
            }
            _ => Err(HubError::Family(family)),
        }
    }

    /// What `open_clip` saves: its own configuration and names.
    fn open_clip(&self, config: &[u8], name: &str, device: &Device) -> Result<Arc<dyn Backbone>, HubError> {
        let in_config = |error| HubError::Config { file: "open_clip_config.json", error };
        let mut config = ClipConfig::from_open_clip(config).map_err(in_config)?;
        if self.pixels == Pixels::Normalised {
            config.image_mean.fill(0.0);
            config.image_std.fill(1.0);
        }
        let weights = open_clip_to_hub(self.weights.clone())?;
        Ok(Arc::new(Clip::load(&config, name, weights, tokenizer(self.files)?, device)?))
    }
}

/// `tokenizer.json`, else the two files of a CLIP from before there was one.
fn tokenizer(files: &HubFiles) -> Result<Option<TextTokenizer>, TokenizerError> {
    match (files.get("tokenizer.json"), files.get("vocab.json"), files.get("merges.txt")) {
        (Some(json), _, _) => TextTokenizer::from_tokenizer_json(json, files.get("tokenizer_config.json")).map(Some),
        (None, Some(vocab), Some(merges)) => TextTokenizer::clip(vocab, merges).map(Some),
        (None, _, _) => Ok(None),
    }
}

/// With what sentence-transformers puts behind it, where the folder says so.
fn bert(config: &[u8], files: &HubFiles) -> Result<BertConfig, HubError> {
    let config = BertConfig::from_hub(config).map_err(in_config)?;
    match (files.get("modules.json"), files.get("1_Pooling/config.json")) {
        (Some(modules), Some(pooling)) => {
            config.with_sentence_modules(modules, pooling).map_err(|error| HubError::Config { file: "modules.json", error })
        }
        (Some(_), None) => Err(HubError::NoFile("1_Pooling/config.json")),
        (None, _) => Ok(config),
    }
}
