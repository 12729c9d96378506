//! `reprogram pretrain letters`: trains the letters ViT from nothing.

use std::fs;
use std::path::PathBuf;

use safetensors::tensor::{Dtype, TensorView};

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
    let Model::Letters(args) = &args.model;
    let opened = args.compute.open()?;
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
    write(args.output.clone(), &safetensors_bytes(&trained)?)?;
    let card = card(&trained, recipe, opened.registry.fonts().licence());
    write(args.output.with_extension("md"), card.as_bytes())?;
    Ok(card)
}

/// Half-precision tensors, with the configuration in the metadata.
fn safetensors_bytes(trained: &TrainedLetters) -> Result<Vec<u8>, Failure> {
    let halves =
        trained.tensors.iter().map(|tensor| tensor.values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect());
    let halves: Vec<Vec<u8>> = halves.collect();
    let mut views = Vec::new();
    for (tensor, bytes) in trained.tensors.iter().zip(&halves) {
        views.push((tensor.name.as_str(), TensorView::new(Dtype::F16, tensor.shape.clone(), bytes).map_err(Failure::system)?));
    }
    let config = serde_json::to_string(&trained.config).map_err(Failure::system)?;
    safetensors::serialize(views, Some([("config".to_owned(), config)].into())).map_err(Failure::system)
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
