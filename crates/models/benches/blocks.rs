//! What blocks cost, forward and backward, on networks with made-up weights.

use burn::tensor::{Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use reprogram_models::weights::{Loader, Weights};
use reprogram_models::{
    Backbone, Frozen, Input, Llama, LlamaConfig, PlainVit, Reading, TokenBatch, Vit, VitConfig,
    blocks::{Activation, Heads},
};
use safetensors::tensor::{Dtype, TensorView};

/// Numbers between −.1 and .1 that look random.
fn values(n: usize) -> Vec<f32> {
    (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 8) as f32 / 83_886_080.0 - 0.1).collect()
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
    let config = VitConfig::try_from(plain).expect("a coherent configuration");
    let loader = Loader::initialise(Box::new(|_, shape| values(shape.iter().product())), device);
    Frozen::new(Vit::from_loader(&config, "vit", loader).expect("a coherent configuration").0)
}

fn llama(device: &Device) -> Llama {
    let heads = Heads { query: 4, key_value: 2, dim: 32 };
    let config = LlamaConfig::plain(128, 1, heads, 384, 64, 128);
    let matrices = [("q", 128, 128), ("k", 64, 128), ("v", 64, 128), ("o", 128, 128)]
        .map(|(name, rows, columns)| (format!("self_attn.{name}_proj"), rows, columns));
    let mlp =
        [("gate", 384, 128), ("up", 384, 128), ("down", 128, 384)].map(|(name, rows, columns)| (format!("mlp.{name}_proj"), rows, columns));
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![64, 128]), ("model.norm.weight".to_owned(), vec![128])];
    shapes.extend(
        matrices.into_iter().chain(mlp).map(|(name, rows, columns)| (format!("model.layers.0.{name}.weight"), vec![rows, columns])),
    );
    shapes.extend(["input_layernorm", "post_attention_layernorm"].map(|name| (format!("model.layers.0.{name}.weight"), vec![128])));
    let bytes: Vec<u8> = values(384 * 128).iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = |shape: &[usize]| TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..4 * shape.iter().product::<usize>()]);
    let views = shapes.iter().map(|(name, shape)| (name, view(shape).expect("as many bytes as the shape says")));
    let file = safetensors::serialize(views, None).expect("consistent views");
    let weights = Weights::from_safetensors(&file).expect("just written");
    Llama::load(&config, "llama", weights, None, device).expect("every tensor is there")
}

fn blocks(criterion: &mut Criterion) {
    let device = Device::flex();
    let vit = vit(&device);
    let stream = vit.embed(Input::Image(Tensor::full([64, 1, 28, 28], 0.5, &device)));
    criterion.bench_function("vit 3 × 96, 64 images, forward", |bencher| bencher.iter(|| vit.blocks(stream.clone()).hidden().into_data()));

    let llama = llama(&device);
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

criterion_group!(benches, blocks);
criterion_main!(benches);
