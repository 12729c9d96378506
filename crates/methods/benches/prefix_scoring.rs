//! What scoring costs behind shared demonstrations: each text whole, or what texts share once. A network with made-up weights.

use burn::tensor::Device;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use reprogram_methods::{PairScore, Scorer};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, EncodedPair, Input, Llama, LlamaConfig, PrefixCache, Reading, TokenAt, TokenBatch, blocks::Heads};
use safetensors::tensor::{Dtype, TensorView};

const VOCABULARY: usize = 512;

fn llama() -> Llama {
    let config = LlamaConfig::plain(128, 2, Heads { query: 4, key_value: 2, dim: 32 }, 384, VOCABULARY, 512);
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, 128]), ("model.norm.weight".to_owned(), vec![128])];
    for layer in 0..2 {
        let block = [
            ("input_layernorm", vec![128]),
            ("self_attn.q_proj", vec![128, 128]),
            ("self_attn.k_proj", vec![64, 128]),
            ("self_attn.v_proj", vec![64, 128]),
            ("self_attn.o_proj", vec![128, 128]),
            ("post_attention_layernorm", vec![128]),
            ("mlp.gate_proj", vec![384, 128]),
            ("mlp.up_proj", vec![384, 128]),
            ("mlp.down_proj", vec![128, 384]),
        ];
        shapes.extend(block.into_iter().map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)));
    }
    // Numbers between −.1 and .1 that look random.
    let value = |i: u32| (i.wrapping_mul(2_654_435_769) >> 8) as f32 / 83_886_080.0 - 0.1;
    let bytes: Vec<u8> = (0..(VOCABULARY * 128) as u32).flat_map(|i| value(i).to_le_bytes()).collect();
    let view = |shape: &[usize]| TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..4 * shape.iter().product::<usize>()]);
    let views = shapes.iter().map(|(name, shape)| (name, view(shape).expect("as many bytes as the shape says")));
    let file = safetensors::serialize(views, None).expect("consistent views");
    let weights = Weights::from_safetensors(&file).expect("just written");
    Llama::load(&config, "llama", weights, None, &Device::flex()).expect("every tensor is there")
}

/// Items behind demonstrations, with two answers of one token and one of three.
fn pairs(n_items: u32, n_shots: u32) -> Vec<EncodedPair> {
    let token = |i: u32| (i.wrapping_mul(2_654_435_769) >> 16) % VOCABULARY as u32;
    let items = (0..n_items).map(|item| (0..35 * n_shots).map(token).chain((0..30).map(|i| token(10_000 + 100 * item + i))).collect());
    let answers = [vec![1], vec![2], vec![3, 4, 5]];
    let pairs =
        items.flat_map(|context: Vec<u32>| answers.clone().map(|continuation| EncodedPair { context: context.clone(), continuation }));
    pairs.collect()
}

/// Eight texts at once, each whole.
fn naive(model: &Llama, pairs: &[EncodedPair]) -> Vec<f32> {
    let batch = |batch: &[EncodedPair]| -> Vec<f32> {
        let rows = batch.iter().map(|pair| [&pair.context, &pair.continuation[..pair.continuation.len() - 1]].concat());
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows.collect()))));
        let at = batch.iter().enumerate().flat_map(|(row, pair)| {
            let first = pair.context.len() - 1;
            (first..first + pair.continuation.len()).map(move |index| TokenAt { row, index })
        });
        let at: Vec<TokenAt> = at.collect();
        model.read(&stream, Reading::LogitsAt(&at)).try_into_vec_as().expect("f32")
    };
    pairs.chunks(8).flat_map(batch).collect()
}

fn scored(model: &Llama, pairs: &[EncodedPair], prefixes: PrefixCache) -> (Vec<PairScore>, PrefixCache) {
    let mut scorer = Scorer::new(model).with_token_budget(1_024).with_prefixes(prefixes);
    (scorer.encoded(pairs), scorer.into_prefixes())
}

fn prefix_scoring(criterion: &mut Criterion) {
    let model = llama();
    let mut group = criterion.benchmark_group("score 16 items × 3 answers");
    for n_shots in [8, 0] {
        let pairs = pairs(16, n_shots);
        group.bench_with_input(BenchmarkId::new("each text whole", n_shots), &pairs, |bencher, pairs| {
            bencher.iter(|| naive(&model, pairs));
        });
        group.bench_with_input(BenchmarkId::new("shared", n_shots), &pairs, |bencher, pairs| {
            bencher.iter(|| scored(&model, pairs, PrefixCache::new(0)).0);
        });
    }
    let pairs = pairs(16, 8);
    group.bench_function("shared and kept from before/8", |bencher| {
        let mut kept = Some(scored(&model, &pairs, PrefixCache::new(4_096)).1);
        bencher.iter(|| {
            let (scores, prefixes) = scored(&model, &pairs, kept.take().expect("put back"));
            kept = Some(prefixes);
            scores
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = prefix_scoring
}
criterion_main!(benches);
