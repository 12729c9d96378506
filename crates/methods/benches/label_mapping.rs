//! What counting and mapping cost at the size of `ImageNet`'s labels on a hundred classes.

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::RngExt;
use reprogram_methods::{Counts, Seed};

const N_SOURCE: usize = 1_000;
const N_TARGET: usize = 100;
const N_ITEMS: usize = 1_000;

fn label_mapping(criterion: &mut Criterion) {
    let mut rng = Seed::new(0).rng();
    let scores: Vec<f32> = (0..N_ITEMS * N_SOURCE).map(|_| rng.random_range(-3.0..3.0)).collect();
    let scores = Tensor::<2>::from_data(TensorData::new(scores, [N_ITEMS, N_SOURCE]), &Device::flex());
    let labels: Vec<usize> = (0..N_ITEMS).map(|item| item % N_TARGET).collect();
    criterion.bench_function("count predictions of 1000 items", |bencher| {
        bencher.iter(|| Counts::of_predictions(&scores, &labels, N_TARGET));
    });
    criterion.bench_function("count the top 15 probabilities of 1000 items", |bencher| {
        bencher.iter(|| Counts::of_probabilities(&scores, &labels, N_TARGET, 15));
    });
    let counts = Counts::of_predictions(&scores, &labels, N_TARGET);
    criterion.bench_function("one-to-one map 1000 × 100", |bencher| bencher.iter(|| counts.one_to_one()));
    criterion.bench_function("Bayesian map 1000 × 100", |bencher| bencher.iter(|| counts.bayesian(1.0)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = label_mapping
}
criterion_main!(benches);
