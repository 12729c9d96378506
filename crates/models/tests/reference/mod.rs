//! What the tests of the encoders share: the fixtures' files, and comparison with them.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::weights::{StoredTensor, Weights};

pub(crate) const TOLERANCE: f32 = 1e-4;

pub(crate) fn read(family: &str, file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Named tensors of a file.
pub(crate) struct Expected(pub(crate) Vec<u8>);

impl Expected {
    pub(crate) fn of(family: &str) -> Self {
        Self(read(family, "expected.safetensors"))
    }

    pub(crate) fn stored(&self, name: &str) -> StoredTensor {
        let file = Weights::from_safetensors(&self.0).unwrap();
        file.tensor(name).unwrap_or_else(|| panic!("no tensor `{name}`"))
    }

    pub(crate) fn values(&self, name: &str) -> Vec<f32> {
        self.stored(name).values
    }

    pub(crate) fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let StoredTensor { shape, values, .. } = self.stored(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

pub(crate) fn furthest(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "number of values");
    found.iter().zip(expected).map(|(a, b)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() }).fold(0.0, f32::max)
}

#[track_caller]
pub(crate) fn assert_close<const D: usize>(name: &str, found: Tensor<D>, expected: &[f32], tolerance: f32) {
    let found: Vec<f32> = found.try_into_vec_as().unwrap();
    let worst = furthest(&found, expected);
    println!("{name}: max |Δ| = {worst:.2e}");
    assert!(worst <= tolerance, "{name}: max |Δ| = {worst:.3e} > {tolerance:.0e}");
}
