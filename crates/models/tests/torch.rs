//! PyTorch checkpoints against what PyTorch says is in them, and files that are damaged.
//!
//! `scripts/make_formats.py` makes the files and says what is in them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use reprogram_models::weights::Weights;

const ZIP: &[u8] = include_bytes!("fixtures/torch/zip.pt");
const LEGACY: &[u8] = include_bytes!("fixtures/torch/legacy.pt");
const NESTED: &[u8] = include_bytes!("fixtures/torch/nested.pt");
const AMBIGUOUS: &[u8] = include_bytes!("fixtures/torch/ambiguous.pt");
const MODULE: &[u8] = include_bytes!("fixtures/torch/module.pt");
const EXPECTED: &[u8] = include_bytes!("fixtures/torch/expected.safetensors");

#[test]
fn every_tensor_is_that_of_pytorch() {
    let expected = Weights::from_safetensors(EXPECTED).unwrap();
    for (file, bytes) in [("zip", ZIP), ("legacy", LEGACY), ("nested", NESTED)] {
        let found = Weights::from_torch(bytes).unwrap();
        assert!(found.names().eq(expected.names()), "{file}: other tensors");
        for name in expected.names() {
            let (found, expected) = (found.tensor(name).unwrap(), expected.tensor(name).unwrap());
            assert_eq!(found.shape, expected.shape, "{file}: {name}");
            let same = found.values.iter().zip(&expected.values).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && found.values.len() == expected.values.len(), "{file}: {name}");
        }
    }
}

#[test]
fn an_entry_is_read_by_name() {
    let found = Weights::from_torch_entry(AMBIGUOUS, "state_dict").unwrap();
    assert_eq!(found.tensor("weight").unwrap().values, [1.0]);
}

#[test]
fn what_is_not_read_is_said() {
    let mut messages = Vec::new();
    for bytes in [AMBIGUOUS, MODULE, b"GGUF\x03\0\0\0\0\0", &ZIP[..ZIP.len() - 1], &LEGACY[..LEGACY.len() - 1]] {
        messages.push(Weights::from_torch(bytes).unwrap_err().to_string());
    }
    messages.push(Weights::from_torch_entry(NESTED, "model_ema").unwrap_err().to_string());
    messages.push(Weights::from_torch_entry(NESTED, "lr").unwrap_err().to_string());
    insta::assert_snapshot!(messages.join("\n"));
}

/// Every single byte of the files, changed: an error or other numbers, but no panic.
#[test]
fn no_changed_byte_makes_it_panic() {
    for original in [ZIP, LEGACY, NESTED, AMBIGUOUS] {
        let mut bytes = original.to_vec();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                bytes[at] ^= flip;
                if let Ok(weights) = Weights::from_torch(&bytes) {
                    weights.names().for_each(|name| drop(weights.tensor(name)));
                }
                bytes[at] ^= flip;
            }
        }
    }
}

#[test]
fn no_length_makes_it_panic() {
    for original in [ZIP, LEGACY] {
        for length in 0..original.len() {
            assert!(Weights::from_torch(&original[..length]).is_err(), "{length} bytes of {}", original.len());
        }
    }
}
