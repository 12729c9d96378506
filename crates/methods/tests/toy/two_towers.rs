//! A tiny CLIP with seeded weights, whose texts are words.

use burn::tensor::Device;
use reprogram_methods::{AlignmentSpec, ClassTemplateSpec, ManipulationSpec, Program, Seed, Setup};
use reprogram_models::weights::{Loader, StoredTensor, Weights};
use reprogram_models::{Backbone, Clip, ClipConfig, ClipModel, TextTokenizer};
use reprogram_taxonomy::Misfit;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use super::{CANVAS, CHANNELS, FRAMED, method, target, uniform};

/// Width of the text tower.
pub(crate) const TEXT_DIM: usize = 16;
/// Room for this many tokens.
pub(crate) const CONTEXT: usize = 40;
const WORDS: [&str; 26] = [
    "?",
    "a",
    "photo",
    "of",
    "class",
    "0",
    "1",
    "2",
    ".",
    "the",
    "bad",
    "large",
    "this",
    "is",
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
    "<s>",
    "</s>",
];

/// The model on a device.
pub(crate) fn clip(device: &Device) -> Clip {
    let tower = |dim: usize| json!({ "hidden_size": dim, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "hidden_act": "quick_gelu" });
    let mut text = tower(TEXT_DIM);
    let end = WORDS.len() - 1;
    for (key, value) in
        [("vocab_size", WORDS.len()), ("max_position_embeddings", CONTEXT), ("eos_token_id", end), ("bos_token_id", end - 1)]
    {
        text[key] = json!(value);
    }
    let mut vision = tower(8);
    for (key, value) in [("image_size", CANVAS), ("patch_size", 4), ("num_channels", CHANNELS)] {
        vision[key] = json!(value);
    }
    let config = json!({ "model_type": "clip", "projection_dim": 12, "text_config": text, "vision_config": vision });
    let config = ClipConfig::from_hub(config.to_string().as_bytes(), None).unwrap();
    let values = |name: &str, shape: &[usize]| uniform(name, shape.iter().product(), 0.6);
    let (model, manifest) = ClipModel::from_loader(&config, Loader::initialise(Box::new(values), device)).unwrap();
    let tensors = manifest.export(&model);
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(StoredTensor { name, shape, .. }, bytes)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    Clip::load(&config, "toy-clip", Weights::from_safetensors(&file).unwrap(), Some(tokenizer(&WORDS)), device).unwrap()
}

/// A program of three classes on it, its parameters with autodiff.
pub(crate) fn build_to(backbone: &dyn Backbone, manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Result<Program, Misfit> {
    let (device, target) = (Device::flex().autodiff(), target(3));
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone,
        device: &device,
        target: &target,
        placement: Some(FRAMED),
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    };
    method(manipulations, alignment).build(&setup)
}

/// Sentences for the names of classes.
pub(crate) fn template(templates: &[&str]) -> ManipulationSpec {
    ManipulationSpec::ClassTemplate(ClassTemplateSpec { templates: templates.iter().map(|&text| text.to_owned()).collect() })
}

/// Tokens of texts, special ones included.
pub(crate) fn text_rows(model: &Clip, texts: &[&str]) -> Vec<Vec<u32>> {
    texts.iter().map(|text| model.tokenizer().unwrap().encode_with_special_tokens(text)).collect()
}

/// The largest difference between numbers.
pub(crate) fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Texts are words of these, between `<s>` and `</s>`.
pub(crate) fn tokenizer(words: &[&str]) -> TextTokenizer {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        words.iter().enumerate().map(|(id, word)| ((*word).to_owned(), json!(id))).collect();
    let special = |content: &str| {
        let id = words.iter().position(|word| *word == content).unwrap();
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true })
    };
    let id_of =
        |content: &str| json!({ "id": content, "ids": [words.iter().position(|word| *word == content).unwrap()], "tokens": [content] });
    let front = json!({ "SpecialToken": { "id": "<s>", "type_id": 0 } });
    let back = json!({ "SpecialToken": { "id": "</s>", "type_id": 0 } });
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let other = json!({ "Sequence": { "id": "B", "type_id": 0 } });
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special("<s>"), special("</s>")],
        "normalizer": null, "pre_tokenizer": { "type": "Whitespace" }, "decoder": null,
        "post_processor": {
            "type": "TemplateProcessing", "single": [front, text, back], "pair": [front, text, other, back],
            "special_tokens": { "<s>": id_of("<s>"), "</s>": id_of("</s>") }
        },
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": words[0] }
    });
    TextTokenizer::from_tokenizer_json(file.to_string().as_bytes(), None).unwrap()
}
