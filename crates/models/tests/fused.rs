//! Blocks as one operation against blocks that are spelled out: the same numbers, there and back.

#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, Fusion, HubCheckpoint, HubFiles, Input, KeyValue, KvCache, Pixels, Storage, Stream, TokenBatch};

/// Largest difference, of the largest entry.
const FORWARD: f32 = 1e-5;
const GRADIENT: f32 = 1e-4;

fn load(family: &str) -> std::sync::Arc<dyn Backbone> {
    load_as(family, Storage::Floats)
}

fn load_as(family: &str, storage: Storage) -> std::sync::Arc<dyn Backbone> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family);
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let files = HubFiles::collect(|file| Ok::<_, ()>(folder.join(file).is_file().then(|| read(file)))).unwrap();
    let bytes = read("model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap().kept_as(storage);
    HubCheckpoint { files: &files, weights, pixels: Pixels::Normalised }.load(family, &Device::flex()).unwrap()
}

/// Numbers that look random, between −1 and 1.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let hash = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_769) ^ (i << 7)).wrapping_mul(2_246_822_519) >> 8;
    (0..n as u32).map(|i| hash(i) as f32 / 8_388_608.0 - 1.0).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values(shape.iter().product(), seed), shape), &Device::flex())
}

fn leaf<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::<D>::from_data(tensor.into_data(), &Device::flex().autodiff()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

#[track_caller]
fn assert_near(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let furthest =
        found.iter().zip(expected).fold(0.0_f32, |furthest, (a, b)| if a.is_nan() { f32::INFINITY } else { furthest.max((a - b).abs()) });
    println!("{what}: {:.1e} of the largest entry", furthest / largest);
    assert!(largest > 0.0 && furthest <= tolerance * largest, "{what}: {furthest:.2e} beside {largest:.2e}");
}

/// Hidden states at real tokens behind every block, without a graph and with one, and gradients of what went in and of a prefix.
fn compare(what: &str, model: &dyn Backbone, stream: &Stream, prefix: Option<&[KeyValue]>) {
    let run = |fusion: Fusion, tracked: bool| {
        let hidden = stream.hidden();
        let hidden = if tracked { leaf(hidden) } else { hidden };
        let prefix = prefix.map(|prefix| {
            let learned = |tensor: &Tensor<4>| if tracked { leaf(tensor.clone()) } else { tensor.clone() };
            prefix.iter().map(|past| KeyValue { key: learned(&past.key), value: learned(&past.value) }).collect::<Vec<_>>()
        });
        let mut running = stream.clone().with_hidden(hidden.clone()).with_fusion(fusion);
        for layer in 0..model.card().tower(running.tower()).unwrap().depth {
            if let Some(prefix) = &prefix {
                running = running.insert_prefix(prefix[layer].clone());
            }
            running = model.block(layer, running);
        }
        (hidden, prefix, running)
    };
    let real = |stream: &Stream| {
        let layout = stream.layout();
        let front = layout.special + layout.prompt;
        let [_, seq, dim] = stream.hidden().dims();
        let all = numbers(stream.hidden());
        let rows = all.chunks(seq * dim).zip(stream.spans());
        rows.flat_map(|(row, span)| {
            let content = &row[(front + span.offset) * dim..(front + span.offset + span.length) * dim];
            [&row[..front * dim], content].concat()
        })
        .collect::<Vec<f32>>()
    };
    let (_, _, reference) = run(Fusion::Never, false);
    let (_, _, fused) = run(Fusion::Always, false);
    assert_near(&format!("{what}, hidden states"), &real(&fused), &real(&reference), FORWARD);

    let gradients = |fusion: Fusion| {
        let (hidden, prefix, out) = run(fusion, true);
        let states = real(&out);
        let [batch, _, dim] = out.hidden().dims();
        let loss = (out.last_tokens() * tensor([batch, dim], 7)).sum() + (out.mean_tokens(true) * tensor([batch, dim], 9)).sum();
        let gradients = loss.backward();
        let mut found = vec![("tokens", numbers(hidden.grad(&gradients).unwrap()))];
        for past in prefix.iter().flatten() {
            found.push(("a prefix's keys", numbers(past.key.grad(&gradients).unwrap())));
            found.push(("a prefix's values", numbers(past.value.grad(&gradients).unwrap())));
        }
        (states, found)
    };
    let ((expected_states, expected), (found_states, found)) = (gradients(Fusion::Never), gradients(Fusion::Always));
    assert_near(&format!("{what}, hidden states with a graph"), &found_states, &expected_states, FORWARD);
    for ((part, found), (_, expected)) in found.iter().zip(&expected) {
        assert_near(&format!("{what}, gradient of {part}"), found, expected, GRADIENT);
    }
}

fn images(model: &dyn Backbone) -> Stream {
    let reprogram_taxonomy::InputSpace::Image { channels, height, width } = model.card().main.input else { panic!("no images") };
    model.embed(Input::Image(tensor([3, channels, height, width], 1)))
}

fn texts(left: bool) -> TokenBatch {
    let rows = [9, 4, 7].map(|n: u32| (0..n).map(|i| 3 + (i * 5 + n) % 20).collect::<Vec<u32>>()).to_vec();
    if left { TokenBatch::left_padded(rows) } else { TokenBatch::new(rows) }
}

#[test]
fn encoders_of_images() {
    for family in ["vit", "deit", "dinov2", "clip", "siglip"] {
        let model = load(family);
        let stream = images(model.as_ref());
        compare(family, model.as_ref(), &stream, None);
        let dim = stream.hidden().dims()[2];
        compare(&format!("{family} with a prompt"), model.as_ref(), &stream.insert_prompt(tensor([1, 4, dim], 5)), None);
    }
}

#[test]
fn encoders_of_texts() {
    for family in ["bert", "clip", "siglip"] {
        let model = load(family);
        compare(&format!("{family}, texts"), model.as_ref(), &model.embed(Input::Tokens(texts(false))), None);
    }
}

#[test]
fn decoders() {
    for family in ["llama", "llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"] {
        let model = load(family);
        for left in [false, true] {
            let side = if left { "left" } else { "right" };
            compare(&format!("{family}, padded on the {side}"), model.as_ref(), &model.embed(Input::Tokens(texts(left))), None);
        }
    }
}

/// Both paths decode the same numbers.
#[test]
fn weights_in_fewer_bits() {
    for storage in [Storage::Bf16, Storage::Int8] {
        for family in ["vit", "dinov2", "siglip"] {
            let model = load_as(family, storage);
            compare(&format!("{family}, {storage:?}"), model.as_ref(), &images(model.as_ref()), None);
        }
        for family in ["bert", "llama", "qwen3", "gemma2"] {
            let model = load_as(family, storage);
            compare(&format!("{family}, {storage:?}"), model.as_ref(), &model.embed(Input::Tokens(texts(false))), None);
        }
    }
}

#[test]
fn prefixes() {
    for (family, heads, head_dim) in [("llama", 0, 0), ("qwen2", 0, 0), ("bert", 0, 0)].map(|(family, ..)| {
        let model = load(family);
        let fed = model.embed(Input::Tokens(texts(false))).after(KvCache::default());
        let [_, heads, _, dim] = model.blocks(fed).into_cache().unwrap().layer(0).unwrap().key.dims();
        (family, heads, dim)
    }) {
        let model = load(family);
        for rows in [1, 3] {
            let prefix: Vec<KeyValue> = (0..model.card().main.depth as u32)
                .map(|layer| KeyValue {
                    key: tensor([rows, heads, 5, head_dim], layer),
                    value: tensor([rows, heads, 5, head_dim], layer + 50),
                })
                .collect();
            for left in [false, true] {
                if left && family == "bert" {
                    continue;
                }
                let stream = model.embed(Input::Tokens(texts(left))).shift_positions(5);
                compare(&format!("{family}, prefix in {rows} rows, left padding {left}"), model.as_ref(), &stream, Some(&prefix));
            }
        }
    }
}

/// What is remembered, and what is made of it, whichever path wrote it.
#[test]
fn caches() {
    for family in ["llama", "mistral", "qwen2"] {
        let model = load(family);
        let run = |first: Fusion, second: Fusion| {
            let stream = model.embed(Input::Tokens(texts(true))).after(KvCache::default()).with_fusion(first);
            let cache = model.blocks(stream).into_cache().unwrap();
            let next = TokenBatch::new(vec![vec![4, 9], vec![5, 11], vec![6, 3]]);
            let stream = model.blocks(model.embed(Input::Tokens(next)).after(cache).with_fusion(second));
            let hidden = numbers(stream.hidden());
            let cache = stream.into_cache().unwrap();
            let past = cache.layer(1).unwrap();
            (hidden, numbers(past.key.clone().narrow(2, 5, 6)), numbers(past.value.clone().narrow(2, 9, 2)))
        };
        let expected = run(Fusion::Never, Fusion::Never);
        for (first, second) in [(Fusion::Always, Fusion::Never), (Fusion::Never, Fusion::Always), (Fusion::Always, Fusion::Always)] {
            let found = run(first, second);
            let what = format!("{family}, {first:?} then {second:?}");
            assert_near(&format!("{what}: hidden states"), &found.0, &expected.0, FORWARD);
            assert_near(&format!("{what}: keys"), &found.1, &expected.1, FORWARD);
            assert_near(&format!("{what}: values"), &found.2, &expected.2, FORWARD);
        }
    }
}
