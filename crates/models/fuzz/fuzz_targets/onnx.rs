//! Any bytes as ONNX, and its initialisers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::weights::Onnx;
use reprogram_models_fuzz::decode;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(onnx) = Onnx::parse(bytes) {
        decode(&onnx.weights());
    }
});
