//! What a training step costs, forward and backward, and what eight trials cost together: on a vision transformer as large as
//! `vit-cifar10` with made-up weights.

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::RngExt;
use reprogram_methods::{Batch, Fused, Method, NO_ENCODERS, Placement, Program, Seed, Setup, Target, catalog};
use reprogram_models::blocks::Activation;
use reprogram_models::weights::Loader;
use reprogram_models::{Backbone, Frozen, PlainVit, Vit, VitConfig, cross_entropy};

const N_CLASSES: usize = 10;
const BATCH: usize = 16;
const N_TRIALS: usize = 8;
const PLACEMENT: Placement = Placement { canvas: [32, 32], image: [24, 24] };

fn uniform(name: &str, n: usize) -> Vec<f32> {
    let mut rng = Seed::new(0).fork(name).rng();
    (0..n).map(|_| rng.random_range(-0.1..0.1)).collect()
}

fn backbone(device: &Device) -> Frozen<Vit> {
    let plain = PlainVit {
        hidden_size: 128,
        num_hidden_layers: 6,
        num_attention_heads: 8,
        intermediate_size: 512,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-6,
        image_size: 32,
        patch_size: 4,
        num_channels: 3,
        num_labels: 100,
        image_mean: vec![0.5; 3],
        image_std: vec![0.5; 3],
    };
    let config = VitConfig::try_from(plain).expect("a coherent configuration");
    let loader = Loader::initialise(Box::new(|name, shape| uniform(name, shape.iter().product())), device);
    Frozen::new(Vit::from_loader(&config, "vit", loader).expect("a coherent configuration").0)
}

fn program(backbone: &dyn Backbone, method: &Method, seed: u64) -> Program {
    let target = Target {
        classes: (0..N_CLASSES).map(|i| format!("class {i}")).collect(),
        template: None,
        shares_source_labels: false,
        horizon: None,
    };
    let device = backbone.device().autodiff();
    let seed = Seed::new(seed);
    let setup = Setup {
        encoders: NO_ENCODERS,
        backbone,
        device: &device,
        target: &target,
        placement: Some(PLACEMENT),
        train_texts: &[],
        worked_examples: &[],
        seed,
    };
    method.build(&setup).expect("a method that fits")
}

fn step(backbone: &dyn Backbone, programs: &[&Program], batch: &Batch, labels: &[usize]) {
    let fused = Fused::new(programs).expect("programs of one method");
    let losses = fused.forward(backbone, &vec![batch.clone(); programs.len()]).into_iter().map(|scores| cross_entropy(scores, labels));
    let total = losses.reduce(|sum, loss| sum + loss).expect("at least one program");
    let _ = total.backward();
}

fn steps(criterion: &mut Criterion) {
    let device = Device::flex();
    let backbone = backbone(&device);
    let pixels = TensorData::new(uniform("images", BATCH * 3 * 32 * 32), [BATCH, 3, 32, 32]);
    let batch = Batch::Images(Tensor::from_data(pixels, &device));
    let labels: Vec<usize> = (0..BATCH).map(|item| item % N_CLASSES).collect();
    for name in ["vp-rlm", "vpt-shallow", "vpt-deep"] {
        let method = (catalog::find(name).expect("a catalogued method").method)();
        let programs: Vec<Program> = (0..N_TRIALS as u64).map(|seed| program(&backbone, &method, seed)).collect();
        let all: Vec<&Program> = programs.iter().collect();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function("one trial", |bencher| bencher.iter(|| step(&backbone, &all[..1], &batch, &labels)));
        group.throughput(Throughput::Elements((N_TRIALS * BATCH) as u64));
        group.bench_function("eight trials apart", |bencher| {
            bencher.iter(|| all.iter().for_each(|one| step(&backbone, &[one], &batch, &labels)));
        });
        group.bench_function("eight trials fused", |bencher| bencher.iter(|| step(&backbone, &all, &batch, &labels)));
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = steps
}
criterion_main!(benches);
