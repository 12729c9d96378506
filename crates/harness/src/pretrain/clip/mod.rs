//! `tiny-clip-cifar`: a small two-tower model of photographs and captions, to be reprogrammed where no hub can be reached.
//!
//! Both towers are trained from nothing on CIFAR-10 and a tenth of Tiny ImageNet, 32 × 32 pixels, with the names of classes in
//! sentences for captions. A tenth of Tiny ImageNet's classes is held out: no photograph and no name of them is trained on.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020, figure 3. A batch here holds many photographs of the same class, so that all captions of
//! a photograph's class count as its own, in equal shares (Khosla et al., arXiv 2004.11362, with classes for labels).

pub mod captions;
pub mod photos;
pub mod vocabulary;
pub mod zero_shot;

use std::ops::ControlFlow;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand::RngExt;
use reprogram_methods::{Schedule, Seed};
use reprogram_models::blocks::Activation;
use reprogram_models::weights::{Loader, StoredTensor, WeightsError};
use reprogram_models::{ClipConfig, ClipModel, ClipTower, Input, JointSpace, TextEnd, TokenBatch};

use photos::{Class, EDGE, Framing, PhotoSet, image_tensor};
use vocabulary::{END_ID, Vocabulary};

/// Longest caption in tokens.
pub const CONTEXT: usize = 24;
/// Distinct tokens at most.
pub const VOCABULARY: usize = 1_000;
/// The similarity's factor may not be larger than this (Radford et al., section 2.5).
const LARGEST_SCALE: f32 = 100.0;
/// The factor at the start.
const FIRST_SCALE: f32 = 1.0 / 0.07;

/// How long, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipRecipe {
    /// Of initialisation, order, captions and augmentation.
    pub seed: u64,
    /// Gradient steps; the learning rate's cosine ends with the last.
    pub steps: usize,
    /// Photographs, and captions, a step.
    pub batch_size: usize,
    /// At the top of its cosine.
    pub learning_rate: f64,
    /// Share of a batch that comes from the second source.
    pub second_share: f64,
}

impl Default for ClipRecipe {
    fn default() -> Self {
        Self { seed: 0, steps: 4_500, batch_size: 128, learning_rate: 1e-3, second_share: 0.3 }
    }
}

/// What is trained on: photographs of two sources, whose classes are counted on.
pub struct Corpus {
    /// The classes of both, the first source's first.
    pub classes: Vec<Class>,
    /// Labels are places among `classes`.
    pub sources: [PhotoSet; 2],
}

/// Where the training is.
pub struct Moment<'a> {
    /// Steps done.
    pub step: usize,
    /// Of the last step.
    pub loss: f32,
    /// Makes the tensors as they are now.
    pub tensors: &'a dyn Fn() -> Vec<StoredTensor>,
}

/// The trained model.
pub struct TrainedClip {
    /// The tensors in the hub's layout.
    pub tensors: Vec<StoredTensor>,
    /// Steps done: fewer than asked for where the training was ended early.
    pub steps: usize,
}

/// The architecture: 1.6 million parameters.
pub fn config(vocabulary: usize) -> ClipConfig {
    let tower = |dim, depth, n_heads| ClipTower { dim, depth, n_heads, hidden: 4 * dim, activation: Activation::QuickGelu, eps: 1e-5 };
    ClipConfig {
        vision: tower(128, 5, 4),
        image_size: EDGE,
        patch_size: 8,
        n_channels: 3,
        text: tower(128, 2, 4),
        vocabulary,
        context: CONTEXT,
        end: TextEnd::First(END_ID),
        joint_dim: 128,
        image_mean: vec![0.49, 0.48, 0.44],
        image_std: vec![0.25, 0.25, 0.26],
    }
}

/// Trains both towers. `watch` sees every step and may end it.
pub fn train(
    corpus: &Corpus,
    vocabulary: &Vocabulary,
    recipe: ClipRecipe,
    device: &Device,
    mut watch: impl FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<TrainedClip, WeightsError> {
    let seed = Seed::new(recipe.seed);
    let (mut model, manifest) = {
        let mut rng = seed.fork("initialisation").rng();
        let initialiser = move |name: &str, shape: &[usize]| initial_values(name, shape, &mut rng);
        let loader = Loader::initialise(Box::new(initialiser), &device.clone().autodiff());
        ClipModel::from_loader(&config(vocabulary.size()), loader)?
    };
    let clipping = GradientClippingConfig::Norm(1.0);
    let mut optimizer =
        AdamWConfig::new().with_beta_2(0.98).with_epsilon(1e-8).with_weight_decay(0.05).with_grad_clipping(Some(clipping)).init();
    let mut rng = seed.fork("batches").rng();
    let warmup = recipe.steps / 20 + 1;
    let mut steps = 0;
    while steps < recipe.steps {
        let batch = Batch::draw(corpus, vocabulary, recipe, &mut rng);
        let loss = loss(&model, batch, device);
        let value: f32 = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let warm = ((steps + 1) as f64 / warmup as f64).min(1.0);
        let rate = recipe.learning_rate * warm * Schedule::Cosine.factor(steps, recipe.steps);
        model = optimizer.step(rate, model, gradients);
        steps += 1;
        let tensors = || bounded(manifest.export(&model));
        if watch(&Moment { step: steps, loss: value, tensors: &tensors }).is_break() {
            break;
        }
    }
    Ok(TrainedClip { tensors: bounded(manifest.export(&model.valid())), steps })
}

/// Photographs and captions of the same classes.
struct Batch {
    pixels: Vec<f32>,
    rows: Vec<Vec<u32>>,
    labels: Vec<usize>,
}

impl Batch {
    fn draw(corpus: &Corpus, vocabulary: &Vocabulary, recipe: ClipRecipe, rng: &mut impl RngExt) -> Self {
        let mut batch = Self { pixels: Vec::new(), rows: Vec::new(), labels: Vec::new() };
        for _ in 0..recipe.batch_size {
            let source = &corpus.sources[usize::from(rng.random_range(0.0..1.0) < recipe.second_share)];
            let place = rng.random_range(0..source.len());
            source.write(place, Framing::random(rng), &mut batch.pixels);
            let label = source.labels[place];
            batch.rows.push(vocabulary.encode(&captions::random_caption(&corpus.classes[label].names, rng)));
            batch.labels.push(label);
        }
        batch
    }
}

/// Cross-entropy of the similarities, over captions for each photograph and over photographs for each caption, halved.
fn loss(model: &ClipModel, batch: Batch, device: &Device) -> Tensor<1> {
    let n = batch.labels.len();
    let targets = Tensor::from_data(TensorData::new(targets(&batch.labels), [n, n]), device);
    let images = JointSpace::normalise(model.encode(Input::Image(image_tensor(batch.pixels, n, device))));
    let texts = JointSpace::normalise(model.encode(Input::Tokens(TokenBatch::new(batch.rows))));
    let scale = model.logit_scale().clamp(0.0, LARGEST_SCALE.ln()).exp();
    let logits = images.matmul(texts.transpose()) * scale.unsqueeze();
    let both = activation::log_softmax(logits.clone(), 1) + activation::log_softmax(logits, 0);
    (both * targets).sum().div_scalar(-2.0 * n as f64)
}

/// Row by row, equal shares for all items of the row's class; symmetric, since classes are.
fn targets(labels: &[usize]) -> Vec<f32> {
    let row = |label: usize| {
        let share = 1.0 / labels.iter().filter(|&&other| other == label).count() as f32;
        labels.iter().map(move |&other| if other == label { share } else { 0.0 })
    };
    labels.iter().flat_map(|&label| row(label)).collect()
}

/// The factor was bounded in training; the file says the bounded one.
fn bounded(mut tensors: Vec<StoredTensor>) -> Vec<StoredTensor> {
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name == "logit_scale") {
        tensor.values.iter_mut().for_each(|value| *value = value.clamp(0.0, LARGEST_SCALE.ln()));
    }
    tensors
}

/// Normalisations start as the identity, biases at zero, embeddings uniform within ±.035, matrices Xavier-uniform, those at a
/// branch's end a third of it.
fn initial_values(name: &str, shape: &[usize], rng: &mut impl RngExt) -> Vec<f32> {
    let n: usize = shape.iter().product();
    let mut within = |bound: f32| (0..n).map(|_| rng.random_range(-bound..bound)).collect();
    match shape {
        _ if name == "logit_scale" => vec![FIRST_SCALE.ln(); n],
        _ if name.ends_with("bias") => vec![0.0; n],
        _ if name.contains("embedding.weight") && !name.contains("patch") => within(0.035),
        [_] if name.ends_with("class_embedding") => within(0.035),
        [output, rest @ ..] if !rest.is_empty() => {
            let input: usize = rest.iter().product();
            let gain = if name.contains("out_proj") || name.contains("fc2") { 1.0 / 3.0 } else { 1.0 };
            within(gain * (6.0 / (input + output) as f32).sqrt())
        }
        _ => vec![1.0; n],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_captions_of_a_class_are_right() {
        assert_eq!(targets(&[4, 1, 4]), [0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 0.5, 0.0, 0.5]);
    }

    #[test]
    fn initial_values_know_their_tensors() {
        let mut rng = Seed::new(0).rng();
        let mut initial = |name: &str, shape: &[usize]| initial_values(name, shape, &mut rng);
        assert_eq!(initial("vision_model.post_layernorm.weight", &[3]), [1.0; 3]);
        assert_eq!(initial("vision_model.post_layernorm.bias", &[3]), [0.0; 3]);
        assert!((initial("logit_scale", &[1])[0] - 2.659).abs() < 1e-3);
        for (name, shape) in [("vision_model.embeddings.class_embedding", &[64][..]), ("a.position_embedding.weight", &[9, 64])] {
            assert!(initial(name, shape).iter().all(|value| value.abs() < 0.035), "{name}");
        }
        let patches = initial("vision_model.embeddings.patch_embedding.weight", &[64, 3, 4, 4]);
        assert!(patches.iter().any(|value| value.abs() > 0.1));
    }
}
