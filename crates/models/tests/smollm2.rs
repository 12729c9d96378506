//! SmolLM2-135M-Instruct from its GGUF file against the reference implementation.
//!
//! Needs the real weights and the reference's outputs, which are too large for the repository: name them in
//! `REPROGRAM_SMOLLM2_GGUF` and `REPROGRAM_SMOLLM2_GOLDENS`. Without them the test says that it did not run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use reprogram_models::weights::Gguf;
use reprogram_models::{Backbone, Decoding, Input, Llama, Reading, Stops, Storage, TokenAt, TokenBatch, generate};
use safetensors::SafeTensors;

const TOLERANCE: f32 = 2e-3;

/// Of which the model foretells each token.
const TEXTS: [&str; 4] = [
    "The frozen lake lay quiet under a thin sheet of snow, and nobody had crossed it since the children went home.",
    "Decide whether each review is negative or positive.\n\nReview: a gripping, funny and very human film\nSentiment: positive\n\n\
     Review: two hours that I will never get back\nSentiment: negative",
    "def mean(values):\n    \"\"\"The arithmetic mean of a list of numbers.\"\"\"\n    return sum(values) / len(values)\n",
    "Water boils at 100 degrees Celsius at sea level. On a high mountain the pressure of the air is lower, so that it boils earlier, \
     and food takes longer to cook.",
];

fn environment() -> Option<(PathBuf, PathBuf)> {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    path("REPROGRAM_SMOLLM2_GGUF").zip(path("REPROGRAM_SMOLLM2_GOLDENS"))
}

fn json(folder: &Path, file: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn logits_tokens_and_greedy_text_are_the_references() {
    let Some((gguf, goldens)) = environment() else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF and REPROGRAM_SMOLLM2_GOLDENS are not set");
        return;
    };
    let bytes = std::fs::read(gguf).unwrap();
    let model = Llama::from_gguf(&Gguf::parse(&bytes).unwrap(), "smollm2", &Device::flex()).unwrap();
    let tokenizer = model.tokenizer().unwrap();
    let strings = json(&goldens, "tokenizer.json");
    for case in strings.as_array().unwrap() {
        assert_eq!(tokenizer.encode(case["text"].as_str().unwrap()), ids(&case["ids"]), "{}", case["text"]);
    }
    println!("{} tokenizer strings equal", strings.as_array().unwrap().len());

    let file = std::fs::read(goldens.join("golden.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let floats =
        |name: &str| -> Vec<f32> { file.tensor(name).unwrap().data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect() };
    let mut worst = 0.0f32;
    for (i, case) in json(&goldens, "golden.json").as_array().unwrap().iter().enumerate() {
        let prompt = ids(&case["ids"]);
        assert_eq!(tokenizer.encode(case["prompt"].as_str().unwrap()), prompt);
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![prompt.clone()]))));
        let last: Vec<f32> = model.read(&stream, Reading::Logits).try_into_vec_as().unwrap();
        let everywhere: Vec<TokenAt> = (0..prompt.len()).map(|index| TokenAt { row: 0, index }).collect();
        let slice: Vec<f32> = model.read(&stream, Reading::LogitsAt(&everywhere)).narrow(1, 0, 64).try_into_vec_as().unwrap();
        for (found, expected) in [(last, floats(&format!("p{i}.last_logits"))), (slice, floats(&format!("p{i}.logits_slice")))] {
            worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
        }
        let greedy: Vec<u32> =
            file.tensor(&format!("p{i}.greedy24")).unwrap().data().as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
        let stops = Stops::after(greedy.len()).at_token(tokenizer.eos().unwrap());
        let generated = generate(&model, &[prompt], Decoding::Greedy, &stops, |_| 0.0).unwrap().remove(0);
        assert_eq!(tokenizer.decode(&generated.tokens), tokenizer.decode(&greedy), "greedy text of prompt {i}");
    }
    println!("logits: max |Δ| = {worst:.2e}");
    assert!(worst <= TOLERANCE, "logits: max |Δ| = {worst:.2e}");
}

/// Logits of every token of some texts against those of weights in f32.
#[test]
fn weights_in_fewer_bits_say_nearly_the_same() {
    let Some(gguf) = std::env::var_os("REPROGRAM_SMOLLM2_GGUF") else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF is not set");
        return;
    };
    let bytes = std::fs::read(gguf).unwrap();
    let logits = |storage: Storage| -> (Vec<f32>, f64) {
        let model = Llama::from_gguf(&Gguf::parse(&bytes).unwrap().kept_as(storage), "smollm2", &Device::flex()).unwrap();
        let rows: Vec<Vec<u32>> = TEXTS.iter().map(|text| model.tokenizer().unwrap().encode(text)).collect();
        let everywhere = rows.iter().enumerate().flat_map(|(row, ids)| (0..ids.len()).map(move |index| TokenAt { row, index }));
        let everywhere: Vec<TokenAt> = everywhere.collect();
        let run = || model.read(&model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows.clone())))), Reading::LogitsAt(&everywhere));
        let found = run().try_into_vec_as().unwrap();
        let started = std::time::Instant::now();
        let _ = run();
        (found, started.elapsed().as_secs_f64())
    };
    let vocabulary = 49_152;
    let best = |row: &[f32]| (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    let (exact, seconds) = logits(Storage::Floats);
    println!("{} tokens in {seconds:.2} s", exact.len() / vocabulary);
    for (storage, bound, agreement) in [(Storage::Bf16, 0.5, 0.95), (Storage::Int8, 1.5, 0.9)] {
        let (found, own) = logits(storage);
        let worst = found.iter().zip(&exact).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
        let mean = found.iter().zip(&exact).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / exact.len() as f64;
        let rows = || found.chunks(vocabulary).zip(exact.chunks(vocabulary));
        let agree = rows().filter(|(found, exact)| best(found) == best(exact)).count();
        let share = agree as f64 / rows().count() as f64;
        println!(
            "{storage:?}: max |Δ logit| {worst:.3}, mean {mean:.4}, same best token {agree} of {}, {:.2} × the time",
            rows().count(),
            own / seconds
        );
        assert!(worst < bound && share > agreement, "{storage:?}: {worst}, {share}");
    }
}
