//! A tiny classifier of sounds: the acoustic fixture's two graphs, and labels with seeded weights.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_methods::Placement;
use reprogram_models::Acoustic;
use reprogram_models::weights::Weights;
use safetensors::tensor::{Dtype, TensorView};

use super::uniform;

/// Samples of a recording.
pub(crate) const SAMPLES: usize = 611;
/// Values of a series.
pub(crate) const SERIES: usize = 40;
/// Features.
pub(crate) const DIM: usize = 5;
/// Where a series lies.
pub(crate) const LAID: Placement = Placement { canvas: [1, SAMPLES], image: [1, SERIES] };

/// The classifier, of so many source classes.
pub(crate) fn classifier(n_sources: usize, device: &Device) -> Acoustic {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/acoustic");
    let [mel, network] = ["mel.onnx", "network.onnx"].map(|file| std::fs::read(folder.join(file)).unwrap());
    let encoder = Acoustic::from_onnx(&mel, &network, SAMPLES, "toy-sounds", device).unwrap();
    let bytes = |name: &str, n: usize| -> Vec<u8> { uniform(name, n, 2.0).into_iter().flat_map(f32::to_le_bytes).collect() };
    let (weight, bias) = (bytes("head.weight", n_sources * DIM), bytes("head.bias", n_sources));
    let views = [
        ("head.weight", TensorView::new(Dtype::F32, vec![n_sources, DIM], &weight).unwrap()),
        ("head.bias", TensorView::new(Dtype::F32, vec![n_sources], &bias).unwrap()),
    ];
    let file = safetensors::serialize(views, None).unwrap();
    encoder.with_head(Weights::from_safetensors(&file).unwrap()).unwrap()
}

/// Series in the middle of silence, `[n, sample]`.
pub(crate) fn series(n: usize) -> Tensor<2> {
    let start = LAID.offset()[1];
    let values = uniform("series", n * SERIES, 1.0);
    let sample = |i: usize| {
        let (item, at) = (i / SAMPLES, i % SAMPLES);
        if (start..start + SERIES).contains(&at) { values[item * SERIES + at - start] } else { 0.0 }
    };
    Tensor::from_data(TensorData::new((0..n * SAMPLES).map(sample).collect::<Vec<f32>>(), [n, SAMPLES]), &Device::flex())
}
