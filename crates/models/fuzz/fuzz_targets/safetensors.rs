//! Any bytes as safetensors, and their tensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::weights::Weights;
use reprogram_models_fuzz::decode;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(weights) = Weights::from_safetensors(bytes) {
        decode(&weights);
    }
});
