//! `reprogram score` on real weights and real items against transformers, whose numbers `benchmarks/peers/parity.py pairs --fixture` wrote.
//!
//! Name SmolLM2's GGUF file in `REPROGRAM_SMOLLM2_GGUF`, and a folder with `text-classification/stsa.binary.test.gz` in `REPROGRAM_MIRROR`; without
//! them the test says that it did not run.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::place::Place;

/// Of a log-likelihood, in nats.
const TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    data: String,
    instruction: String,
    words: Vec<String>,
    settings: Vec<Setting>,
}

/// Places are lines of the data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    demonstrations: Vec<usize>,
    items: Vec<usize>,
    /// Item by item, a number a word.
    log_likelihoods: Vec<f64>,
}

/// Texts and classes.
fn items(path: &Path) -> Vec<(String, usize)> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let item = |line: &str| {
        let (label, text) = line.split_once(' ').unwrap();
        (text.trim().to_owned(), label.parse().unwrap())
    };
    text.lines().filter(|line| !line.is_empty()).map(item).collect()
}

fn argmax(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

#[test]
fn sst2_pairs_are_as_likely_as_transformers_says() {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/sst2-log-likelihoods.json")).unwrap();
    let data = path("REPROGRAM_MIRROR").map(|mirror| mirror.join("text-classification").join(&fixture.data)).filter(|data| data.exists());
    let Some((model, data)) = path("REPROGRAM_SMOLLM2_GGUF").zip(data) else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF is not set, or REPROGRAM_MIRROR has no text-classification/{}", fixture.data);
        return;
    };
    let (items, n) = (items(&data), fixture.words.len());
    for Setting { demonstrations, items: scored, log_likelihoods } in &fixture.settings {
        let review = |at: usize| format!("Review: {}\nSentiment:", items[at].0);
        let shots = demonstrations.iter().map(|&at| format!("{} {}", review(at), fixture.words[items[at].1]));
        let front: Vec<String> = std::iter::once(fixture.instruction.clone()).chain(shots).collect();
        let place = Place::new();
        let pairs = scored.iter().flat_map(|&at| {
            let context = format!("{}\n\n{}", front.join("\n\n"), review(at));
            fixture.words.iter().map(move |word| json!({ "id": at, "context": context, "continuation": format!(" {word}") }).to_string())
        });
        place.put("pairs.jsonl", &pairs.collect::<Vec<_>>().join("\n"));
        place.run(&["score", "--model", model.to_str().unwrap(), "--input", "pairs.jsonl", "--output", "scores.jsonl"]).ok();
        let replies: Vec<Value> = place.text("scores.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let found: Vec<f64> = replies.iter().map(|reply| reply["loglikelihood"].as_f64().unwrap()).collect();
        assert_eq!(found.len(), log_likelihoods.len());
        let worst = found.iter().zip(log_likelihoods).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{} shots, {} pairs: max |Δ log-likelihood| = {worst:.1e}", demonstrations.len(), found.len());
        assert!(worst <= TOLERANCE, "{} shots: {worst}", demonstrations.len());
        for (at, (ours, theirs)) in scored.iter().zip(found.chunks(n).zip(log_likelihoods.chunks(n))) {
            assert_eq!(argmax(ours), argmax(theirs), "{} shots, line {at}", demonstrations.len());
        }
        assert!(replies.iter().all(|reply| reply["crosses_border"] == false), "an answer behind a colon begins with a token of its own");
    }
}
