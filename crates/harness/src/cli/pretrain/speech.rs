//! `reprogram pretrain speech`: trains the labels of the speech embedding, and writes them with their card.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::{ComputeArgs, half_precision};
use crate::backbones;
use crate::cli::failure::Failure;
use crate::plan::LoadedData;
use crate::pretrain::speech::{BACKBONE, DATASET, SpeechRecipe, TrainedSpeech, train};
use crate::progress::Console;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct SpeechArgs {
    /// Where the safetensors file goes; its card is written beside it
    #[arg(long, default_value = "speech-digits.safetensors")]
    output: PathBuf,
    /// Of initialisation and order
    #[arg(long, default_value_t = SpeechRecipe::default().seed)]
    seed: u64,
    /// Passes over the training recordings
    #[arg(long, default_value_t = SpeechRecipe::default().epochs)]
    epochs: usize,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Trains, and writes map and card.
pub(super) fn run(args: &SpeechArgs, console: &Console) -> Result<String, Failure> {
    let opened = args.compute.open_to_train()?;
    let missing = |error: &dyn std::fmt::Display| Failure::AssetMissing(error.to_string());
    let workshop = opened.workshop(console);
    let data = LoadedData::load(DATASET, &workshop).map_err(|error| missing(&error))?;
    let loaded = backbones::load(BACKBONE, &workshop).map_err(|error| missing(&error))?;
    let recipe = SpeechRecipe { seed: args.seed, epochs: args.epochs, ..SpeechRecipe::default() };
    let trained = train(loaded.backbone.as_ref(), &data, recipe, &opened.device).map_err(Failure::system)?;
    let bytes = half_precision(&trained.tensors, &[("classes".to_owned(), data.dataset.classes().join(" "))].into())?;
    let write =
        |path: PathBuf, bytes: &[u8]| fs::write(&path, bytes).map_err(|error| Failure::System(format!("{}: {error}", path.display())));
    write(args.output.clone(), &bytes)?;
    let card = card(&trained, recipe);
    write(args.output.with_extension("md"), card.as_bytes())?;
    Ok(card)
}

fn card(trained: &TrainedSpeech, recipe: SpeechRecipe) -> String {
    let n: usize = trained.tensors.iter().map(|tensor| tensor.values.len()).sum();
    let SpeechRecipe { seed, epochs, batch_size, learning_rate } = recipe;
    let mut card = format!(
        "# speech-digits\n\n\
         Labels for the speech embedding: an affine map of {n} numbers from its 96 features to ten spoken digits. It exists to be \
         reprogrammed; it is no recogniser of speech.\n\n"
    );
    let mut line = |text: String| writeln!(card, "- {text}").expect("a string takes all");
    line(format!(
        "**Data**: `{DATASET}`, the Free Spoken Digit Dataset (CC BY-SA 4.0; Jackson et al., 2018): four speakers to train on, a fifth one \
         to choose the epoch by. No recording is in this file."
    ));
    line(format!(
        "**Training**: features of `{BACKBONE}`, which stays as it is; {epochs} epochs of batches of {batch_size}, Adam at {learning_rate} \
         with a cosine to zero, seed {seed}; epoch {} was chosen.",
        trained.epoch
    ));
    line(format!(
        "**Accuracy** (chance is .100): {:.3} on the speaker that the epoch was chosen by ({} recordings), **{:.3}** on a speaker that \
         nothing was chosen by ({}).",
        trained.validation.value(),
        trained.validation.n,
        trained.test.value(),
        trained.test.n
    ));
    line(format!("**Command**: `reprogram pretrain speech --seed {seed} --epochs {epochs}`"));
    line("**Licence of the map**: CC BY-SA 4.0, as the recordings.".to_owned());
    card
}
