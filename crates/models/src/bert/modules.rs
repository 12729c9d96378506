//! What sentence-transformers puts behind a BERT: which tokens are pooled, and whether the result has length 1.
//!
//! # Reference
//! Reimers and Gurevych, arXiv 1908.10084; `modules.json` and `1_Pooling/config.json` of sentence-transformers.

use serde::Deserialize;

use super::{BertConfig, Pooling};
use crate::{ConfigError, HubConfig};

/// Ways to pool that are not computed here.
const OTHER_MODES: [&str; 4] =
    ["pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModule {
    #[serde(rename = "idx")]
    _index: usize,
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "path")]
    _path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl BertConfig {
    /// The same, with features as sentence-transformers makes them: the text of `modules.json` and that of the pooling
    /// module's `config.json`. Modules other than pooling and normalisation are refused by name.
    pub fn with_sentence_modules(mut self, modules: &[u8], pooling: &[u8]) -> Result<Self, ConfigError> {
        let modules: Vec<RawModule> = serde_json::from_slice(modules).map_err(|error| ConfigError::Json(error.to_string()))?;
        let kinds: Vec<&str> = modules.iter().map(|module| module.kind.rsplit('.').next().unwrap_or_default()).collect();
        self.unit_length = match kinds.as_slice() {
            ["Transformer", "Pooling"] => false,
            ["Transformer", "Pooling", "Normalize"] => true,
            _ => {
                let supported = "Transformer, Pooling and perhaps Normalize, in this order,".to_owned();
                return Err(ConfigError::Unsupported { key: "type".to_owned(), found: format!("{kinds:?}"), supported });
            }
        };
        let mut hub = HubConfig::parse(pooling)?;
        hub.only("word_embedding_dimension", self.dim)?;
        for mode in OTHER_MODES {
            hub.only(mode, false)?;
        }
        // Whether an instruction in front of a text is pooled too; there is none.
        hub.pass(&["include_prompt"]);
        let mut mode = |name: &str| Ok(hub.optional(&format!("pooling_mode_{name}"))?.unwrap_or(false));
        self.pooling = match (mode("mean_tokens")?, mode("cls_token")?) {
            (true, false) => Pooling::Mean,
            (false, true) => Pooling::First,
            (mean, first) => {
                let found = format!("{mean}` beside `pooling_mode_cls_token = {first}");
                let supported = "exactly one of both".to_owned();
                return Err(ConfigError::Unsupported { key: "pooling_mode_mean_tokens".to_owned(), found, supported });
            }
        };
        hub.finish()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kinds: &[&str], pooling: &str) -> Result<BertConfig, ConfigError> {
        let config = BertConfig::from_hub(
            br#"{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9,
            "max_position_embeddings": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2}"#,
        );
        let module = |(i, kind): (usize, &&str)| {
            format!(r#"{{"idx": {i}, "name": "{i}", "path": "", "type": "sentence_transformers.models.{kind}"}}"#)
        };
        let modules = format!("[{}]", kinds.iter().enumerate().map(module).collect::<Vec<_>>().join(", "));
        config?.with_sentence_modules(modules.as_bytes(), pooling.as_bytes())
    }

    #[test]
    fn pooling_and_length_are_read() {
        let mean = read(&["Transformer", "Pooling", "Normalize"], r#"{"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true}"#);
        let mean = mean.unwrap();
        assert_eq!((mean.pooling, mean.unit_length), (Pooling::Mean, true));
        let first = r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": false}"#;
        let first = read(&["Transformer", "Pooling"], first).unwrap();
        assert_eq!((first.pooling, first.unit_length), (Pooling::First, false));
    }

    #[test]
    fn other_modules_are_refused() {
        let mean = r#"{"pooling_mode_mean_tokens": true}"#;
        let errors = [
            read(&["Transformer", "Pooling", "Dense"], mean),
            read(&["Transformer", "Pooling"], "{}"),
            read(&["Transformer", "Pooling"], r#"{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}"#),
            read(&["Transformer", "Pooling"], r#"{"pooling_mode_mean_tokens": true, "word_embedding_dimension": 9}"#),
            read(&["Transformer", "Pooling"], r#"{"pooling_mode_mean_tokens": true, "pooling_mode_median": true}"#),
        ];
        insta::assert_snapshot!(errors.into_iter().map(|read| read.unwrap_err().to_string()).collect::<Vec<_>>().join("\n"));
    }
}
