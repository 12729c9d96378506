//! GGUF files of every architecture against the hub's layout of the same networks, and their tokenizers against the
//! reference's ids. `scripts/make_gguf.py` makes the files.
//!
//! Two tests need a real Gemma 3 file, which `REPROGRAM_GEMMA3_GGUF` names, one of them also what
//! `scripts/gguf_reference.py` makes of it, in `REPROGRAM_GEMMA3_EXPECTED`. Without them they say that they did not run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use half::f16;
use reprogram_models::weights::{Gguf, Weights};
use reprogram_models::{Backbone, Input, Llama, LlamaConfig, Reading, TextTokenizer, TokenAt, TokenBatch};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// The same tensors with matrices rounded to f16, as the GGUF files store them.
fn rounded(bytes: &[u8]) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| {
            let is_matrix = view.shape().len() == 2;
            let round = |bytes: &[u8; 4]| {
                let value = f32::from_le_bytes(*bytes);
                if is_matrix { f16::from_f32(value).to_f32() } else { value }.to_le_bytes()
            };
            (name.to_owned(), view.shape().to_vec(), view.data().as_chunks::<4>().0.iter().flat_map(round).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// Of each row's last `n_last` tokens.
fn logits(model: &Llama, rows: &[Vec<u32>], n_last: usize) -> Vec<f32> {
    let last = |(row, ids): (usize, &Vec<u32>)| (ids.len().saturating_sub(n_last)..ids.len()).map(move |index| TokenAt { row, index });
    let every: Vec<TokenAt> = rows.iter().enumerate().flat_map(last).collect();
    let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows.to_vec()))));
    model.read(&stream, Reading::LogitsAt(&every)).try_into_vec_as().unwrap()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn same_as_the_hub(family: &str) {
    let device = Device::flex();
    let config = LlamaConfig::from_hub(&fixture(&format!("{family}/config.json"))).unwrap();
    let bytes = fixture(&format!("{family}/model.safetensors"));
    let load = |bytes: &[u8]| Llama::load(&config, family, Weights::from_safetensors(bytes).unwrap(), None, &device).unwrap();
    let hub = load(&rounded(&bytes));
    let gguf = Llama::from_gguf(&Gguf::parse(&fixture(&format!("gguf/{family}.gguf"))).unwrap(), family, &device).unwrap();
    let rows: Vec<Vec<u32>> = (0..2).map(|row| (0..12).map(|i| (7 * i + 31 * row + 3) % 64).collect()).collect();
    let (found, expected) = (logits(&gguf, &rows, 12), logits(&hub, &rows, 12));
    let worst = furthest(&found, &expected);
    println!("{family}: max |Δ| = {worst:.2e}");
    assert!(worst <= 1e-5, "{family}: max |Δ| = {worst:.2e}");
    // Rounding alone moves them more: the comparison sees small differences.
    assert!(furthest(&found, &logits(&load(&bytes), &rows, 12)) > 1e-4);
}

#[test]
fn every_architecture_is_the_same_function_as_the_hubs() {
    for family in ["llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"] {
        same_as_the_hub(family);
    }
}

/// A copy of a file in which one text of metadata is another of the same length.
fn with_other_text(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
    [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat()
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let (llama, qwen3) = (fixture("gguf/llama3.gguf"), fixture("gguf/qwen3.gguf"));
    let gemma2 = fixture("gguf/gemma2.gguf");
    let cases = [
        with_other_text(&llama, "llama", "mamba"),
        with_other_text(&llama, "llama.vocab_size", "llama.expert_nrs"),
        with_other_text(&llama, "llama.context_length", "llama.context_lengXX"),
        with_other_text(&llama, "rope_freqs.weight", "rope_freqz.weight"),
        with_other_text(&qwen3, "none", "yarn"),
        with_other_text(&gemma2, "gemma2.attn_logit_softcapping", "gemma2.attn_logit_softcappinX"),
        with_other_text(&gemma2, "blk.0.ffn_up.weight", "blk.0.ffn_xx.weight"),
    ];
    let error = |bytes: &Vec<u8>| Llama::from_gguf(&Gguf::parse(bytes).unwrap(), "tiny", &Device::flex()).err().unwrap().to_string();
    insta::assert_snapshot!(cases.iter().map(error).collect::<Vec<_>>().join("\n"));
}

#[test]
fn tokenizers_in_metadata() {
    let expected: Value = serde_json::from_slice(&fixture("gguf/tokenizers.json")).unwrap();
    for (kind, cases) in expected.as_object().unwrap() {
        let bytes = fixture(&format!("gguf/tokenizer-{kind}.gguf"));
        let tokenizer = TextTokenizer::from_gguf(&Gguf::parse(&bytes).unwrap()).unwrap();
        let cases = cases.as_array().unwrap();
        for case in cases {
            let (text, expected) = (case["text"].as_str().unwrap(), ids(&case["ids"]));
            assert_eq!(tokenizer.encode(text), expected, "{kind}: {text:?}");
            if kind != "qwen2" {
                assert_eq!(tokenizer.decode(&expected), text, "{kind}");
            }
            let adds_bos = ["llama-bpe", "scored", "scored-space"].contains(&kind.as_str());
            let whole: Vec<u32> = tokenizer.bos().ok().filter(|_| adds_bos).into_iter().chain(expected).collect();
            assert_eq!(tokenizer.encode_with_special_tokens(text), whole, "{kind}: {text:?}");
        }
        println!("{kind}: {} strings equal", cases.len());
    }
}

#[test]
fn other_tokenizers_are_refused_by_name() {
    let (pairs, scored) = (fixture("gguf/tokenizer-gpt-2.gguf"), fixture("gguf/tokenizer-scored.gguf"));
    let cases = [
        with_other_text(&pairs, "gpt-2", "tekkn"),
        with_other_text(&pairs, "gpt2", "bert"),
        with_other_text(&scored, "<0x41>", "<0xZZ>"),
        with_other_text(&scored, "tokenizer.ggml.scores", "tokenizer.ggml.scoreZ"),
    ];
    let error = |bytes: &Vec<u8>| TextTokenizer::from_gguf(&Gguf::parse(bytes).unwrap()).err().unwrap().to_string();
    insta::assert_snapshot!(cases.iter().map(error).collect::<Vec<_>>().join("\n"));
}

fn gemma() -> Option<Vec<u8>> {
    let path = std::env::var_os("REPROGRAM_GEMMA3_GGUF");
    if path.is_none() {
        println!("not run: REPROGRAM_GEMMA3_GGUF is not set");
    }
    Some(std::fs::read(path?).unwrap())
}

#[test]
fn gemmas_own_vocabulary() {
    let Some(bytes) = gemma() else { return };
    let tokenizer = TextTokenizer::from_gguf(&Gguf::parse(&bytes).unwrap()).unwrap();
    let cases: Value = serde_json::from_slice(&fixture("tokenizers/gemma.json")).unwrap();
    let cases = cases.as_array().unwrap();
    for case in cases {
        let (text, expected) = (case["text"].as_str().unwrap(), ids(&case["ids"]));
        assert_eq!(tokenizer.encode(text), expected, "{text:?}");
        let decoded = if text.contains('▁') { text.replace('▁', " ") } else { text.to_owned() };
        assert_eq!(tokenizer.decode(&expected), decoded);
    }
    assert_eq!(tokenizer.encode_with_special_tokens("<start_of_turn>user")[..2], [2, 105]);
    println!("{} strings equal", cases.len());
}

#[test]
fn gemma_3_270m_is_the_reference() {
    let (Some(bytes), Some(expected)) = (gemma(), std::env::var_os("REPROGRAM_GEMMA3_EXPECTED").map(PathBuf::from)) else {
        println!("not run: REPROGRAM_GEMMA3_EXPECTED is not set");
        return;
    };
    let model = Llama::from_gguf(&Gguf::parse(&bytes).unwrap(), "gemma-3-270m", &Device::flex()).unwrap();
    let prompts: Value = serde_json::from_slice(&std::fs::read(expected.join("prompts.json")).unwrap()).unwrap();
    let file = std::fs::read(expected.join("logits.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    for (i, prompt) in prompts.as_array().unwrap().iter().enumerate() {
        let tokens = ids(&prompt["ids"]);
        assert_eq!(model.tokenizer().unwrap().encode_with_special_tokens(prompt["text"].as_str().unwrap()), tokens);
        let view = file.tensor(&format!("logits.{i}")).unwrap();
        let expected: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let (n_tokens, [n_last, n]) = (tokens.len(), [view.shape()[0], view.shape()[1]]);
        let found = logits(&model, &[tokens], n_last);
        let worst = furthest(&found, &expected);
        let best = |logits: &[f32]| logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        let same = found.chunks(n).zip(expected.chunks(n)).filter(|(a, b)| best(a) == best(b)).count();
        println!("prompt {i}: {n_tokens} tokens, the last {n_last}: max |Δ| = {worst:.2e}, {same} argmax equal");
        assert!(worst < 2e-3 && same == n_last, "prompt {i}: max |Δ| = {worst:.2e}, {same} argmax equal");
    }
}
