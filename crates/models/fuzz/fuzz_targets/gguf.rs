//! Any bytes as GGUF, and their tensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::weights::Gguf;
use reprogram_models_fuzz::decode;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::parse(bytes) {
        decode(&gguf.weights(|name| (name.to_owned(), None)).expect("names stay as they are"));
    }
});
