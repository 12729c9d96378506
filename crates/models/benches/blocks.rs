//! What blocks cost, forward and backward, on networks with made-up weights.

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use reprogram_models::weights::{Loader, Weights};
use reprogram_models::{
    Backbone, Frozen, Fusion, Input, Llama, LlamaConfig, PlainVit, Reading, Storage, Stream, TokenBatch, Vit, VitConfig,
    blocks::{Activation, Heads},
};
use safetensors::tensor::{Dtype, TensorView};

/// Numbers between −.1 and .1 that look random.
fn values(n: usize) -> Vec<f32> {
    (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 8) as f32 / 83_886_080.0 - 0.1).collect()
}

fn vit_of(config: &VitConfig, device: &Device) -> Frozen<Vit> {
    let loader = Loader::initialise(Box::new(|_, shape| values(shape.iter().product())), device);
    Frozen::new(Vit::from_loader(config, "vit", loader).expect("a coherent configuration").0)
}

/// As large as letters-vit.
fn vit(device: &Device) -> Frozen<Vit> {
    let plain = PlainVit {
        hidden_size: 96,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        intermediate_size: 384,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-12,
        image_size: 28,
        patch_size: 4,
        num_channels: 1,
        num_labels: 52,
        image_mean: vec![0.5],
        image_std: vec![0.5],
    };
    vit_of(&VitConfig::try_from(plain).expect("a coherent configuration"), device)
}

/// One block of a ViT-S/16, 197 tokens.
fn small_vit(device: &Device) -> Frozen<Vit> {
    let plain = PlainVit {
        hidden_size: 384,
        num_hidden_layers: 1,
        num_attention_heads: 6,
        intermediate_size: 1536,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-6,
        image_size: 224,
        patch_size: 16,
        num_channels: 3,
        num_labels: 10,
        image_mean: vec![0.5; 3],
        image_std: vec![0.5; 3],
    };
    vit_of(&VitConfig::try_from(plain).expect("a coherent configuration"), device)
}

/// One block, so wide; 64 tokens are known.
fn llama(dim: usize, heads: Heads, hidden: usize, storage: Storage, device: &Device) -> Llama {
    let config = LlamaConfig::plain(dim, 1, heads, hidden, 64, 256);
    let (queries, keys) = (heads.query * heads.dim, heads.key_value * heads.dim);
    let matrices = [("q", queries, dim), ("k", keys, dim), ("v", keys, dim), ("o", dim, queries)]
        .map(|(name, rows, columns)| (format!("self_attn.{name}_proj"), rows, columns));
    let mlp = [("gate", hidden, dim), ("up", hidden, dim), ("down", dim, hidden)]
        .map(|(name, rows, columns)| (format!("mlp.{name}_proj"), rows, columns));
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![64, dim]), ("model.norm.weight".to_owned(), vec![dim])];
    shapes.extend(
        matrices.into_iter().chain(mlp).map(|(name, rows, columns)| (format!("model.layers.0.{name}.weight"), vec![rows, columns])),
    );
    shapes.extend(["input_layernorm", "post_attention_layernorm"].map(|name| (format!("model.layers.0.{name}.weight"), vec![dim])));
    let bytes: Vec<u8> = values(hidden * dim).iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = |shape: &[usize]| TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..4 * shape.iter().product::<usize>()]);
    let views = shapes.iter().map(|(name, shape)| (name, view(shape).expect("as many bytes as the shape says")));
    let file = safetensors::serialize(views, None).expect("consistent views");
    let weights = Weights::from_safetensors(&file).expect("just written").kept_as(storage);
    Llama::load(&config, "llama", weights, None, device).expect("every tensor is there")
}

fn blocks(criterion: &mut Criterion) {
    let device = Device::flex();
    let vit = vit(&device);
    let stream = vit.embed(Input::Image(Tensor::full([64, 1, 28, 28], 0.5, &device)));
    criterion.bench_function("vit 3 × 96, 64 images, forward", |bencher| bencher.iter(|| vit.blocks(stream.clone()).hidden().into_data()));

    let llama = llama(128, Heads { query: 4, key_value: 2, dim: 32 }, 384, Storage::Floats, &device);
    let rows = TokenBatch::new(vec![(0..64).collect(); 4]);
    let stream = llama.embed(Input::Tokens(rows));
    criterion.bench_function("llama block 128, 4 × 64 tokens, forward", |bencher| {
        bencher.iter(|| llama.block(0, stream.clone()).hidden().into_data());
    });
    criterion.bench_function("llama block 128, 4 × 64 tokens, forward and backward to a prompt of 8", |bencher| {
        bencher.iter(|| {
            let prompt = Tensor::<3>::full([1, 8, 128], 0.1, &device.clone().autodiff()).require_grad();
            let stream = llama.blocks(stream.clone().insert_prompt(prompt.clone()));
            let loss = llama.read(&stream, Reading::Logits).mean();
            prompt.grad(&loss.backward()).expect("the prompt is learnable").into_data()
        });
    });
}

/// One block forward, and there and back to its input, as one operation and spelled out.
fn block(criterion: &mut Criterion, name: &str, model: &dyn Backbone, stream: &Stream) {
    for (path, fusion) in [("fused", Fusion::Always), ("spelled out", Fusion::Never)] {
        let stream = stream.clone().with_fusion(fusion);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        group.bench_function(format!("{path}, forward"), |bencher| bencher.iter(|| model.block(0, stream.clone()).hidden()));
        let hidden = Tensor::<3>::from_data(stream.hidden().into_data(), &Device::flex().autodiff()).require_grad();
        let tracked = stream.with_hidden(hidden.clone());
        group.bench_function(format!("{path}, forward and vjp"), |bencher| {
            bencher.iter(|| hidden.grad(&model.block(0, tracked.clone()).hidden().sum().backward()).expect("the input is tracked"));
        });
    }
}

fn real_sizes(criterion: &mut Criterion) {
    let device = Device::flex();
    let vit = small_vit(&device);
    let image = Tensor::from_data(TensorData::new(values(16 * 3 * 224 * 224), [16, 3, 224, 224]), &device);
    block(criterion, "ViT-S-16 block, 16 × 197", &vit, &vit.embed(Input::Image(image)));
    let rows = TokenBatch::new((0..8).map(|row| (0..128).map(|i| (i * 7 + row) % 64).collect()).collect());
    let few = TokenBatch::new(vec![(0..32).collect()]);
    for (storage, kept) in [(Storage::Floats, ""), (Storage::Bf16, " in bf16"), (Storage::Int8, " in int8")] {
        let llama = llama(576, Heads { query: 9, key_value: 3, dim: 64 }, 1536, storage, &device);
        block(criterion, &format!("SmolLM2-135M block{kept}, 8 × 128"), &llama, &llama.embed(Input::Tokens(rows.clone())));
        // So few tokens that packing shows.
        block(criterion, &format!("SmolLM2-135M block{kept}, 1 × 32"), &llama, &llama.embed(Input::Tokens(few.clone())));
    }
}

criterion_group!(benches, blocks, real_sizes);
criterion_main!(benches);
