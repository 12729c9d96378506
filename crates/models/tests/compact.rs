//! Weights in fewer bits: how far from f32 outputs and gradients are, for every family, and what is exact.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use half::bf16;
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, HubCheckpoint, HubFiles, Input, Pixels, Reading, Storage, Stream, TokenBatch};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

const FAMILIES: [&str; 12] = ["vit", "deit", "dinov2", "clip", "siglip", "bert", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"];

fn folder(family: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family)
}

fn load(family: &str, bytes: &[u8], storage: Storage) -> Arc<dyn Backbone> {
    let read = |file: &str| std::fs::read(folder(family).join(file)).unwrap();
    let files = HubFiles::collect(|file| Ok::<_, ()>(folder(family).join(file).is_file().then(|| read(file)))).unwrap();
    let weights = Weights::from_safetensors(bytes).unwrap().kept_as(storage);
    HubCheckpoint { files: &files, weights, pixels: Pixels::Normalised }.load(family, &Device::flex()).unwrap()
}

fn stored(family: &str) -> Vec<u8> {
    std::fs::read(folder(family).join("model.safetensors")).unwrap()
}

/// The same file, every number of it rounded to bf16.
fn rounded(family: &str) -> Vec<u8> {
    let bytes = stored(family);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| {
            assert_eq!(view.dtype(), Dtype::F32, "{family}: {name}");
            let values = view.data().as_chunks::<4>().0.iter().map(|&bytes| bf16::from_f32(f32::from_le_bytes(bytes)).to_f32());
            (name.to_owned(), view.shape().to_vec(), values.flat_map(f32::to_le_bytes).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// Numbers between −1 and 1 that look random.
fn values(n: usize) -> Vec<f32> {
    (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

fn stream(model: &dyn Backbone) -> Stream {
    model.embed(match model.card().main.input {
        reprogram_taxonomy::InputSpace::Image { channels, height, width } => {
            let shape = [3, channels, height, width];
            Input::Image(Tensor::from_data(TensorData::new(values(shape.iter().product()), shape), &Device::flex()))
        }
        reprogram_taxonomy::InputSpace::Tokens { .. } => Input::Tokens(TokenBatch::new(vec![(3..15).collect(), (5..12).collect()])),
        reprogram_taxonomy::InputSpace::Waveform { .. } => panic!("no such fixture"),
    })
}

/// What a model makes of its input, and the gradient of a sum of that towards its embedding.
fn outputs(model: &dyn Backbone) -> [Vec<f32>; 2] {
    let stream = stream(model);
    let hidden = Tensor::<3>::from_data(stream.hidden().into_data(), &Device::flex().autodiff()).require_grad();
    let is_decoder = matches!(model.card().output, reprogram_taxonomy::OutputSpace::Vocabulary { .. });
    let reading = if is_decoder { Reading::Logits } else { Reading::Features };
    let read = model.read(&model.blocks(stream.with_hidden(hidden.clone())), reading);
    let weights = Tensor::from_data(TensorData::new(values(read.shape().num_elements()), read.dims()), &Device::flex());
    let gradients = (read.clone() * weights).sum().backward();
    [read.inner().try_into_vec_as().unwrap(), hidden.grad(&gradients).unwrap().try_into_vec_as().unwrap()]
}

/// The Euclidean distance as a share of the length.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    square(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / square(&mut expected.iter().copied())
}

/// Outputs stay this close to those of f32, as a share of their length, and gradients within five times that. The networks are random
/// and their matrices small, so that errors average out less than in a real one.
#[test]
fn outputs_and_gradients_are_near_those_of_f32() {
    for family in FAMILIES {
        let bytes = stored(family);
        let exact = outputs(load(family, &bytes, Storage::Floats).as_ref());
        for (storage, bound) in [(Storage::Bf16, 0.01), (Storage::Int8, 0.04)] {
            let found = outputs(load(family, &bytes, storage).as_ref());
            let [output, gradient] = [0, 1].map(|i| distance(&found[i], &exact[i]));
            println!("{family}, {storage:?}: outputs {output:.1e}, gradients {gradient:.1e}");
            assert!(output > 0.0 && output < bound && gradient < 5.0 * bound, "{family}, {storage:?}: {output}, {gradient}");
        }
    }
}

/// Where a file holds nothing but numbers of bf16, to keep them as such changes sums by rounding alone.
#[test]
fn weights_of_bf16_are_kept_exactly() {
    for family in FAMILIES {
        let bytes = rounded(family);
        let [exact, found] = [Storage::Floats, Storage::Bf16].map(|storage| outputs(load(family, &bytes, storage).as_ref()));
        for (found, exact) in found.iter().zip(&exact) {
            assert!(distance(found, exact) < 1e-5, "{family}: {}", distance(found, exact));
        }
    }
}
