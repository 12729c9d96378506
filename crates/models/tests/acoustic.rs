//! The acoustic encoder against ONNX Runtime and PyTorch, on a tiny random network in the two graphs' own form.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod reference;

use burn::tensor::{Device, Tensor};
use reference::{Expected, TOLERANCE, assert_close, furthest, read};
use reprogram_models::{Acoustic, Backbone, Input, Reading};
use reprogram_taxonomy::{Access, InputSpace, Modality, OutputSpace};

const SAMPLES: usize = 611;

fn graphs() -> [Vec<u8>; 2] {
    ["mel.onnx", "network.onnx"].map(|file| read("acoustic", file))
}

fn load([mel, network]: &[Vec<u8>; 2], samples: usize) -> Result<Acoustic, String> {
    Acoustic::from_onnx(mel, network, samples, "tiny", &Device::flex()).map_err(|error| error.to_string())
}

#[test]
fn windows_features_and_gradient_of_the_waveform() {
    let (model, expected) = (load(&graphs(), SAMPLES).unwrap(), Expected::of("acoustic"));
    let device = Device::flex().autodiff();
    let waveform = expected.tensor::<2>("waveform", &device).require_grad();
    let stream = model.blocks(model.embed(Input::Waveform(waveform.clone())));
    assert_close("windows", stream.hidden(), &expected.values("windows"), TOLERANCE);
    let features = model.read(&stream, Reading::Features);
    assert_close("features", features.clone(), &expected.values("features"), TOLERANCE);
    let gradients = (features * expected.tensor("probe", &device)).sum().backward();
    let gradient = expected.values("grad_waveform");
    let largest = gradient.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert_close("grad_waveform", waveform.grad(&gradients).unwrap(), &gradient, 1e-4 * largest);
}

#[test]
fn the_least_power_bounds_silence() {
    let (model, expected) = (load(&graphs(), SAMPLES).unwrap(), Expected::of("acoustic"));
    let quiet = model.embed(Input::Waveform(expected.tensor("quiet.waveform", &Device::flex())));
    assert_close("quiet.features", model.read(&quiet, Reading::Features), &expected.values("quiet.features"), TOLERANCE);
    let silence = model.embed(Input::Waveform(Tensor::zeros([1, SAMPLES], &Device::flex())));
    let silence: Vec<f32> = model.read(&silence, Reading::Features).try_into_vec_as().unwrap();
    assert!(silence.iter().all(|value| value.is_finite()), "{silence:?}");
}

/// A loud recording beside a quiet one does not raise the quiet one's bound.
#[test]
fn a_batch_changes_nothing() {
    let (model, expected) = (load(&graphs(), SAMPLES).unwrap(), Expected::of("acoustic"));
    let waveform = expected.tensor::<2>("waveform", &Device::flex());
    let features =
        |waveform| -> Vec<f32> { model.read(&model.embed(Input::Waveform(waveform)), Reading::Features).try_into_vec_as().unwrap() };
    let eight = features(waveform.clone().repeat_dim(0, 3).narrow(0, 0, 8));
    let alone: Vec<f32> = (0..8).flat_map(|i| features(waveform.clone().narrow(0, i % 3, 1))).collect();
    let worst = furthest(&eight, &alone);
    println!("alone against a batch of 8: max |Δ| = {worst:.2e}");
    assert!(worst <= 1e-5, "max |Δ| = {worst:.3e}");
}

#[test]
fn it_takes_recordings_and_gives_features() {
    let model = load(&graphs(), SAMPLES).unwrap();
    let card = model.card();
    assert_eq!((card.modality(), card.access), (Modality::Audio, Access::InputOnly));
    assert_eq!(card.main.input, InputSpace::Waveform { samples: SAMPLES, rate: 16_000 });
    assert_eq!((card.main.depth, card.output), (0, OutputSpace::Features { dim: 5 }));
}

/// A name in a file, replaced by one of the same length, wherever it stands.
fn replaced(bytes: &[u8], name: &str, other: &str) -> Vec<u8> {
    replaced_from(bytes, name, other, 0)
}

/// The same, the first places left as they are.
fn replaced_from(bytes: &[u8], name: &str, other: &str, n_kept: usize) -> Vec<u8> {
    assert_eq!(name.len(), other.len());
    let mut out = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - name.len()).filter(|&at| bytes[at..].starts_with(name.as_bytes())).collect();
    assert!(!places.is_empty(), "`{name}` is in the file");
    for at in places.into_iter().skip(n_kept) {
        out[at..at + name.len()].copy_from_slice(other.as_bytes());
    }
    out
}

#[test]
fn graphs_of_another_form_are_refused() {
    let [mel, network] = graphs();
    let bad = [
        ([network.clone(), mel.clone()], SAMPLES),
        ([mel.clone(), mel.clone()], SAMPLES),
        ([mel.clone(), network.clone()], 283),
        ([replaced(&mel, "ReduceMax", "ReduceSum"), network.clone()], SAMPLES),
        ([replaced(&mel, "strides", "slowest"), network.clone()], SAMPLES),
        ([mel.clone(), replaced(&network, "LeakyRelu", "HardSwish")], SAMPLES),
        ([mel.clone(), replaced_from(&network, "leaky4", "other4", 2)], SAMPLES),
        ([mel.clone(), replaced(&network, "strides", "slowest")], SAMPLES),
        ([mel.clone(), replaced(&network, "conv5.bias", "conv4.bias")], SAMPLES),
        ([mel.clone(), network[..network.len() / 2].to_vec()], SAMPLES),
    ];
    let errors: Vec<String> = bad.iter().map(|(graphs, samples)| load(graphs, *samples).err().unwrap()).collect();
    insta::assert_snapshot!(errors.join("\n"));
}
