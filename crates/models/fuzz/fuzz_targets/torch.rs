//! Any bytes as a PyTorch checkpoint, and its tensors; and any bytes as the pickle of a legacy one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::weights::Weights;
use reprogram_models_fuzz::decode;

/// Magic number, protocol and system of the legacy form, up to the object.
const OPEN: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}\x8c\x0dlittle_endian\x88s.";

fuzz_target!(|bytes: &[u8]| {
    for bytes in [bytes, &[OPEN, bytes].concat()] {
        if let Ok(weights) = Weights::from_torch(bytes) {
            decode(&weights);
        }
    }
});
