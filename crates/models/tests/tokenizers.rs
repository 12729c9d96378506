//! Tokenizers against the reference's ids.
//!
//! `scripts/make_tokenizers.py` makes the small ones of every kind. CLIP's own vocabulary is not in the repository: name a
//! folder with `clip-text/bpe_simple_vocab_16e6.txt.gz` in `REPROGRAM_MIRROR`; without it that test says that it did not
//! run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::io::Read;
use std::path::{Path, PathBuf};

use reprogram_models::TextTokenizer;
use serde_json::Value;

fn fixture(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers").join(file)).unwrap()
}

fn json(file: &str) -> Value {
    serde_json::from_slice(&fixture(file)).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn agrees(kind: &str) {
    let config = fixture(&format!("{kind}.config.json"));
    let tokenizer = TextTokenizer::from_tokenizer_json(&fixture(&format!("{kind}.json")), Some(&config)).unwrap();
    let expected = &json("expected.json")[kind];
    let special = tokenizer.special_tokens();
    for (found, role) in [(special.bos, "bos"), (special.eos, "eos"), (special.pad, "pad")] {
        assert_eq!(found.map(u64::from), expected["special"][role].as_u64(), "{kind}: {role}");
    }
    let cases = expected["cases"].as_array().unwrap();
    for case in cases {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text), ids(&case["ids"]), "{kind}: {text:?}");
        assert_eq!(tokenizer.encode_with_special_tokens(text), ids(&case["with_special_tokens"]), "{kind}: {text:?}");
        assert_eq!(tokenizer.decode(&ids(&case["ids"])), case["decoded"].as_str().unwrap(), "{kind}: {text:?}");
    }
    println!("{kind}: {} strings equal", cases.len());
}

#[test]
fn word_pieces() {
    agrees("word_piece");
}

#[test]
fn byte_level_pairs() {
    agrees("byte_level");
}

#[test]
fn sentence_piece_pairs_with_bytes_to_fall_back_on() {
    agrees("sentence_piece");
}

#[test]
fn unigrams() {
    agrees("unigram");
}

/// The published list as the two files that the hub has: `vocab.json` and `merges.txt`.
fn clip_files(list: &str) -> (Vec<u8>, Vec<u8>) {
    let merges: Vec<&str> = list.lines().skip(1).take(49_152 - 256 - 2).collect();
    let is_printable = |byte: &u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let n_others = (0..256).filter(|byte| !is_printable(byte)).count() as u32;
    let characters: Vec<char> =
        (0..256).filter(is_printable).chain(256..256 + n_others).map(|code| char::from_u32(code).unwrap()).collect();
    let mut pieces: Vec<String> = characters.iter().map(char::to_string).collect();
    pieces.extend(characters.iter().map(|c| format!("{c}</w>")));
    pieces.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    pieces.extend(["<|startoftext|>", "<|endoftext|>"].map(str::to_owned));
    let vocab: serde_json::Map<String, Value> = pieces.into_iter().enumerate().map(|(id, piece)| (piece, id.into())).collect();
    (serde_json::to_vec(&vocab).unwrap(), format!("#version: 0.2\n{}\n", merges.join("\n")).into_bytes())
}

#[test]
fn clip_with_its_own_vocabulary() {
    let Some(mirror) = std::env::var_os("REPROGRAM_MIRROR") else {
        println!("not run: REPROGRAM_MIRROR is not set");
        return;
    };
    let packed = std::fs::read(PathBuf::from(mirror).join("clip-text/bpe_simple_vocab_16e6.txt.gz")).unwrap();
    let mut list = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut list).unwrap();
    let (vocab, merges) = clip_files(&list);
    let tokenizer = TextTokenizer::clip(&vocab, &merges).unwrap();
    let cases = json("clip.json");
    let cases = cases.as_array().unwrap();
    for case in cases {
        let (text, expected) = (case["text"].as_str().unwrap(), ids(&case["ids"]));
        assert_eq!(tokenizer.encode_with_special_tokens(text), expected, "{text:?}");
        assert_eq!(tokenizer.encode(text), expected[1..expected.len() - 1], "{text:?}");
        assert_eq!(tokenizer.decode(&expected), case["decoded"].as_str().unwrap(), "{text:?}");
    }
    assert_eq!((tokenizer.n_tokens(), tokenizer.bos().unwrap(), tokenizer.eos().unwrap()), (49_408, 49_406, 49_407));
    println!("{} strings equal", cases.len());
}

/// Every text cut in two at every place: where the first half has other tokens alone, the border is crossed, and what is scored is as
/// long as what is counted.
#[test]
fn borders_are_those_of_the_scored_pairs() {
    let tokenizer = TextTokenizer::from_tokenizer_json(&fixture("byte_level.json"), Some(&fixture("byte_level.config.json"))).unwrap();
    let mut found = [0, 0];
    for case in json("expected.json")["byte_level"]["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        for (at, _) in text.char_indices().skip(1) {
            let (context, continuation) = text.split_at(at);
            if context.trim().is_empty() {
                continue;
            }
            let border = tokenizer.borders(context, &[continuation.to_owned()])[0];
            let pair = tokenizer.encode_pair(context, continuation);
            assert_eq!(border.n_tokens, pair.continuation.len(), "{context:?} {continuation:?}");
            let whole = tokenizer.encode(text);
            assert_eq!(border.is_crossed, [pair.context, pair.continuation].concat() != whole, "{context:?} {continuation:?}");
            found[usize::from(border.is_crossed)] += 1;
        }
    }
    println!("{} borders are kept, {} are crossed", found[0], found[1]);
    assert!(found.iter().all(|n| *n > 10), "{found:?}");
}
