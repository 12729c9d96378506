//! Any bytes as an index of safetensors files, none of which is given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::weights::{ShardIndex, Weights};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = ShardIndex::parse(bytes) {
        assert!(index.files().all(|file| !file.contains(['/', '\\', ':']) && !file.starts_with('.')));
        assert!(Weights::join([], &index).is_err());
        let empty = index.files().map(|file| (file.to_owned(), Weights::default()));
        assert!(Weights::join(empty, &index).is_err());
    }
});
