//! Parity with the reference implementation (PyTorch), on tiny random networks.
//!
//! `fixtures/README.md` says what each tensor is and how `scripts/make_fixtures.py` makes them. Other folders of
//! the same layout are compared by `reprogram parity`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;

use burn::tensor::Device;
use reprogram_models::parity::{self, Comparison, Report, Tolerance};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, HubCheckpoint, HubFiles, Input, KvCache, Llama, LlamaConfig, Pixels, Reading, TokenAt, TokenBatch};
use safetensors::SafeTensors;

const TOLERANCE: f32 = 1e-4;

fn folder(family: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family)
}

fn read(family: &str, file: &str) -> Vec<u8> {
    let path = folder(family).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Expected(Vec<u8>);

impl Expected {
    fn integers(&self, name: &str) -> (Vec<i32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values = view.data().as_chunks::<4>().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect();
        (values, view.shape().to_vec())
    }

    fn rows(&self, name: &str) -> Vec<Vec<u32>> {
        let (values, shape) = self.integers(name);
        values.chunks(shape[1]).map(|row| row.iter().map(|&id| id.cast_unsigned()).collect()).collect()
    }
}

/// Loads a folder as the hub lays it out, and compares every tensor that is known.
fn report_of(family: &str, pixels: Pixels) -> Report {
    let (weights, expected) = (read(family, "model.safetensors"), read(family, "expected.safetensors"));
    let files = HubFiles::collect(|file| Ok::<_, ()>(folder(family).join(file).is_file().then(|| read(family, file)))).unwrap();
    let weights = Weights::from_safetensors(&weights).unwrap();
    let model = HubCheckpoint { files: &files, weights, pixels }.load(family, &Device::flex()).unwrap();
    let report = parity::Expected::parse(&expected).unwrap().compare(model.as_ref()).unwrap();
    for comparison in &report.compared {
        println!("{family}: {}: {:?}", comparison.name, comparison.difference);
    }
    assert_eq!(report.failures(Tolerance::default()).collect::<Vec<_>>(), Vec::<&Comparison>::new(), "{family}");
    report
}

/// The same where whatever the file holds must be known.
fn compare_all(family: &str, pixels: Pixels) {
    assert_eq!(report_of(family, pixels).unchecked, Vec::<String>::new(), "{family}");
}

#[test]
fn image_encoders() {
    for family in ["vit", "deit", "dinov2"] {
        compare_all(family, Pixels::Normalised);
    }
}

#[test]
fn llama() {
    compare_all("llama", Pixels::Normalised);
}

#[test]
fn two_towers() {
    compare_all("clip", Pixels::Normalised);
    compare_all("clip_largest", Pixels::Normalised);
    compare_all("siglip", Pixels::Raw);
    compare_all("open_clip", Pixels::Raw);
}

/// Its prompts and prefixes have a test of their own.
#[test]
fn text_encoder() {
    let report = report_of("bert", Pixels::Normalised);
    let compared: Vec<&str> = report.compared.iter().map(|comparison| comparison.name.as_str()).collect();
    assert_eq!(compared, ["hidden.0", "hidden.1", "hidden.2", "hidden.3", "features"]);
}

fn every_token(rows: &[Vec<u32>]) -> Vec<TokenAt> {
    rows.iter().enumerate().flat_map(|(row, ids)| (0..ids.len()).map(move |index| TokenAt { row, index })).collect()
}

/// Real tokens of each row under `masked.attention_mask`.
fn unpadded_rows(expected: &Expected) -> Vec<Vec<u32>> {
    let (mask, shape) = expected.integers("masked.attention_mask");
    let lengths = mask.chunks(shape[1]).map(|row| row.iter().filter(|&&bit| bit == 1).count());
    expected.rows("input_ids").into_iter().zip(lengths).map(|(row, length)| row[..length].to_vec()).collect()
}

fn decoder(family: &str) -> (Llama, Expected) {
    let config = LlamaConfig::from_hub(&read(family, "config.json")).unwrap();
    let bytes = read(family, "model.safetensors");
    let model = Llama::load(&config, family, Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    (model, Expected(read(family, "expected.safetensors")))
}

fn next_token_logits(model: &Llama, batch: TokenBatch) -> Vec<Vec<f32>> {
    let rows = batch.rows.clone();
    let stream = model.blocks(model.embed(Input::Tokens(batch)));
    let logits: Vec<f32> = model.read(&stream, Reading::LogitsAt(&every_token(&rows))).try_into_vec_as().unwrap();
    logits.chunks(logits.len() / rows.iter().map(Vec::len).sum::<usize>()).map(<[f32]>::to_vec).collect()
}

fn furthest(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Each family's own rule (scaled positions, windows, biases, norms, caps) against the reference; then padding on either
/// side, batching and a cache, which must not change a number.
fn decoder_family(family: &str) {
    compare_all(family, Pixels::Normalised);
    let (model, expected) = decoder(family);
    let short = unpadded_rows(&expected);
    let right = next_token_logits(&model, TokenBatch::new(short.clone()));
    let left = next_token_logits(&model, TokenBatch::left_padded(short.clone()));
    let alone: Vec<Vec<f32>> = short.iter().flat_map(|row| next_token_logits(&model, TokenBatch::new(vec![row.clone()]))).collect();
    let eight: Vec<Vec<u32>> = (0..8).map(|i| short[i % 2][..short[i % 2].len() - i / 2].to_vec()).collect();
    let of_eight = next_token_logits(&model, TokenBatch::new(eight.clone()));
    let eight_alone: Vec<Vec<f32>> = eight.iter().flat_map(|row| next_token_logits(&model, TokenBatch::new(vec![row.clone()]))).collect();
    for (what, a, b) in [
        ("left against right padding", &left, &right),
        ("alone against a batch of 2", &alone, &right),
        ("alone against a batch of 8", &eight_alone, &of_eight),
        ("behind a prefix of its own keys and values", &behind_a_prefix(&model, &short[0], 5), &right[5..short[0].len()].to_vec()),
        ("token by token with a cache", &token_by_token(&model, &short[0]), &right[..short[0].len()].to_vec()),
    ] {
        let worst = furthest(a, b);
        println!("{family}: {what}: max |Δ| = {worst:.2e}");
        assert!(worst <= TOLERANCE, "{family}: {what}: max |Δ| = {worst:.3e}");
    }
}

/// The keys and values of a row's first tokens, put in front of each block as a learned prefix would be: the same as feeding
/// those tokens.
fn behind_a_prefix(model: &Llama, row: &[u32], n_prefix: usize) -> Vec<Vec<f32>> {
    let (prefix, rest) = row.split_at(n_prefix);
    let fed = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![prefix.to_vec()]))).after(KvCache::default()));
    let cache = fed.into_cache().unwrap();
    let batch = TokenBatch::new(vec![rest.to_vec(); 2]);
    let mut stream = model.embed(Input::Tokens(batch.clone())).shift_positions(n_prefix);
    for layer in 0..model.card().main.depth {
        stream = model.block(layer, stream.insert_prefix(cache.layer(layer).unwrap().clone()));
    }
    let logits: Vec<f32> = model.read(&stream, Reading::LogitsAt(&every_token(&batch.rows))).try_into_vec_as().unwrap();
    logits.chunks(logits.len() / (2 * rest.len())).map(<[f32]>::to_vec).skip(rest.len()).collect()
}

fn token_by_token(model: &Llama, row: &[u32]) -> Vec<Vec<f32>> {
    let mut cache = KvCache::default();
    let step = |&token: &u32| {
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![vec![token]]))).after(std::mem::take(&mut cache)));
        let logits = model.read(&stream, Reading::Logits).try_into_vec_as().unwrap();
        cache = stream.into_cache().unwrap();
        logits
    };
    row.iter().map(step).collect()
}

#[test]
fn llama3_scaled_positions() {
    decoder_family("llama3");
}

#[test]
fn mistral_sliding_window() {
    decoder_family("mistral");
}

#[test]
fn qwen2_biases() {
    decoder_family("qwen2");
}

#[test]
fn qwen3_normalised_queries_and_keys() {
    decoder_family("qwen3");
}

#[test]
fn gemma2_caps_and_windows() {
    decoder_family("gemma2");
}

#[test]
fn gemma3_local_and_global_positions() {
    decoder_family("gemma3");
}
