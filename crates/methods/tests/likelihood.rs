//! Scoring without computing the same tokens twice gives the numbers of computing them again.
//!
//! A tiny network with seeded weights has no tokenizer, so its caches are tested by token ids. Scores of pairs of texts
//! need SmolLM2: name its GGUF file in `REPROGRAM_SMOLLM2_GGUF`; without it that test says that it did not run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rand::RngExt;
use reprogram_methods::{Pair, PairScore, Seed, pair_log_likelihoods};
use reprogram_models::weights::{Gguf, Weights};
use reprogram_models::{Backbone, Input, KvCache, Llama, LlamaConfig, Reading, Stream, TokenAt, TokenBatch, blocks::Heads};
use safetensors::tensor::{Dtype, TensorView};

const TOLERANCE: f32 = 1e-5;

const VOCABULARY: usize = 20;

fn config() -> LlamaConfig {
    LlamaConfig::plain(16, 2, Heads { query: 4, key_value: 2, dim: 4 }, 32, VOCABULARY, 64)
}

/// Names and shapes in the hub's layout.
fn shapes() -> Vec<(String, Vec<usize>)> {
    let LlamaConfig { dim, hidden, vocabulary, heads, layers, .. } = config();
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![vocabulary, dim]), ("model.norm.weight".to_owned(), vec![dim])];
    let key_value = heads.key_value * heads.dim;
    for layer in 0..layers.len() {
        let block = [
            ("input_layernorm", vec![dim]),
            ("self_attn.q_proj", vec![dim, dim]),
            ("self_attn.k_proj", vec![key_value, dim]),
            ("self_attn.v_proj", vec![key_value, dim]),
            ("self_attn.o_proj", vec![dim, dim]),
            ("post_attention_layernorm", vec![dim]),
            ("mlp.gate_proj", vec![hidden, dim]),
            ("mlp.up_proj", vec![hidden, dim]),
            ("mlp.down_proj", vec![dim, hidden]),
        ];
        shapes.extend(block.into_iter().map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)));
    }
    shapes
}

fn llama() -> Llama {
    let shapes = shapes();
    let bytes = |(name, shape): &(String, Vec<usize>)| -> Vec<u8> {
        let mut rng = Seed::new(0).fork(name).rng();
        (0..shape.iter().product()).flat_map(|_| rng.random_range(-0.7f32..0.7).to_le_bytes()).collect()
    };
    let bytes: Vec<Vec<u8>> = shapes.iter().map(bytes).collect();
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    Llama::load(&config(), "tiny", Weights::from_safetensors(&file).unwrap(), None, &Device::flex()).unwrap()
}

/// Seeded token ids.
fn ids(name: &str, n: usize) -> Vec<u32> {
    let mut rng = Seed::new(1).fork(name).rng();
    (0..n).map(|_| rng.random_range(0..VOCABULARY as u32)).collect()
}

fn embed(model: &Llama, rows: &[&[u32]]) -> Stream {
    model.embed(Input::Tokens(TokenBatch::new(rows.iter().map(|row| row.to_vec()).collect())))
}

/// Next-token logits at every real token, row after row.
fn logits(model: &Llama, stream: &Stream) -> Vec<f32> {
    let at = stream.spans().iter().enumerate().flat_map(|(row, span)| (0..span.length).map(move |index| TokenAt { row, index }));
    let at: Vec<TokenAt> = at.collect();
    model.read(stream, Reading::LogitsAt(&at)).try_into_vec_as().unwrap()
}

fn logits_of(model: &Llama, rows: &[&[u32]]) -> Vec<f32> {
    logits(model, &model.blocks(embed(model, rows)))
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: max |Δ| = {worst:.1e}");
    assert!(worst <= tolerance, "{what}: {worst:.2e}");
}

#[test]
fn a_sequence_in_pieces_is_the_whole_sequence() {
    let model = llama();
    let row = ids("row", 12);
    let whole = logits_of(&model, &[&row]);
    for cuts in [vec![5], vec![1], vec![11], vec![4, 8, 9]] {
        let mut cache = KvCache::default();
        let mut pieces = Vec::new();
        let borders: Vec<usize> = [0].into_iter().chain(cuts.iter().copied()).chain([row.len()]).collect();
        for piece in borders.windows(2) {
            let stream = model.blocks(embed(&model, &[&row[piece[0]..piece[1]]]).after(cache));
            pieces.extend(logits(&model, &stream));
            cache = stream.into_cache().unwrap();
            assert_eq!(cache.len(), piece[1]);
        }
        assert_close(&format!("cut at {cuts:?}"), &pieces, &whole, TOLERANCE);
    }
}

#[test]
fn padding_on_the_right_is_not_seen() {
    let model = llama();
    let (long, short) = (ids("long", 12), ids("short", 5));
    let alone = [logits_of(&model, &[&long]), logits_of(&model, &[&short])].concat();
    assert_close("rows of 12 and 5 tokens", &logits_of(&model, &[&long, &short]), &alone, TOLERANCE);
}

#[test]
fn a_repeated_cache_serves_every_row() {
    let model = llama();
    let prefix = ids("prefix", 9);
    let rests = [ids("a", 6), ids("b", 1), ids("c", 4)];
    let cache = model.blocks(embed(&model, &[&prefix]).after(KvCache::default())).into_cache().unwrap();
    let rows: Vec<&[u32]> = rests.iter().map(Vec::as_slice).collect();
    let together = logits(&model, &model.blocks(embed(&model, &rows).after(cache.repeat(rests.len()))));
    let alone = |rest: &Vec<u32>| logits_of(&model, &[&[prefix.as_slice(), rest].concat()])[prefix.len() * VOCABULARY..].to_vec();
    let alone: Vec<f32> = rests.iter().flat_map(alone).collect();
    assert_close("one prefix, three rows", &together, &alone, TOLERANCE);
}

struct Expected {
    pairs: Vec<Pair>,
    scores: Vec<PairScore>,
}

fn fixtures() -> Expected {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/tests/fixtures/score");
    let lines = |file: &str| -> Vec<serde_json::Value> {
        std::fs::read_to_string(folder.join(file)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let pair = |line: &serde_json::Value| Pair { context: text(&line["context"]), continuation: text(&line["continuation"]) };
    let score = |line: &serde_json::Value| PairScore {
        log_likelihood: line["loglikelihood"].as_f64().unwrap() as f32,
        is_greedy: line["is_greedy"].as_bool().unwrap(),
        n_tokens: line["n_tokens"].as_u64().unwrap() as usize,
    };
    Expected { pairs: lines("pairs.jsonl").iter().map(pair).collect(), scores: lines("expected.jsonl").iter().map(score).collect() }
}

#[track_caller]
fn assert_same(what: &str, found: &[PairScore], expected: &[PairScore], tolerance: f32) {
    let numbers = |scores: &[PairScore]| -> Vec<f32> { scores.iter().map(|score| score.log_likelihood).collect() };
    assert_close(what, &numbers(found), &numbers(expected), tolerance);
    let rest = |scores: &[PairScore]| -> Vec<(bool, usize)> { scores.iter().map(|score| (score.is_greedy, score.n_tokens)).collect() };
    assert_eq!(rest(found), rest(expected), "{what}");
}

#[test]
fn pairs_score_alike_however_they_are_batched() {
    let Some(path) = std::env::var_os("REPROGRAM_SMOLLM2_GGUF").map(PathBuf::from) else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF is not set");
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let model = Llama::from_gguf(&Gguf::parse(&bytes).unwrap(), "smollm2", &Device::flex()).unwrap();
    let Expected { pairs, scores } = fixtures();
    let batched = pair_log_likelihoods(&model, &pairs, 2_048);
    assert_same("lm-evaluation-harness", &batched, &scores, 2e-3);
    assert_same("alone and batched", &pair_log_likelihoods(&model, &pairs, 1), &batched, 1e-4);

    let context = "Review: a slow start, but a lovely end.\nMood: good\n\nReview: dull from beginning to end.\nMood:";
    let answer = |answer: &str| Pair { context: context.to_owned(), continuation: answer.to_owned() };
    let mut pairs: Vec<Pair> = [" bad", " good", " not good at all", " somewhat bad, I would say"].map(answer).into();
    let shared = pair_log_likelihoods(&model, &pairs, 2_048);
    // A stranger that begins otherwise leaves nothing to share.
    pairs.push(Pair { context: "Once upon".to_owned(), continuation: " a time".to_owned() });
    let unshared = pair_log_likelihoods(&model, &pairs, 2_048);
    assert_same("shared prefix and none", &shared, &unshared[..4], 1e-4);
    assert_same("shared prefix and alone", &shared, &pair_log_likelihoods(&model, &pairs, 1)[..4], 1e-4);
}
