//! Configuration and tokenizer as texts in the weights file's own metadata.

use std::collections::BTreeMap;

use reprogram_models::{ClipConfig, ClipTower, TextEnd};
use serde_json::json;

use crate::cli::failure::Failure;
use crate::pretrain::clip::vocabulary::{END_ID, START_ID, Vocabulary};

/// `config`, `preprocessor_config` and `tokenizer`: what the hub keeps in files of these names.
pub(super) fn metadata(config: &ClipConfig, vocabulary: &Vocabulary) -> Result<BTreeMap<String, String>, Failure> {
    let tower = |of: &ClipTower| {
        json!({
            "hidden_size": of.dim,
            "num_hidden_layers": of.depth,
            "num_attention_heads": of.n_heads,
            "intermediate_size": of.hidden,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": of.eps,
        })
    };
    let (mut vision, mut text) = (tower(&config.vision), tower(&config.text));
    vision["image_size"] = json!(config.image_size);
    vision["patch_size"] = json!(config.patch_size);
    vision["num_channels"] = json!(config.n_channels);
    text["vocab_size"] = json!(config.vocabulary);
    text["max_position_embeddings"] = json!(config.context);
    text["bos_token_id"] = json!(START_ID);
    text["eos_token_id"] = match config.end {
        TextEnd::First(id) => json!(id),
        TextEnd::Largest => json!(2),
    };
    debug_assert!(config.end == TextEnd::First(END_ID));
    let model = json!({
        "model_type": "clip",
        "architectures": ["CLIPModel"],
        "projection_dim": config.joint_dim,
        "vision_config": vision,
        "text_config": text,
    });
    let preprocessor = json!({
        "do_normalize": true,
        "image_mean": config.image_mean,
        "image_std": config.image_std,
    });
    let tokenizer = vocabulary.to_json().map_err(Failure::system)?;
    Ok([("config", model.to_string()), ("preprocessor_config", preprocessor.to_string()), ("tokenizer", tokenizer)]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
}
