//! EfficientNet-Lite against PyTorch, on a tiny random network: features, logits, and the gradient of the pixels.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod reference;

use burn::tensor::{Device, Int, Tensor};
use reference::{Expected, TOLERANCE, assert_close, furthest, read};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, EfficientNet, EfficientNetConfig, Input, MbStage, Reading};
use reprogram_taxonomy::{Access, OutputSpace};

fn config() -> EfficientNetConfig {
    let stage = |(n_blocks, kernel, stride, expansion, channels)| MbStage { n_blocks, kernel, stride, expansion, channels };
    let stages = [(1, 3, 1, 1, 4), (2, 3, 2, 6, 6), (2, 5, 2, 6, 8), (1, 3, 1, 2, 8)];
    EfficientNetConfig {
        image_size: 30,
        stem: 8,
        stages: stages.map(stage).to_vec(),
        features: 24,
        n_classes: 7,
        ..EfficientNetConfig::lite0()
    }
}

fn load(config: &EfficientNetConfig) -> Result<EfficientNet, String> {
    let bytes = read("efficientnet", "model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    EfficientNet::load(config, "tiny", weights, &Device::flex()).map_err(|error| error.to_string())
}

#[test]
fn features_logits_and_gradient_of_pixels() {
    let (model, expected) = (load(&config()).unwrap(), Expected::of("efficientnet"));
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex().autodiff()).require_grad();
    let stream = model.blocks(model.embed(Input::Image(pixels.clone())));
    assert_close("features", model.read(&stream, Reading::Features), &expected.values("features"), TOLERANCE);
    let logits = model.read(&stream, Reading::Logits);
    assert_close("logits", logits.clone(), &expected.values("logits"), TOLERANCE);
    let labels: Vec<i32> = expected.values("labels").iter().map(|&label| label as i32).collect();
    let labels = Tensor::<1, Int>::from_ints(labels.as_slice(), &logits.device()).unsqueeze_dim::<2>(1);
    let loss = burn::tensor::activation::log_softmax(logits, 1).gather(1, labels).mean().neg();
    assert_close("loss", loss.clone(), &expected.values("loss"), 1e-5);
    let gradients = loss.backward();
    let gradient = expected.values("grad_pixel_values");
    let largest = gradient.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert_close("grad_pixel_values", pixels.grad(&gradients).unwrap(), &gradient, 1e-4 * largest);
}

#[test]
fn a_batch_changes_nothing() {
    let (model, expected) = (load(&config()).unwrap(), Expected::of("efficientnet"));
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex());
    let logits = |pixels| -> Vec<f32> { model.read(&model.embed(Input::Image(pixels)), Reading::Logits).try_into_vec_as().unwrap() };
    let eight = logits(pixels.clone().repeat_dim(0, 4));
    let alone: Vec<f32> = (0..8).flat_map(|i| logits(pixels.clone().narrow(0, i % 2, 1))).collect();
    let worst = furthest(&eight, &alone);
    println!("alone against a batch of 8: max |Δ| = {worst:.2e}");
    assert!(worst <= 1e-5, "max |Δ| = {worst:.3e}");
}

/// What makes its input one that may grow: features are means over places, so that more of the same changes little, and the
/// size alone nothing that it computes.
#[test]
fn a_wider_image_is_an_image() {
    let (model, expected) = (load(&config()).unwrap(), Expected::of("efficientnet"));
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex().autodiff());
    let [batch, channels, height, _] = pixels.dims();
    let strip = Tensor::<4>::zeros([batch, channels, height, 6], &pixels.device()).require_grad();
    let wide = Tensor::cat(vec![pixels.clone(), strip.clone()], 3);
    let logits = model.read(&model.embed(Input::Image(wide)), Reading::Logits);
    assert_eq!(logits.dims(), model.read(&model.embed(Input::Image(pixels)), Reading::Logits).dims());
    let gradient: Vec<f32> = strip.grad(&logits.sum().backward()).unwrap().try_into_vec_as().unwrap();
    assert!(gradient.iter().all(|slope| slope.is_finite()) && gradient.iter().any(|slope| slope.abs() > 1e-6), "the strip is seen");
}

#[test]
fn only_its_inputs_and_outputs_can_be_reached() {
    let model = load(&config()).unwrap();
    let card = model.card();
    assert_eq!((card.access, card.main.depth, card.output), (Access::InputOnly, 0, OutputSpace::Classes { n: 7 }));
    assert_eq!(EfficientNetConfig::lite0().stages.iter().map(|stage| stage.n_blocks).sum::<usize>(), 16);
}

#[test]
fn what_describes_no_model_is_refused() {
    let mut stages = config().stages;
    stages[1].kernel = 0;
    let bad = [
        EfficientNetConfig { stages, ..config() },
        EfficientNetConfig { mean: vec![0.5], ..config() },
        EfficientNetConfig { image_size: 0, ..config() },
        EfficientNetConfig { stages: config().stages[..3].to_vec(), ..config() },
        EfficientNetConfig { n_classes: 8, ..config() },
    ];
    insta::assert_snapshot!(bad.iter().map(|config| load(config).err().unwrap()).collect::<Vec<_>>().join("\n"));
}
