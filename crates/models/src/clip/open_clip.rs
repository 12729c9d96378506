//! The layout of `open_clip` and of OpenAI's first release, mapped onto the hub's.
//!
//! # Reference
//! Ilharco et al., OpenCLIP, 2021; names of `state_dict` and keys of `open_clip_config.json` as in `open_clip_torch` 3.3.

use super::config::tiles;
use super::{ClipConfig, ClipTower, TextEnd};
use crate::blocks::Activation;
use crate::hub::bad;
use crate::weights::{Fate, RearrangeError, Weights};
use crate::{ConfigError, HubConfig};

impl ClipConfig {
    /// Reads an `open_clip_config.json`: `model_cfg` and, for how pixels are normalised, `preprocess_cfg`. A key that is not
    /// there has the value that the library gives it.
    pub fn from_open_clip(json: &[u8]) -> Result<Self, ConfigError> {
        let mut file = HubConfig::parse(json)?;
        let missing = |key: &str| ConfigError::Missing(key.to_owned());
        let mut model = file.section("model_cfg")?.ok_or_else(|| missing("model_cfg"))?;
        let preprocess = file.section("preprocess_cfg")?;
        file.finish()?;
        let joint_dim = model.take("embed_dim")?;
        let activation = if model.optional::<bool>("quick_gelu")?.unwrap_or(false) { Activation::QuickGelu } else { Activation::Gelu };
        // Where the text tower's tensors are kept under a name of its own, and initial values of learned numbers.
        model.pass(&["custom_text", "init_logit_scale"]);
        let mut vision = model.section("vision_cfg")?.ok_or_else(|| missing("vision_cfg"))?;
        let mut text = model.section("text_cfg")?.ok_or_else(|| missing("text_cfg"))?;
        model.finish()?;

        vision.pass(&["patch_dropout", "output_tokens"]);
        vision.only("pool_type", "tok".to_owned())?;
        vision.only("pos_embed_type", "learnable".to_owned())?;
        for switch in ["attentional_pool", "no_ln_pre", "final_ln_after_pool"] {
            vision.only(switch, false)?;
        }
        vision.pass(&["attn_pooler_queries", "attn_pooler_heads"]);
        let head_width: usize = vision.optional("head_width")?.unwrap_or(64);
        let vision_dim: usize = vision.optional("width")?.unwrap_or(768);
        let (image_size, patch_size) = (vision.optional("image_size")?.unwrap_or(224), vision.optional("patch_size")?.unwrap_or(16));
        tiles(image_size, patch_size)?;
        let n_heads = if head_width == 0 { 0 } else { vision_dim / head_width };

        // Padding is never seen: a text is read at its end.
        text.pass(&["hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs", "pad_id", "eos_id", "output_tokens"]);
        text.only("pool_type", "argmax".to_owned())?;
        text.only("proj_type", "linear".to_owned())?;
        for switch in ["embed_cls", "no_causal_mask", "final_ln_after_pool", "proj_bias"] {
            text.only(switch, false)?;
        }
        let text_heads = text.optional("heads")?.unwrap_or(8);
        let text_dim = text.optional("width")?.unwrap_or(512);
        let n_channels = 3;
        let (image_mean, image_std) = statistics(preprocess, n_channels)?;
        let config = Self {
            vision: tower(&mut vision, "vision_cfg", vision_dim, n_heads, activation)?,
            image_size,
            patch_size,
            n_channels,
            vocabulary: text.optional("vocab_size")?.unwrap_or(49_408),
            context: text.optional("context_length")?.unwrap_or(77),
            text: tower(&mut text, "text_cfg", text_dim, text_heads, activation)?,
            end: TextEnd::Largest,
            joint_dim,
            image_mean,
            image_std,
        };
        vision.finish()?;
        text.finish()?;
        Ok(config)
    }
}

fn tower(section: &mut HubConfig, name: &str, dim: usize, n_heads: usize, activation: Activation) -> Result<ClipTower, ConfigError> {
    for switch in ["qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"] {
        section.only(switch, false)?;
    }
    let depth = section.optional("layers")?.unwrap_or(12);
    let ratio: f64 = section.optional("mlp_ratio")?.unwrap_or(4.0);
    if n_heads == 0 || !dim.is_multiple_of(n_heads) {
        return Err(bad(name, format!("{n_heads} heads do not divide a width of {dim}")));
    }
    Ok(ClipTower { dim, depth, n_heads, hidden: (dim as f64 * ratio) as usize, activation, eps: 1e-5 })
}

/// OpenAI's where nothing is said, as in the library.
fn statistics(preprocess: Option<HubConfig>, n_channels: usize) -> Result<(Vec<f32>, Vec<f32>), ConfigError> {
    let mut stated = [vec![0.481_454_66, 0.457_827_5, 0.408_210_73], vec![0.268_629_54, 0.261_302_6, 0.275_777_1]];
    if let Some(mut preprocess) = preprocess {
        for (values, key) in stated.iter_mut().zip(["mean", "std"]) {
            if let Some(found) = preprocess.optional::<Vec<f32>>(key)? {
                *values = found;
            }
            if values.len() != n_channels || (key == "std" && values.iter().any(|std| !std.is_normal())) {
                return Err(bad(key, format!("{values:?} for {n_channels} channels")));
            }
        }
    }
    let [mean, std] = stated;
    Ok((mean, std))
}

/// Whether tensors have the names of `open_clip` and of OpenAI's first release.
pub fn is_open_clip(weights: &Weights<'_>) -> bool {
    weights.shape("visual.conv1.weight").is_some()
}

/// Tensors of `open_clip`, or of OpenAI's first release, under the hub's names and in the hub's shapes: queries, keys and values
/// apart, projections turned.
pub fn open_clip_to_hub(weights: Weights<'_>) -> Result<Weights<'_>, RearrangeError> {
    weights.rearranged(fate)
}

fn fate(name: &str) -> Fate {
    // A text tower of its own has the same tensors behind a prefix.
    let bare = name.strip_prefix("text.").unwrap_or(name);
    let renamed = |name: &str| Fate::Renamed(name.to_owned());
    match bare {
        // OpenAI's file keeps these beside the weights; the configuration says them.
        "input_resolution" | "context_length" | "vocab_size" | "attn_mask" => Fate::Dropped,
        "visual.proj" => Fate::Transposed("visual_projection.weight".to_owned()),
        "text_projection" => Fate::Transposed("text_projection.weight".to_owned()),
        "visual.class_embedding" => renamed("vision_model.embeddings.class_embedding"),
        "visual.positional_embedding" => renamed("vision_model.embeddings.position_embedding.weight"),
        "visual.conv1.weight" => renamed("vision_model.embeddings.patch_embedding.weight"),
        "token_embedding.weight" => renamed("text_model.embeddings.token_embedding.weight"),
        "positional_embedding" => renamed("text_model.embeddings.position_embedding.weight"),
        _ => in_a_tower(bare),
    }
}

fn in_a_tower(name: &str) -> Fate {
    let (tower, rest) = match name.strip_prefix("visual.") {
        Some(rest) => ("vision_model", rest),
        None => ("text_model", name),
    };
    for (old, new) in [("ln_pre.", "pre_layrnorm."), ("ln_post.", "post_layernorm."), ("ln_final.", "final_layer_norm.")] {
        if let Some(kind) = rest.strip_prefix(old) {
            return Fate::Renamed(format!("{tower}.{new}{kind}"));
        }
    }
    let block = rest.strip_prefix("transformer.resblocks.").and_then(|rest| rest.split_once('.'));
    let Some((layer, part)) = block else { return Fate::Renamed(name.to_owned()) };
    let prefix = format!("{tower}.encoder.layers.{layer}");
    if let Some(kind) = part.strip_prefix("attn.in_proj_") {
        return Fate::Cut(["q_proj", "k_proj", "v_proj"].map(|name| format!("{prefix}.self_attn.{name}.{kind}")).to_vec());
    }
    let parts = [
        ("attn.out_proj.", "self_attn.out_proj."),
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
    ];
    let new = parts.iter().find_map(|(old, new)| part.strip_prefix(old).map(|kind| format!("{prefix}.{new}{kind}")));
    // What is not known keeps its name, so that it is reported as unused.
    Fate::Renamed(new.unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vision: &str, text: &str) -> Result<ClipConfig, ConfigError> {
        let json = format!(r#"{{"model_cfg": {{"embed_dim": 512, "vision_cfg": {{{vision}}}, "text_cfg": {{{text}}}}}}}"#);
        ClipConfig::from_open_clip(json.as_bytes())
    }

    #[test]
    fn what_is_not_said_is_as_in_the_library() {
        let config = read(r#""patch_size": 32"#, "").unwrap();
        assert_eq!((config.vision.dim, config.vision.n_heads, config.vision.hidden, config.image_size), (768, 12, 3072, 224));
        assert_eq!((config.text.dim, config.text.n_heads, config.vocabulary, config.context), (512, 8, 49_408, 77));
        assert_eq!(config.text.activation, Activation::Gelu);
        assert!((config.image_std[2] - 0.275_777).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let errors = [
            read(r#""attentional_pool": true"#, ""),
            read(r#""timm_model_name": "vit_base""#, ""),
            read(r#""ls_init_value": 0.1"#, ""),
            read("", r#""pool_type": "last""#),
            read("", r#""hf_model_name": "roberta-base""#),
            read(r#""head_width": 0"#, ""),
            read(r#""patch_size": 15"#, ""),
            ClipConfig::from_open_clip(b"{}"),
        ];
        insta::assert_snapshot!(errors.map(|read| read.unwrap_err().to_string()).join("\n"));
    }

    #[test]
    fn names_of_both_kinds_of_file_are_mapped() {
        let cut = fate("visual.transformer.resblocks.3.attn.in_proj_bias");
        assert_eq!(cut, Fate::Cut(["q", "k", "v"].map(|x| format!("vision_model.encoder.layers.3.self_attn.{x}_proj.bias")).to_vec()));
        assert_eq!(fate("text.ln_final.weight"), fate("ln_final.weight"));
        assert_eq!(fate("ln_final.weight"), Fate::Renamed("text_model.final_layer_norm.weight".to_owned()));
        assert_eq!(fate("vocab_size"), Fate::Dropped);
        let unknown = "visual.transformer.resblocks.0.ls_1.gamma";
        assert_eq!(fate(unknown), Fate::Renamed(unknown.to_owned()));
    }
}
