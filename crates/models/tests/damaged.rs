//! Files that are damaged on purpose, or were found by the fuzz targets: each is an error of every reader, and quickly.
//!
//! A file's name says what is wrong with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use reprogram_models::TextTokenizer;
use reprogram_models::weights::{Gguf, Onnx, ShardIndex, Weights};

#[test]
fn damaged_files_are_errors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/damaged");
    let mut messages = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        // A file of one kind is nonsense of all others.
        let results = [
            ("gguf", Gguf::parse(&bytes).map_err(|error| error.to_string()).map(drop)),
            ("safetensors", Weights::from_safetensors(&bytes).map_err(|error| error.to_string()).map(drop)),
            ("index", ShardIndex::parse(&bytes).map_err(|error| error.to_string()).map(drop)),
            ("torch", Weights::from_torch(&bytes).map_err(|error| error.to_string()).map(drop)),
            ("onnx", Onnx::parse(&bytes).map_err(|error| error.to_string()).map(drop)),
        ];
        for (reader, result) in results {
            let error = result.expect_err(&format!("{name} as {reader}"));
            if name.starts_with(reader) {
                messages.push(format!("{name}: {error}"));
            }
        }
    }
    messages.sort();
    insta::assert_snapshot!(messages.join("\n"));
}

/// Metadata that are whole, up to each length and with each byte changed.
#[test]
fn damaged_tokenizers_are_errors_or_other_tokenizers() {
    let original = include_bytes!("../fuzz/seeds/tokenizer/smollm.gguf");
    let read = |bytes: &[u8]| {
        let tokenizer = Gguf::parse(bytes).ok().and_then(|gguf| TextTokenizer::from_gguf(&gguf).ok());
        tokenizer.map(|tokenizer| tokenizer.decode(&tokenizer.encode("Under 3 skies <|im_end|>")))
    };
    assert!(read(original).is_some());
    let mut bytes = original.to_vec();
    for at in 0..original.len() {
        read(&original[..at]);
        for flip in [0x01, 0x80, 0xff] {
            bytes[at] ^= flip;
            read(&bytes);
            bytes[at] ^= flip;
        }
    }
}
