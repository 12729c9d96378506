//! `reprogram pretrain clip`: trains the small two-tower model from nothing, and measures it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use reprogram_models::weights::Weights;
use reprogram_models::{Clip, ClipConfig};

use super::{ComputeArgs, half_precision};
use crate::assets::Trust;
use crate::cli::failure::Failure;
use crate::memory::processor_time;
use crate::pretrain::clip::captions::all_captions;
use crate::pretrain::clip::photos::{self, Class, PhotoSet, held_out};
use crate::pretrain::clip::vocabulary::Vocabulary;
use crate::pretrain::clip::zero_shot::{accuracy, classifier};
use crate::pretrain::clip::{CONTEXT, ClipRecipe, Corpus, Moment, VOCABULARY, config, train};
use crate::progress::{Console, say};
use crate::registry::PhotoFiles;

mod card;
mod metadata;

use card::{Card, Score};
use metadata::metadata;

const SAVE_EVERY: Duration = Duration::from_mins(3);

#[derive(Debug, Clone, clap::Args)]
pub(super) struct ClipArgs {
    /// Where the safetensors file goes; its card is written beside it
    #[arg(long, default_value = "tiny-clip-cifar.safetensors")]
    output: PathBuf,
    /// Of initialisation, order, captions and augmentation
    #[arg(long, default_value_t = ClipRecipe::default().seed)]
    seed: u64,
    /// Gradient steps; the learning rate falls to zero over them
    #[arg(long, default_value_t = ClipRecipe::default().steps)]
    steps: usize,
    /// End after so many steps; the learning rate falls as if all were done
    #[arg(long, value_name = "STEP")]
    until: Option<usize>,
    /// End after so many minutes, likewise; `--until` with the steps that the card says makes the same file again
    #[arg(long)]
    minutes: Option<f64>,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Trains, and writes weights and card.
pub(super) fn run(args: &ClipArgs, console: &Console) -> Result<String, Failure> {
    let opened = args.compute.open_to_train()?;
    let photos = opened.registry.photos();
    let obtained =
        opened.store.obtain_all(&photos.assets(), Trust::Stamp, console).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let files = PhotoFiles::from_order(obtained.into_iter().map(|obtained| obtained.path).collect()).expect("one file an asset");
    let data = Data::read(&files)?;
    let captions = all_captions(data.corpus.classes.iter().flat_map(|class| &class.names));
    let vocabulary = Vocabulary::learn(&captions, VOCABULARY, CONTEXT).map_err(Failure::system)?;
    let config = config(vocabulary.size());
    let metadata = metadata(&config, &vocabulary)?;
    let recipe = ClipRecipe { seed: args.seed, steps: args.steps, ..ClipRecipe::default() };

    let (start, start_of_work) = (Instant::now(), processor_time());
    let mut saved = Instant::now();
    let mut failure = None;
    let watch = |moment: &Moment<'_>| {
        let elapsed = start.elapsed();
        if moment.step.is_multiple_of(20) {
            let minutes = elapsed.as_secs_f64() / 60.0;
            say(&format!("step {} of {}: loss {:.3}, {minutes:.1} min", moment.step, recipe.steps, moment.loss));
        }
        if saved.elapsed() >= SAVE_EVERY {
            saved = Instant::now();
            failure = half_precision(&(moment.tensors)(), &metadata).and_then(|bytes| write(&args.output, &bytes)).err();
        }
        let is_late = args.minutes.is_some_and(|minutes| elapsed.as_secs_f64() > 60.0 * minutes);
        let is_last = args.until.is_some_and(|until| moment.step >= until);
        if is_late || is_last || failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let trained = train(&data.corpus, &vocabulary, recipe, &opened.device, watch).map_err(Failure::system)?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let wall = start.elapsed();
    let work = processor_time().zip(start_of_work).map(|(end, start)| end.saturating_sub(start));
    let bytes = half_precision(&trained.tensors, &metadata)?;
    write(&args.output, &bytes)?;

    let scores = data.scores(&bytes, &config, &vocabulary, &opened.device)?;
    let card = Card {
        name: args.output.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        config: &config,
        n_parameters: trained.tensors.iter().map(|tensor| tensor.values.len()).sum(),
        n_bytes: bytes.len(),
        recipe,
        steps: trained.steps,
        wall,
        work,
        licence: photos.licence(),
        held_out: &data.held_out,
        scores: &scores,
        sizes: [data.corpus.sources[0].len(), data.corpus.sources[1].len()],
    };
    let card = card.to_string();
    write(&args.output.with_extension("md"), card.as_bytes())?;
    Ok(card)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::System(format!("{}: {error}", path.display())))
}

/// What is trained on, and what is measured on.
struct Data {
    corpus: Corpus,
    held_out: Vec<Class>,
    tests: Vec<Test>,
}

struct Test {
    what: String,
    classes: Vec<Class>,
    photos: PhotoSet,
}

impl Data {
    fn read(files: &PhotoFiles<PathBuf>) -> Result<Self, Failure> {
        let missing = |error: photos::PhotoError| Failure::AssetMissing(error.to_string());
        let (cifar, tiny) = (photos::cifar(files).map_err(missing)?, photos::tiny_imagenet(files).map_err(missing)?);
        let all: Vec<usize> = (0..tiny.classes.len()).collect();
        let (unseen, seen): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&place| held_out(place));
        let of = |places: &[usize]| places.iter().map(|&place| tiny.classes[place].clone()).collect::<Vec<_>>();
        let mut second = tiny.train.of_classes(&seen);
        second.labels.iter_mut().for_each(|label| *label += cifar.classes.len());
        let test = |what: &str, places: &[usize]| Test {
            what: format!("Tiny ImageNet validation, {what}"),
            classes: of(places),
            photos: tiny.test.of_classes(places),
        };
        let tests = vec![
            Test { what: "CIFAR-10 test (JPEG copy)".to_owned(), classes: cifar.classes.clone(), photos: cifar.test },
            test("classes trained on", &seen),
            test("**held-out** classes alone", &unseen),
            test("all classes", &all),
        ];
        let classes = cifar.classes.into_iter().chain(of(&seen)).collect();
        Ok(Self { corpus: Corpus { classes, sources: [cifar.train, second] }, held_out: of(&unseen), tests })
    }

    /// Of the file as it is read back, in half precision.
    fn scores(&self, bytes: &[u8], config: &ClipConfig, vocabulary: &Vocabulary, device: &Device) -> Result<Vec<Score>, Failure> {
        let weights = Weights::from_safetensors(bytes).map_err(Failure::system)?;
        let model = Clip::load(config, "tiny-clip-cifar", weights, None, device).map_err(Failure::system)?;
        let score = |test: &Test| {
            let classifier = classifier(&model, &test.classes, vocabulary);
            let right = accuracy(&model, &classifier, &test.photos);
            say(&format!("{}: {:.3}", test.what, right.share()));
            Score { what: test.what.clone(), n_classes: test.classes.len(), right }
        };
        Ok(self.tests.iter().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use reprogram_models::TextTokenizer;
    use reprogram_models::weights::StoredTensor;

    use super::*;

    /// Plain photographs of a few shades: class 0 is red, 1 green, 2 blue.
    fn plain(labels: &[usize]) -> PhotoSet {
        let photo = |(i, &label): (usize, &usize)| {
            let shade = 120 + (i * 37 % 120) as u8;
            (0..3 * photos::EDGE * photos::EDGE).map(move |value| if value / (photos::EDGE * photos::EDGE) == label { shade } else { 20 })
        };
        PhotoSet::new(labels.iter().enumerate().flat_map(photo).collect(), labels.to_vec())
    }

    fn colours() -> Vec<Class> {
        let class = |name: &str| Class { key: name.to_owned(), names: vec![name.to_owned()] };
        ["red thing", "green thing", "blue thing"].map(class).to_vec()
    }

    fn learned(steps: usize, last: usize) -> (Vocabulary, Vec<StoredTensor>, Vec<f32>) {
        let corpus = Corpus { classes: colours(), sources: [plain(&[0, 1, 0, 1, 0, 1, 0, 1]), plain(&[2, 2, 2, 2])] };
        let captions = all_captions(corpus.classes.iter().flat_map(|class| &class.names));
        let vocabulary = Vocabulary::learn(&captions, 400, CONTEXT).unwrap();
        let recipe = ClipRecipe { steps, batch_size: 12, ..ClipRecipe::default() };
        let mut losses = Vec::new();
        let watch = |moment: &Moment<'_>| {
            losses.push(moment.loss);
            if moment.step == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let trained = train(&corpus, &vocabulary, recipe, &Device::flex(), watch).unwrap();
        assert_eq!(trained.steps, last.min(steps));
        (vocabulary, trained.tensors, losses)
    }

    #[test]
    fn colours_are_learned_by_name_and_the_file_is_all_that_is_needed() {
        let (vocabulary, tensors, losses) = learned(40, 40);
        assert!(losses[39] < losses[0] - 0.5, "{losses:?}");
        let config = config(vocabulary.size());
        let texts = metadata(&config, &vocabulary).unwrap();
        let bytes = half_precision(&tensors, &texts).unwrap();

        let preprocessor = texts["preprocessor_config"].as_bytes();
        assert_eq!(ClipConfig::from_hub(texts["config"].as_bytes(), Some(preprocessor)).unwrap(), config);
        let tokenizer = TextTokenizer::from_tokenizer_json(texts["tokenizer"].as_bytes(), None).unwrap();
        let text = "A photo of a GREEN thing, not seen before.";
        assert_eq!(tokenizer.encode_with_special_tokens(text), vocabulary.encode(text));

        let model = Clip::load(&config, "colours", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
        let right = accuracy(&model, &classifier(&model, &colours(), &vocabulary), &plain(&[2, 0, 1, 1, 2, 0]));
        assert_eq!((right.right, right.n), (6, 6));
    }

    #[test]
    fn one_seed_gives_the_same_numbers_and_the_training_can_be_ended() {
        let ((_, first, losses), (_, second, again)) = (learned(9, 3), learned(9, 3));
        assert_eq!(losses, again);
        assert_eq!(first, second);
        assert_eq!(losses.len(), 3);
    }
}
