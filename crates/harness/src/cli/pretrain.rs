//! `reprogram pretrain`: trains a source model from nothing.

mod clip;
mod speech;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use safetensors::tensor::{Dtype, TensorView};

use clip::ClipArgs;
use reprogram_models::weights::StoredTensor;

use super::ComputeArgs;
use super::failure::Failure;
use crate::assets::Trust;
use crate::pretrain::glyphs::Alphabet;
use crate::pretrain::letters::{FontAlphabet, LettersRecipe, TrainedLetters, train};
use crate::progress::{Console, say};

/// Arguments of `reprogram pretrain`.
#[derive(Debug, Clone, clap::Args)]
pub struct PretrainArgs {
    #[command(subcommand)]
    model: Model,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Model {
    /// A vision transformer that reads the 52 letters, drawn from free fonts
    Letters(LettersArgs),
    /// Two towers, of small photographs and their captions, trained on CIFAR-10 and Tiny ImageNet
    Clip(ClipArgs),
    /// Labels for the speech embedding: ten spoken digits, from the Free Spoken Digit Dataset
    Speech(speech::SpeechArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct LettersArgs {
    /// Where the safetensors file goes; its card is written beside it
    #[arg(long, default_value = "letters-vit.safetensors")]
    output: PathBuf,
    /// Of initialisation and augmentation
    #[arg(long, default_value_t = LettersRecipe::default().seed)]
    seed: u64,
    /// Gradient steps
    #[arg(long, default_value_t = LettersRecipe::default().steps)]
    steps: usize,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Trains, and writes weights and card.
pub fn run(args: &PretrainArgs, console: &Console) -> Result<String, Failure> {
    match &args.model {
        Model::Letters(args) => letters(args, console),
        Model::Clip(args) => clip::run(args, console),
        Model::Speech(args) => speech::run(args, console),
    }
}

fn letters(args: &LettersArgs, console: &Console) -> Result<String, Failure> {
    let opened = args.compute.open_to_train()?;
    let assets = opened.registry.fonts().assets();
    let obtained = opened.store.obtain_all(&assets, Trust::Stamp, console).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let mut fonts = Vec::new();
    for (asset, obtained) in assets.iter().zip(obtained) {
        let damaged = |reason: String| Failure::AssetMissing(format!("{}: {reason}", obtained.path.display()));
        let bytes = fs::read(&obtained.path).map_err(|error| damaged(error.to_string()))?;
        let alphabet = Alphabet::draw(&bytes).map_err(|error| damaged(error.to_string()))?;
        fonts.push(FontAlphabet { name: asset.file().to_owned(), alphabet });
    }
    let recipe = LettersRecipe { seed: args.seed, steps: args.steps, ..LettersRecipe::default() };
    let report = |step: usize, steps: usize, loss: f32| {
        if step.is_multiple_of(50) {
            say(&format!("step {step} of {steps}: loss {loss:.3}"));
        }
    };
    let trained = train(&fonts, recipe, &opened.device, report).map_err(Failure::system)?;
    let write =
        |path: PathBuf, bytes: &[u8]| fs::write(&path, bytes).map_err(|error| Failure::System(format!("{}: {error}", path.display())));
    let config = serde_json::to_string(&trained.config).map_err(Failure::system)?;
    write(args.output.clone(), &half_precision(&trained.tensors, &[("config".to_owned(), config)].into())?)?;
    let card = card(&trained, recipe, opened.registry.fonts().licence());
    write(args.output.with_extension("md"), card.as_bytes())?;
    Ok(card)
}

/// Half-precision tensors, with texts in the metadata; the same content gives the same bytes.
fn half_precision(tensors: &[StoredTensor], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, Failure> {
    let halves = tensors.iter().map(|tensor| tensor.values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect());
    let halves: Vec<Vec<u8>> = halves.collect();
    let mut views = Vec::new();
    for (tensor, bytes) in tensors.iter().zip(&halves) {
        views.push((tensor.name.as_str(), TensorView::new(Dtype::F16, tensor.shape.clone(), bytes).map_err(Failure::system)?));
    }
    let plain = safetensors::serialize(views, None).map_err(Failure::system)?;
    Ok(with_metadata(&plain, &serde_json::to_string(metadata).map_err(Failure::system)?))
}

/// Puts `__metadata__` in front of a safetensors file's header, which begins after eight bytes that say its length. The library
/// writes metadata in the order of a hash map, which is another one each time.
fn with_metadata(plain: &[u8], metadata: &str) -> Vec<u8> {
    let (length, rest) = plain.split_first_chunk::<8>().expect("a safetensors file begins with a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut longer = format!("{{\"__metadata__\":{metadata},").into_bytes();
    longer.extend_from_slice(header.trim_ascii_end().strip_prefix(b"{").expect("the header is an object"));
    longer.resize(longer.len().next_multiple_of(8), b' ');
    [&(longer.len() as u64).to_le_bytes(), longer.as_slice(), data].concat()
}

fn card(trained: &TrainedLetters, recipe: LettersRecipe, licence: &str) -> String {
    let n: usize = trained.tensors.iter().map(|tensor| tensor.values.len()).sum();
    let fonts: Vec<String> = trained.held_out.iter().map(|(name, accuracy)| format!("| {name} | {accuracy:.3} |")).collect();
    let LettersRecipe { seed, steps, batch_size, learning_rate } = recipe;
    format!(
        "# letters-vit\n\n\
         A vision transformer that reads printed letters: 52 classes (A–Z, a–z), {n} parameters, 28 × 28 grey pixels, bright ink on black. \
         It exists to be reprogrammed; it is no text recogniser.\n\n\
         - **Data**: glyphs of free fonts, drawn with random affine distortion and noise. Font licences: {licence}. No font is in this file.\n\
         - **Training**: from nothing, {steps} steps of {batch_size} images, AdamW at {learning_rate} (warm-up, cosine), seed {seed}.\n\
         - **Accuracy** on distorted letters: {:.3} on the fonts trained on, **{:.3}** on held-out fonts (mean; chance is {:.3}):\n\n\
         | held-out font | accuracy |\n| --- | --- |\n{}\n\n\
         - **Command**: `reprogram pretrain letters --seed {seed} --steps {steps}`\n\
         - **Weights' licence**: MIT OR Apache-2.0, as the rest of this repository.\n",
        trained.seen,
        trained.held_out_accuracy(),
        1.0 / 52.0,
        fonts.join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_back_with_its_texts() {
        let tensor =
            |name: &str, values: &[f32]| StoredTensor { name: name.to_owned(), shape: vec![values.len()], values: values.to_vec() };
        let metadata = [("b", "{\"quoted\": 1}"), ("a", "first")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let bytes = half_precision(&[tensor("x", &[1.5, -2.0]), tensor("y", &[0.25])], &metadata.clone().into()).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap(), &metadata.into());
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(
            file.tensor("x").unwrap().data(),
            [half::f16::from_f32(1.5), half::f16::from_f32(-2.0)].map(half::f16::to_le_bytes).concat()
        );
        assert_eq!(file.tensor("y").unwrap().shape(), [1]);
    }
}
