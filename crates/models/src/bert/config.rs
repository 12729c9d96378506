//! The numbers of a BERT, read from the hub's `config.json`.
//!
//! # Reference
//! Devlin et al., arXiv 1810.04805; key names of the hub's `BertModel`.

use crate::blocks::Activation;
use crate::hub::bad;
use crate::{ConfigError, HubConfig};

/// Which tokens a text's features are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of all real tokens, the special ones included.
    Mean,
    /// The first token.
    First,
}

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct BertConfig {
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
    /// Distinct tokens.
    pub vocabulary: usize,
    /// Distinct token types; every token has the first.
    pub n_types: usize,
    /// Longest text, special tokens included.
    pub context: usize,
    /// Which tokens the features are made of.
    pub pooling: Pooling,
    /// Whether features have length 1.
    pub unit_length: bool,
}

impl BertConfig {
    /// Reads a `config.json` whose `model_type` is `bert`. Whatever is not computed here is refused by name. Features are the
    /// mean of all real tokens, of length 1, unless [`BertConfig::with_sentence_modules`] says otherwise.
    pub fn from_hub(json: &[u8]) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(json)?;
        hub.only("model_type", "bert".to_owned())?;
        hub.only("position_embedding_type", "absolute".to_owned())?;
        for key in ["is_decoder", "add_cross_attention"] {
            hub.only(key, false)?;
        }
        // There is no output layer that could be tied, and chunks of the feed-forward network give the same numbers.
        hub.pass(&["tie_word_embeddings", "chunk_size_feed_forward"]);
        // The fully connected layer over the first token, which no features here go through.
        hub.pass(&["pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"]);
        let config = Self {
            dim: hub.take("hidden_size")?,
            depth: hub.take("num_hidden_layers")?,
            n_heads: hub.take("num_attention_heads")?,
            hidden: hub.take("intermediate_size")?,
            activation: hub.take("hidden_act")?,
            eps: hub.take("layer_norm_eps")?,
            vocabulary: hub.take("vocab_size")?,
            n_types: hub.take("type_vocab_size")?,
            context: hub.take("max_position_embeddings")?,
            pooling: Pooling::Mean,
            unit_length: true,
        };
        hub.finish()?;
        if config.n_heads == 0 || !config.dim.is_multiple_of(config.n_heads) {
            return Err(bad("num_attention_heads", format!("{} heads do not divide a width of {}", config.n_heads, config.dim)));
        }
        if config.n_types == 0 {
            return Err(bad("type_vocab_size", "every token needs a type, but there are 0".to_owned()));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_computed_is_refused() {
        let base = r#""hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9,
            "max_position_embeddings": 16, "layer_norm_eps": 1e-12"#;
        let whole = r#""hidden_act": "gelu", "type_vocab_size": 2"#;
        let read = |tail: &str| BertConfig::from_hub(format!("{{{base}, {tail}}}").as_bytes());
        let bad = [
            r#""model_type": "bert", "hidden_act": "gelu""#.to_owned(),
            r#""model_type": "bert", "type_vocab_size": 2, "hidden_act": "swish""#.to_owned(),
            format!(r#"{whole}, "model_type": "roberta""#),
            format!(r#"{whole}, "position_embedding_type": "relative_key""#),
            format!(r#"{whole}, "is_decoder": true"#),
            format!(r#"{whole}, "num_attention_heads": 3"#),
            format!(r#"{whole}, "type_vocab_size": 0"#),
            format!(r#"{whole}, "embedding_size": 4"#),
        ];
        let error = |tail: &String| read(tail).unwrap_err().to_string();
        insta::assert_snapshot!(bad.iter().map(error).collect::<Vec<_>>().join("\n"));
        assert!(read(whole).is_ok());
    }
}
