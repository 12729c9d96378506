//! What is counted of passes, against counts from the weights themselves; imagined passes count what computed ones do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use reprogram_models::weights::Weights;
use reprogram_models::{
    Backbone, HubCheckpoint, HubFiles, Input, KeyValue, KvCache, Metered, Pixels, Reading, SideMap, Spent, Stream, TokenBatch,
};
use reprogram_taxonomy::InputSpace;

fn load(family: &str) -> Arc<dyn Backbone> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family);
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let files = HubFiles::collect(|file| Ok::<_, ()>(folder.join(file).is_file().then(|| read(file)))).unwrap();
    let bytes = read("model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    HubCheckpoint { files: &files, weights, pixels: Pixels::Normalised }.load(family, &Device::flex()).unwrap()
}

fn ones<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::ones(shape, &Device::flex())
}

fn leaf<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::ones(shape, &Device::flex().autodiff()).require_grad()
}

fn embedded(model: &dyn Backbone, n: usize) -> Stream {
    model.embed(match model.card().main.input {
        InputSpace::Image { channels, height, width } => Input::Image(ones([n, channels, height, width])),
        InputSpace::Tokens { .. } => Input::Tokens(TokenBatch::new((0..n).map(|i| (3..8 + i as u32).collect()).collect())),
        InputSpace::Waveform { .. } => panic!("an acoustic encoder has no blocks"),
    })
}

/// All that two passes of the same things take: computed, and imagined.
#[track_caller]
fn both(model: &dyn Backbone, pass: impl Fn(&dyn Backbone)) -> Spent {
    let (computed, imagined) = (Metered::new(model), Metered::imagined(model));
    pass(&computed);
    pass(&imagined);
    assert_eq!(computed.meter().spent(), imagined.meter().spent(), "{}: computed, and imagined", model.card().name);
    computed.meter().spent()
}

/// Shapes of the matrices, in the model's order.
fn matrices(model: &dyn Backbone) -> Vec<[u64; 2]> {
    let mut shapes = Vec::new();
    model.each_weight(&mut |weight| {
        if let [rows, columns] = weight.shape()[..] {
            shapes.push([rows as u64, columns as u64]);
        }
    });
    shapes
}

#[test]
fn an_image_takes_its_matrices_as_often_as_they_are_used() {
    let model = load("vit");
    let found = both(model.as_ref(), |model| {
        let _ = model.read(&model.blocks(embedded(model, 3)), Reading::Logits);
    });
    let matrices = matrices(model.as_ref());
    let ([patches, blocks @ ..], InputSpace::Image { channels, height, .. }) = (&matrices[..matrices.len() - 1], model.card().main.input)
    else {
        panic!("a ViT")
    };
    let (classifier, dim) = (matrices[matrices.len() - 1], patches[1]);
    let edge = (patches[0] as f64 / channels as f64).sqrt() as u64;
    let n_patches = (height as u64 / edge).pow(2);
    let seq = n_patches + 1;
    let maps = patches[0] * patches[1] * n_patches + blocks.iter().map(|[rows, columns]| rows * columns * seq).sum::<u64>();
    let products = model.card().main.depth as u64 * 2 * seq * seq * dim;
    assert_eq!(found.forward_flops, 3 * 2 * (maps + products + classifier[0] * classifier[1]));
    assert_eq!((found.tokens, found.backward_flops), (3 * seq, 0));
}

#[test]
fn a_text_takes_twice_the_numbers_of_its_maps_a_token() {
    let model = load("llama");
    let row: Vec<u32> = (3..12).collect();
    let found = both(model.as_ref(), |model| {
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![row.clone()]))));
        let _ = model.read(&stream, Reading::Logits);
    });
    let InputSpace::Tokens { vocabulary, .. } = model.card().main.input else { panic!("a language model") };
    let (seq, dim) = (row.len() as u64, model.card().main.dim as u64);
    // The one table of the vocabulary is looked up at the beginning, and multiplied by at the end, for the last token.
    let table = dim * vocabulary as u64;
    let maps = matrices(model.as_ref()).iter().map(|[rows, columns]| rows * columns).sum::<u64>() - table;
    let heads = model.heads().unwrap();
    let products = model.card().main.depth as u64 * 2 * seq * seq * (heads.query * heads.dim) as u64;
    assert_eq!(found.forward_flops, 2 * (seq * maps + products + table));
    assert_eq!(found.tokens, seq);
}

#[test]
fn every_family_counts_what_it_computes() {
    for family in ["vit", "deit", "dinov2", "clip", "siglip", "bert", "llama", "llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"] {
        let model = load(family);
        let dim = model.card().main.dim;
        let pass = |model: &dyn Backbone, prompt: Option<Tensor<3>>| {
            let stream = embedded(model, 2);
            let stream = prompt.map_or(stream.clone(), |prompt| stream.insert_prompt(prompt));
            let _ = model.read(&model.blocks(stream), Reading::Features);
        };
        let plain = both(model.as_ref(), |model| pass(model, None));
        let prompted = both(model.as_ref(), |model| pass(model, Some(ones([1, 4, dim]))));
        let learned = both(model.as_ref(), |model| pass(model, Some(leaf([1, 4, dim]))));
        assert_eq!(prompted.tokens, plain.tokens + 8, "{family}: four tokens a row");
        assert!(prompted.forward_flops > plain.forward_flops && prompted.backward_flops == 0, "{family}: {prompted:?}");
        assert_eq!(learned.forward_flops, prompted.forward_flops, "{family}");
        let ratio = learned.backward_flops as f64 / learned.forward_flops as f64;
        assert!((0.9..2.0).contains(&ratio), "{family}: {ratio:.2} of a forward pass, whose attention counts twice");
    }
}

#[test]
fn nothing_goes_backward_in_front_of_the_first_learned_place() {
    let model = load("vit");
    let depth = model.card().main.depth;
    let dim = model.card().main.dim;
    let from = |first: usize| {
        both(model.as_ref(), |model| {
            let stream = (0..depth).fold(embedded(model, 1), |stream, layer| {
                let stream = if layer == first { stream.plus(leaf([1, 1, dim])) } else { stream };
                model.block(layer, stream)
            });
            drop(stream);
        })
    };
    let per_block = from(depth - 1).backward_flops;
    assert!(per_block > 0);
    for first in 0..=depth {
        assert_eq!(from(first).backward_flops, (depth - first) as u64 * per_block, "block {first} of {depth}");
    }
}

#[test]
fn maps_beside_a_block_and_keys_in_front_of_it_are_counted() {
    let model = load("llama");
    let (heads, dim) = (model.heads().unwrap(), model.card().main.dim);
    let through = |attach: &dyn Fn(Stream) -> Stream| {
        both(model.as_ref(), |model| {
            let depth = model.card().main.depth;
            let stream = (0..depth).fold(embedded(model, 1), |stream, layer| model.block(layer, attach(stream)));
            drop(stream);
        })
    };
    let depth = model.card().main.depth as u64;
    let plain = through(&|stream| stream);
    let seq = plain.tokens;
    let width = |n: usize| SideMap { down: leaf([1, dim, 2]), up: leaf([1, 2, n * heads.dim]) };
    let beside = through(&|stream| stream.beside(width(heads.query), width(heads.key_value)));
    let of_token = 2 * (2 * dim + (heads.query + heads.key_value) * heads.dim) as u64;
    assert_eq!(beside.forward_flops - plain.forward_flops, depth * 2 * seq * of_token);
    assert!(beside.backward_flops > beside.forward_flops / 2);
    let prefix = || ones([1, heads.key_value, 3, heads.dim]);
    let prefixed = through(&|stream| stream.insert_prefix(KeyValue { key: prefix(), value: prefix() }));
    assert_eq!(prefixed.forward_flops - plain.forward_flops, depth * 2 * 2 * seq * 3 * (heads.query * heads.dim) as u64);
}

#[test]
fn tokens_that_are_kept_cost_nothing_again() {
    let model = load("llama");
    let rows = |range: std::ops::Range<u32>| Input::Tokens(TokenBatch::new(vec![range.collect()]));
    let whole = both(model.as_ref(), |model| drop(model.blocks(model.embed(rows(3..11)))));
    let parts = both(model.as_ref(), |model| {
        let first = model.blocks(model.embed(rows(3..8)).after(KvCache::default()));
        let past = first.into_cache().unwrap();
        assert_eq!(past.len(), 5);
        drop(model.blocks(model.embed(rows(8..11)).after(past)));
    });
    assert_eq!(parts.tokens, whole.tokens);
    let heads = model.heads().unwrap();
    // A mask saves nothing: the first five do not even look at the last three.
    let spared = model.card().main.depth * 2 * 2 * 5 * 3 * heads.query * heads.dim;
    assert_eq!(whole.forward_flops - parts.forward_flops, spared as u64);
}

#[test]
fn tuned_weights_cost_a_second_backward_pass() {
    let model = load("vit");
    let shift = |tracked: bool| {
        let vectors = model.weight_sizes().unwrap().into_iter().map(|n| if tracked { leaf([n]) } else { ones([n]) });
        vectors.collect::<Vec<Tensor<1>>>()
    };
    let spent = |tracked: bool| {
        both(model.as_ref(), |model| {
            let tuned = model.shifted(&shift(tracked)).unwrap();
            let _ = tuned.read(&tuned.blocks(embedded(tuned.as_ref(), 1)), Reading::Logits);
        })
    };
    assert_eq!(spent(false).backward_flops, 0);
    let Spent { forward_flops, backward_flops, .. } = spent(true);
    let images = model.embed_macs(&Input::Image(match model.card().main.input {
        InputSpace::Image { channels, height, width } => ones([1, channels, height, width]),
        InputSpace::Tokens { .. } | InputSpace::Waveform { .. } => panic!("a ViT"),
    }));
    assert_eq!(backward_flops, 2 * forward_flops - 2 * images, "an image has no gradient");
}
