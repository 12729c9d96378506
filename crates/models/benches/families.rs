//! What a step of each family costs, forward and backward to the embedding: on the tiny random networks of the parity tests, so
//! that what is seen is the way through a family, not the arithmetic of a size.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, HubCheckpoint, HubFiles, Input, Pixels, Reading, TokenBatch};
use reprogram_taxonomy::InputSpace;

/// Those in the hub's layout.
const FAMILIES: [&str; 13] =
    ["vit", "deit", "dinov2", "clip", "siglip", "bert", "llama", "llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"];
const ITEMS: usize = 16;

fn load(family: &str) -> std::sync::Arc<dyn Backbone> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family);
    let read = |file: &str| std::fs::read(folder.join(file));
    let files = HubFiles::collect(|file| if folder.join(file).is_file() { read(file).map(Some) } else { Ok(None) });
    let bytes = read("model.safetensors").expect("a fixture has weights");
    let weights = Weights::from_safetensors(&bytes).expect("of the parity tests");
    let checkpoint = HubCheckpoint { files: &files.expect("they can be read"), weights, pixels: Pixels::Normalised };
    checkpoint.load(family, &Device::flex()).expect("of the parity tests")
}

fn input(model: &dyn Backbone) -> Input {
    match model.card().main.input {
        InputSpace::Image { channels, height, width } => {
            let shape = [ITEMS, channels, height, width];
            let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i % 97) as f32 / 97.0).collect();
            Input::Image(Tensor::from_data(TensorData::new(values, shape), &Device::flex()))
        }
        InputSpace::Tokens { .. } => Input::Tokens(TokenBatch::new(vec![(3..15).collect(); ITEMS])),
        InputSpace::Waveform { .. } => panic!("no family in the hub's layout takes recordings"),
    }
}

fn families(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step of a tiny");
    for family in FAMILIES {
        let model = load(family);
        let stream = model.embed(input(model.as_ref()));
        let hidden = Tensor::<3>::from_data(stream.hidden().into_data(), &Device::flex().autodiff()).require_grad();
        let tracked = stream.with_hidden(hidden.clone());
        group.bench_function(family, |bencher| {
            bencher.iter(|| {
                let features = model.read(&model.blocks(tracked.clone()), Reading::Features);
                hidden.grad(&features.sum().backward()).expect("the embedding is tracked")
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = families
}
criterion_main!(benches);
