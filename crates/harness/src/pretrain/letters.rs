//! `letters-vit`: a small vision transformer that reads printed letters, a source classifier to be reprogrammed.
//!
//! 52 classes (A–Z, a–z), trained from nothing on glyphs of free fonts. Whole fonts are held out: which ones depends on
//! their names alone.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use reprogram_methods::{Schedule, Seed};
use reprogram_models::blocks::Activation;
use reprogram_models::weights::{Loader, StoredTensor};
use reprogram_models::{PlainVit, Vit, VitError, cross_entropy};

use super::glyphs::{Alphabet, Distortion, IMAGE, LETTERS};

/// A font's name and its alphabet.
pub struct FontAlphabet {
    /// The file's name.
    pub name: String,
    /// Its letters.
    pub alphabet: Alphabet,
}

/// How long, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct LettersRecipe {
    /// Of initialisation and augmentation.
    pub seed: u64,
    /// Gradient steps.
    pub steps: usize,
    /// Images a step.
    pub batch_size: usize,
    /// At the top of its cosine.
    pub learning_rate: f64,
}

impl Default for LettersRecipe {
    fn default() -> Self {
        Self { seed: 0, steps: 1_200, batch_size: 96, learning_rate: 2e-3 }
    }
}

/// The trained model and how good it is.
pub struct TrainedLetters {
    /// The tensors in the hub's layout.
    pub tensors: Vec<StoredTensor>,
    /// The configuration.
    pub config: PlainVit,
    /// Accuracy on distorted letters of the fonts trained on.
    pub seen: f64,
    /// Accuracy on distorted letters of each held-out font.
    pub held_out: Vec<(String, f64)>,
}

impl TrainedLetters {
    /// Mean accuracy over held-out fonts.
    pub fn held_out_accuracy(&self) -> f64 {
        self.held_out.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / self.held_out.len().max(1) as f64
    }
}

/// The architecture: 0.35 million parameters.
pub fn config() -> PlainVit {
    PlainVit {
        hidden_size: 96,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        intermediate_size: 384,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-12,
        image_size: IMAGE,
        patch_size: 4,
        num_channels: 1,
        num_labels: LETTERS.len(),
        image_mean: vec![0.5],
        image_std: vec![0.5],
    }
}

/// Whether a font is held out: every fifth, ordered by the hash of its name.
pub fn held_out(fonts: &[FontAlphabet]) -> Vec<bool> {
    let rank = |name: &str| Seed::new(0).fork("held-out fonts").rank(name);
    let mut order: Vec<usize> = (0..fonts.len()).collect();
    order.sort_by_key(|&i| rank(&fonts[i].name));
    let mut out = vec![false; fonts.len()];
    order.iter().step_by(5).for_each(|&i| out[i] = true);
    out
}

/// Trains the model. `progress` is told (step, steps, loss).
pub fn train(
    fonts: &[FontAlphabet],
    recipe: LettersRecipe,
    device: &Device,
    mut progress: impl FnMut(usize, usize, f32),
) -> Result<TrainedLetters, VitError> {
    let seed = Seed::new(recipe.seed);
    let (mut model, manifest) = {
        let mut rng = seed.fork("initialisation").rng();
        let initialiser = move |name: &str, shape: &[usize]| initial_values(name, shape, &mut rng);
        let loader = Loader::initialise(Box::new(initialiser), &device.clone().autodiff());
        Vit::from_loader(&config().try_into()?, "letters-vit", loader)?
    };
    let held_out = held_out(fonts);
    let training: Vec<&Alphabet> = fonts.iter().zip(&held_out).filter(|(_, out)| !**out).map(|(font, _)| &font.alphabet).collect();
    let mut optimizer = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.05).init();
    let mut rng = seed.fork("augmentation").rng();
    let warmup = recipe.steps / 20 + 1;
    for step in 0..recipe.steps {
        let items = (0..recipe.batch_size).map(|_| (training[rng.random_range(0..training.len())], rng.random_range(0..LETTERS.len())));
        let items: Vec<(&Alphabet, usize)> = items.collect();
        let labels: Vec<usize> = items.iter().map(|&(_, class)| class).collect();
        let images = items.iter().flat_map(|(alphabet, class)| alphabet.image(*class, &Distortion::random(&mut rng)));
        let logits = model.forward(image_tensor(images.collect(), device));
        let loss = cross_entropy(logits, &labels);
        progress(step + 1, recipe.steps, loss.clone().into_scalar());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let warm = ((step + 1) as f64 / warmup as f64).min(1.0);
        let rate = recipe.learning_rate * warm * Schedule::Cosine.factor(step, recipe.steps);
        model = optimizer.step(rate, model, gradients);
    }
    let tensors = manifest.export(&model);
    let model = model.valid();
    let accuracy = |alphabets: &[&Alphabet], purpose: &str| accuracy(&model, alphabets, &seed.fork(purpose), device);
    let on_training_fonts = accuracy(&training, "seen fonts");
    let unseen = fonts.iter().zip(&held_out).filter(|(_, out)| **out);
    let held_out = unseen.map(|(font, _)| (font.name.clone(), accuracy(&[&font.alphabet], &font.name))).collect();
    Ok(TrainedLetters { tensors, config: config(), seen: on_training_fonts, held_out })
}

/// Share of distorted letters read rightly: at least 20 of each letter.
fn accuracy(model: &Vit, alphabets: &[&Alphabet], seed: &Seed, device: &Device) -> f64 {
    let repeats = 20usize.div_ceil(alphabets.len());
    let mut rng = seed.rng();
    let (mut right, mut n) = (0, 0);
    for alphabet in alphabets {
        for _ in 0..repeats {
            let images = (0..LETTERS.len()).flat_map(|class| alphabet.image(class, &Distortion::random(&mut rng))).collect();
            let predictions: Vec<i64> = model.forward(image_tensor(images, device)).argmax(1).try_into_vec_as().expect("integers");
            right += predictions.iter().enumerate().filter(|&(class, &prediction)| prediction == class as i64).count();
            n += LETTERS.len();
        }
    }
    right as f64 / n as f64
}

fn image_tensor(pixels: Vec<f32>, device: &Device) -> Tensor<4> {
    let n = pixels.len() / (IMAGE * IMAGE);
    Tensor::from_data(TensorData::new(pixels, [n, 1, IMAGE, IMAGE]), device)
}

/// Normalisations start as the identity, biases at zero, everything else at N(0, .02²) (Xavier-uniform for matrices).
fn initial_values(name: &str, shape: &[usize], rng: &mut impl RngExt) -> Vec<f32> {
    let n: usize = shape.iter().product();
    if name.ends_with("bias") {
        return vec![0.0; n];
    }
    match shape {
        [_] => vec![1.0; n],
        [output, rest @ ..] if name.ends_with("weight") => {
            let input: usize = rest.iter().product();
            let bound = (6.0 / (input + output) as f32).sqrt();
            (0..n).map(|_| rng.random_range(-bound..bound)).collect()
        }
        _ => (0..n).map(|_| rng.random_range(-0.035..0.035)).collect(),
    }
}
