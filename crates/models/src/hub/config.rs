//! A hub `config.json`, read key by key: what is asked for must be there, what is known to say nothing about the function
//! is read past, and what is left over is an error.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Keys that describe training, storage or labels, never the function.
const DESCRIPTIVE: &[&str] = &[
    "_attn_implementation_autoset",
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "bos_token_id",
    "cache_implementation",
    "classifier_dropout",
    "drop_path_rate",
    "dropout",
    "dtype",
    "encoder_stride",
    "eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "id2label",
    "initializer_factor",
    "initializer_range",
    "is_llama_config",
    "label2id",
    "model_type",
    "pad_token_id",
    "pooler_act",
    "pooler_output_size",
    "pretraining_tp",
    "problem_type",
    "torch_dtype",
    "transformers.js_config",
    "transformers_version",
    "use_cache",
];

/// A configuration that no model here computes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON, or not an object.
    #[error("the configuration is not a JSON object: {0}")]
    Json(String),
    /// A key that is needed.
    #[error("the configuration has no `{0}`\n  help: is it the checkpoint's own `config.json`?")]
    Missing(String),
    /// A value of another kind.
    #[error("`{key}` in the configuration: {reason}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A value that asks for something else than what is computed.
    #[error("`{key} = {found}` is not supported: only {supported} is computed")]
    Unsupported {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would be.
        supported: String,
    },
    /// Keys that nothing here knows.
    #[error(
        "the configuration has keys that nothing here knows: {0}\n  help: they may change what the model computes, so they are not ignored"
    )]
    Unknown(String),
}

/// The keys that were not asked for yet.
#[derive(Debug)]
pub struct HubConfig {
    keys: Map<String, Value>,
}

impl HubConfig {
    /// Reads the text of a `config.json`.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(keys)) => Ok(Self { keys }),
            Ok(other) => Err(ConfigError::Json(format!("it is {other}"))),
            Err(error) => Err(ConfigError::Json(error.to_string())),
        }
    }

    /// A value, if it is there and not null.
    pub fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        match self.keys.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let read = serde_json::from_value(value);
                read.map(Some).map_err(|error| ConfigError::Value { key: key.to_owned(), reason: error.to_string() })
            }
        }
    }

    /// A value that must be there.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, ConfigError> {
        self.optional(key)?.ok_or_else(|| ConfigError::Missing(key.to_owned()))
    }

    /// Whether a key is there and not null.
    pub fn has(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether a key is there and a number.
    pub fn is_number(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(Value::is_number)
    }

    /// A value that may only be one thing, where it is said.
    pub fn only<T: DeserializeOwned + PartialEq + std::fmt::Debug>(&mut self, key: &str, supported: T) -> Result<(), ConfigError> {
        match self.optional::<T>(key)? {
            Some(found) if found != supported => {
                let (found, supported) = (format!("{found:?}"), format!("{supported:?}"));
                Err(ConfigError::Unsupported { key: key.to_owned(), found, supported })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A configuration within this one.
    pub fn section(&mut self, key: &str) -> Result<Option<Self>, ConfigError> {
        Ok(self.optional::<Map<String, Value>>(key)?.map(|keys| Self { keys }))
    }

    /// Reads past keys that say nothing here.
    pub fn pass(&mut self, keys: &[&str]) {
        for key in keys {
            self.keys.remove(*key);
        }
    }

    /// Refuses what was not asked for. A null says nothing.
    pub fn finish(mut self) -> Result<(), ConfigError> {
        self.pass(DESCRIPTIVE);
        self.keys.retain(|_, value| !value.is_null());
        if self.keys.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Unknown(self.keys.iter().map(|(key, value)| format!("`{key} = {value}`")).collect::<Vec<_>>().join(", ")))
    }
}

/// An error about a value.
pub(crate) fn bad(key: &str, reason: String) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(), ConfigError> {
        let mut config = HubConfig::parse(json.as_bytes())?;
        config.take::<usize>("width")?;
        config.only("act", "gelu".to_owned())?;
        config.finish()
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let bad =
            ["[]", "{", "{}", r#"{"width": "x"}"#, r#"{"width": 1, "act": "tanh"}"#, r#"{"width": 1, "dtype": "f32", "use_swiglu": true}"#];
        let errors: Vec<String> = bad.iter().map(|json| read(json).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(errors.join("\n"));
        assert_eq!(read(r#"{"width": 1, "act": "gelu", "use_cache": true}"#), Ok(()));
    }
}
