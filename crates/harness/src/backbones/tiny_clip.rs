//! The built-in two-tower model, trained by `reprogram pretrain clip`.

use std::sync::Arc;

use burn::tensor::Device;
use reprogram_models::weights::Weights;
use reprogram_models::{Clip, ClipConfig, Storage, TextTokenizer};

use super::{BackboneError, LoadedBackbone};
use crate::assets::Digest;
use crate::resample::Kernel;

const FILE: &[u8] = include_bytes!("../../assets/tiny-clip-cifar.safetensors");

/// Loads it under this name.
pub(super) fn load(name: &str, storage: Storage, device: &Device) -> Result<LoadedBackbone, BackboneError> {
    let damaged = |reason: String| BackboneError::Damaged { name: name.to_owned(), reason };
    let model = embedded(FILE, name, storage, device).map_err(damaged)?;
    let weights_sha256 = Digest::of(FILE).to_string();
    // Its file does not say it: photographs were shrunk so for its training (`pretrain/clip/photos.rs`).
    Ok(LoadedBackbone { backbone: Arc::new(model), weights_sha256, source_classes: None, kernel: Kernel::Bilinear })
}

/// Reads a CLIP whose `config`, `preprocessor_config` and `tokenizer` stand in the file's own metadata.
fn embedded(bytes: &[u8], name: &str, storage: Storage, device: &Device) -> Result<Clip, String> {
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let text = |key: &str| {
        let value = header.metadata().as_ref().and_then(|metadata| metadata.get(key));
        value.map(String::as_bytes).ok_or_else(|| format!("its metadata has no `{key}`"))
    };
    let config = ClipConfig::from_hub(text("config")?, Some(text("preprocessor_config")?)).map_err(|error| error.to_string())?;
    let tokenizer = TextTokenizer::from_tokenizer_json(text("tokenizer")?, None).map_err(|error| error.to_string())?;
    let weights = Weights::from_safetensors(bytes).map_err(|error| error.to_string())?.kept_as(storage);
    Clip::load(&config, name, weights, Some(tokenizer), device).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;
    use reprogram_models::{Backbone as _, Input, JointSpace, Reading, TokenBatch};

    use super::*;

    const CARD: &str = include_str!("../../assets/tiny-clip-cifar.md");

    #[test]
    fn the_built_in_model_is_what_its_card_says() {
        let (_, header) = safetensors::SafeTensors::read_metadata(FILE).unwrap();
        let n_parameters: usize = header.tensors().values().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        assert!(CARD.starts_with("# tiny-clip-cifar\n") && CARD.contains(&format!("{n_parameters} parameters")));
        assert!(FILE.len() <= 10_000_000 && header.tensors().values().all(|tensor| tensor.dtype == safetensors::Dtype::F16));
    }

    /// It says nothing of it, and the hub's class would be bicubic.
    #[test]
    fn images_are_brought_to_size_as_they_were_for_its_training() {
        let loaded = load("tiny-clip-cifar", Storage::Floats, &Device::flex()).unwrap();
        assert_eq!(loaded.kernel, Kernel::Bilinear);
    }

    #[test]
    fn texts_that_say_the_same_are_close() {
        let model = embedded(FILE, "tiny-clip-cifar", Storage::Floats, &Device::flex()).unwrap();
        let texts = ["a photo of a ship.", "a picture of a boat.", "a photo of a horse."];
        let rows = texts.map(|text| model.tokenizer().unwrap().encode_with_special_tokens(text)).to_vec();
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows))));
        let features: Tensor<2> = JointSpace::normalise(model.read(&stream, Reading::Features));
        let cosine: Vec<f32> = features.clone().matmul(features.transpose()).try_into_vec_as().unwrap();
        assert!(cosine[1] > 0.8 && cosine[1] > cosine[2] + 0.2, "{cosine:?}");
    }
}
