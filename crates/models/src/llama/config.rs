//! The numbers of a LLaMA-style decoder, and their reading from the hub's `config.json`.
//!
//! # Reference
//! Llama (arXiv 2302.13971, 2407.21783), Mistral (2310.06825), Qwen2 (2407.10671), Qwen3 (2505.09388), Gemma 2
//! (2408.00118), Gemma 3 (2503.19786); key names of the hub.

use crate::blocks::{Activation, Heads, RopeRule, RopeScaling};
use crate::hub::bad;
use crate::{ConfigError, HubConfig, Masking};

/// What of a block differs between the blocks of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRule {
    /// Who sees whom.
    pub masking: Masking,
    /// Positions.
    pub rope: RopeRule,
}

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the published configurations")]
pub struct LlamaConfig {
    /// Width of the residual stream.
    pub dim: usize,
    /// One rule a block.
    pub layers: Vec<LayerRule>,
    /// Attention heads.
    pub heads: Heads,
    /// Width of the feed-forward network.
    pub hidden: usize,
    /// Of its gate.
    pub activation: Activation,
    /// Distinct tokens.
    pub vocabulary: usize,
    /// Longest sequence.
    pub context: usize,
    /// Of every normalisation.
    pub rms_eps: f64,
    /// Added to every normalisation's stored weight.
    pub norm_offset: f64,
    /// Whether branches are normalised behind as well as in front.
    pub norms_behind: bool,
    /// Whether the maps of query, key and value have biases.
    pub qkv_bias: bool,
    /// Whether the map behind attention has a bias.
    pub output_bias: bool,
    /// Whether the feed-forward maps have biases.
    pub mlp_bias: bool,
    /// Whether each head's queries and keys are normalised.
    pub query_key_norm: bool,
    /// Factor of the scores; `1/√head_dim` where there is none.
    pub score_scale: Option<f64>,
    /// Bound of the scores.
    pub score_cap: Option<f64>,
    /// Bound of the logits.
    pub logit_cap: Option<f64>,
    /// Factor of the token embeddings.
    pub embedding_scale: Option<f64>,
    /// Whether the output layer is the transposed embedding.
    pub tied: bool,
}

impl LlamaConfig {
    /// The first LLaMA's rules (tied, as SmolLM2 is), from its sizes.
    pub fn plain(dim: usize, depth: usize, heads: Heads, hidden: usize, vocabulary: usize, context: usize) -> Self {
        let rope = RopeRule { theta: 1e4, scaling: RopeScaling::None };
        Self {
            dim,
            layers: vec![LayerRule { masking: Masking::Causal, rope }; depth],
            heads,
            hidden,
            activation: Activation::Silu,
            vocabulary,
            context,
            rms_eps: 1e-5,
            norm_offset: 0.0,
            norms_behind: false,
            qkv_bias: false,
            output_bias: false,
            mlp_bias: false,
            query_key_norm: false,
            score_scale: None,
            score_cap: None,
            logit_cap: None,
            embedding_scale: None,
            tied: true,
        }
    }

    /// The same with other positions in every block.
    #[must_use]
    pub fn with_rope(mut self, rope: &RopeRule) -> Self {
        self.set_rope(rope);
        self
    }

    pub(super) fn set_rope(&mut self, rope: &RopeRule) {
        for layer in &mut self.layers {
            layer.rope = rope.clone();
        }
    }

    /// Reads a `config.json` of a supported `model_type`. Whatever is not computed here is refused by name.
    pub fn from_hub(json: &[u8]) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(json)?;
        let kind: String = hub.take("model_type")?;
        let (dim, depth) = (hub.take::<usize>("hidden_size")?, hub.take::<usize>("num_hidden_layers")?);
        let n_heads: usize = hub.take("num_attention_heads")?;
        let key_value = hub.optional("num_key_value_heads")?.unwrap_or(n_heads);
        if n_heads == 0 || key_value == 0 || !n_heads.is_multiple_of(key_value) {
            return Err(bad("num_key_value_heads", format!("{key_value} key/value heads do not divide {n_heads} heads")));
        }
        let head_dim = match hub.optional("head_dim")? {
            Some(head_dim) => head_dim,
            None if dim.is_multiple_of(n_heads) => dim / n_heads,
            None => return Err(bad("num_attention_heads", format!("{n_heads} heads do not divide a width of {dim}"))),
        };
        let heads = Heads { query: n_heads, key_value, dim: head_dim };
        let mut config =
            Self::plain(dim, depth, heads, hub.take("intermediate_size")?, hub.take("vocab_size")?, hub.take("max_position_embeddings")?);
        config.rms_eps = hub.take("rms_norm_eps")?;
        config.tied = hub.optional("tie_word_embeddings")?.unwrap_or(kind.starts_with("gemma"));
        config.family(&kind, &mut hub)?;
        hub.finish()?;
        Ok(config)
    }

    /// What a family adds, or fixes.
    fn family(&mut self, kind: &str, hub: &mut HubConfig) -> Result<(), ConfigError> {
        let n_layers = self.layers.len();
        match kind {
            "llama" => {
                hub.only("hidden_act", "silu".to_owned())?;
                hub.only("rope_interleaved", false)?;
                let biased = hub.optional("attention_bias")?.unwrap_or(false);
                (self.qkv_bias, self.output_bias) = (biased, biased);
                self.mlp_bias = hub.optional("mlp_bias")?.unwrap_or(false);
                self.set_rope(&rope(hub, "rope_parameters", 1e4)?);
            }
            "mistral" => {
                hub.only("hidden_act", "silu".to_owned())?;
                self.set_rope(&rope(hub, "rope_parameters", 1e4)?);
                if let Some(window) = hub.optional("sliding_window")? {
                    self.window(window, |_| true);
                }
            }
            "qwen2" | "qwen3" => {
                hub.only("hidden_act", "silu".to_owned())?;
                hub.only("use_sliding_window", false)?;
                hub.pass(&["sliding_window", "max_window_layers"]);
                hub.only("layer_types", vec!["full_attention".to_owned(); n_layers])?;
                if kind == "qwen2" {
                    self.qkv_bias = true;
                } else {
                    hub.only("attention_bias", false)?;
                    self.query_key_norm = true;
                }
                self.set_rope(&rope(hub, "rope_parameters", 1e6)?);
            }
            "gemma2" => {
                self.gemma(hub)?;
                self.score_cap = hub.optional("attn_logit_softcapping")?;
                self.logit_cap = hub.optional("final_logit_softcapping")?;
                self.set_rope(&rope(hub, "rope_parameters", 1e4)?);
                self.local_layers(hub, |layer| layer % 2 == 0)?;
            }
            "gemma3_text" => {
                self.gemma(hub)?;
                self.query_key_norm = true;
                hub.only("use_bidirectional_attention", false)?;
                hub.only::<Option<f64>>("attn_logit_softcapping", None)?;
                self.logit_cap = hub.optional("final_logit_softcapping")?;
                let pattern = hub.optional::<usize>("sliding_window_pattern")?.or(hub.optional("_sliding_window_pattern")?).unwrap_or(6);
                let (global, local) = gemma3_ropes(hub)?;
                self.set_rope(&global);
                self.local_layers(hub, |layer| (layer + 1) % pattern != 0)?;
                for layer in self.layers.iter_mut().filter(|layer| matches!(layer.masking, Masking::Window(_))) {
                    layer.rope = local.clone();
                }
            }
            other => {
                let supported = "llama, mistral, qwen2, qwen3, gemma2 or gemma3_text".to_owned();
                return Err(ConfigError::Unsupported { key: "model_type".to_owned(), found: format!("{other:?}"), supported });
            }
        }
        Ok(())
    }

    /// What both Gemmas share.
    fn gemma(&mut self, hub: &mut HubConfig) -> Result<(), ConfigError> {
        self.activation = Activation::GeluTanh;
        for key in ["hidden_activation", "hidden_act"] {
            hub.only(key, "gelu_pytorch_tanh".to_owned())?;
        }
        hub.only("attention_bias", false)?;
        self.norm_offset = 1.0;
        self.norms_behind = true;
        self.embedding_scale = Some((self.dim as f64).sqrt());
        self.score_scale = Some(1.0 / hub.take::<f64>("query_pre_attn_scalar")?.sqrt());
        Ok(())
    }

    /// Which layers see a window alone: `layer_types`, or the family's rule.
    fn local_layers(&mut self, hub: &mut HubConfig, by_default: impl Fn(usize) -> bool) -> Result<(), ConfigError> {
        let window = hub.take("sliding_window")?;
        let Some(types) = hub.optional::<Vec<String>>("layer_types")? else {
            self.window(window, by_default);
            return Ok(());
        };
        if types.len() != self.layers.len() {
            return Err(bad("layer_types", format!("{} types for {} layers", types.len(), self.layers.len())));
        }
        if let Some(other) = types.iter().find(|kind| !["sliding_attention", "full_attention"].contains(&kind.as_str())) {
            return Err(bad("layer_types", format!("`{other}` is neither `sliding_attention` nor `full_attention`")));
        }
        self.window(window, |layer| types[layer] == "sliding_attention");
        Ok(())
    }

    pub(super) fn window(&mut self, window: usize, is_local: impl Fn(usize) -> bool) {
        for (_, layer) in self.layers.iter_mut().enumerate().filter(|(i, _)| is_local(*i)) {
            layer.masking = Masking::Window(window);
        }
    }
}

/// Positions in either generation of key names: `rope_parameters`, or `rope_theta` beside `rope_scaling`.
fn rope(hub: &mut HubConfig, key: &str, default_theta: f64) -> Result<RopeRule, ConfigError> {
    let old_theta = hub.optional("rope_theta")?;
    let old_scaling = hub.section("rope_scaling")?;
    let Some(parameters) = hub.section(key)?.or(old_scaling) else {
        return Ok(RopeRule { theta: old_theta.unwrap_or(default_theta), scaling: RopeScaling::None });
    };
    rope_section(parameters, old_theta.unwrap_or(default_theta))
}

fn rope_section(mut section: HubConfig, default_theta: f64) -> Result<RopeRule, ConfigError> {
    let kind = section.optional::<String>("rope_type")?.or(section.optional("type")?).unwrap_or_else(|| "default".to_owned());
    section.pass(&["type"]);
    let theta = section.optional("rope_theta")?.unwrap_or(default_theta);
    let scaling = match kind.as_str() {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: section.take("factor")? },
        "llama3" => RopeScaling::Llama3 {
            factor: section.take("factor")?,
            low: section.take("low_freq_factor")?,
            high: section.take("high_freq_factor")?,
            context: section.take("original_max_position_embeddings")?,
        },
        other => {
            let supported = "default, linear or llama3".to_owned();
            return Err(ConfigError::Unsupported { key: "rope_type".to_owned(), found: format!("{other:?}"), supported });
        }
    };
    section.finish()?;
    Ok(RopeRule { theta, scaling })
}

/// Gemma 3's positions for layers that see everything, and for those that see a window.
fn gemma3_ropes(hub: &mut HubConfig) -> Result<(RopeRule, RopeRule), ConfigError> {
    const GLOBAL: f64 = 1e6;
    const LOCAL: f64 = 1e4;
    let local_theta = hub.optional("rope_local_base_freq")?.unwrap_or(LOCAL);
    if let Some(mut parameters) = hub.section("rope_parameters")? {
        let nested = parameters.section("full_attention")?.zip(parameters.section("sliding_attention")?);
        if let Some((global, local)) = nested {
            parameters.finish()?;
            return Ok((rope_section(global, GLOBAL)?, rope_section(local, local_theta)?));
        }
        return Ok((rope_section(parameters, GLOBAL)?, RopeRule { theta: local_theta, scaling: RopeScaling::None }));
    }
    Ok((rope(hub, "rope_parameters", GLOBAL)?, RopeRule { theta: local_theta, scaling: RopeScaling::None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_computed_is_refused() {
        let base = r#""hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9,
            "max_position_embeddings": 16, "rms_norm_eps": 1e-5"#;
        let bad = [
            r#""model_type": "mamba""#,
            r#""model_type": "llama", "hidden_act": "relu""#,
            r#""model_type": "llama", "rope_scaling": {"rope_type": "yarn", "factor": 4.0}"#,
            r#""model_type": "llama", "num_key_value_heads": 3"#,
            r#""model_type": "llama", "n_experts": 8"#,
            r#""model_type": "qwen2", "use_sliding_window": true"#,
            r#""model_type": "gemma2", "sliding_window": 4"#,
        ];
        let error = |tail: &&str| LlamaConfig::from_hub(format!("{{{base}, {tail}}}").as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(bad.iter().map(error).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn both_generations_of_position_keys_are_read() {
        let base = r#""model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
            "vocab_size": 9, "max_position_embeddings": 16, "rms_norm_eps": 1e-5"#;
        let read = |tail: &str| LlamaConfig::from_hub(format!("{{{base}, {tail}}}").as_bytes()).unwrap().layers[0].rope.clone();
        let old = read(r#""rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}"#);
        let new = read(r#""rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}"#);
        assert_eq!(old, new);
        assert_eq!(new, RopeRule { theta: 5e5, scaling: RopeScaling::Linear { factor: 2.0 } });
    }
}
