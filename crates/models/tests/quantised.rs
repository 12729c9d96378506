//! Every GGUF type, decoded to the bits that the format's own library decodes it to.
//!
//! `scripts/make_formats.py` makes the files and says what is in them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use reprogram_models::weights::{Gguf, Weights};

const BLOCKS: &[u8] = include_bytes!("fixtures/quantised/blocks.gguf");
const EXPECTED: &[u8] = include_bytes!("fixtures/quantised/expected.safetensors");

#[test]
fn every_type_is_decoded_to_the_same_bits() {
    let found = Gguf::parse(BLOCKS).unwrap().weights(|name| (name.to_owned(), None)).unwrap();
    let expected = Weights::from_safetensors(EXPECTED).unwrap();
    assert!(found.names().eq(expected.names()), "the two files have other tensors");
    assert_eq!(found.names().count(), 16);
    for name in expected.names() {
        let (found, expected) = (found.tensor(name).unwrap(), expected.tensor(name).unwrap());
        assert_eq!(found.shape, expected.shape, "{name}");
        let differ = found.values.iter().zip(&expected.values).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert_eq!(differ, 0, "{name}: values that differ of {}", expected.values.len());
    }
}
