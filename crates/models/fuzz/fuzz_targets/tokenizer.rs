//! Any bytes as GGUF, whose metadata make a tokenizer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reprogram_models::TextTokenizer;
use reprogram_models::weights::Gguf;

const TEXT: &str = "Ünder 3 skies: it's <|im_end|> 2026\n\n";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::parse(bytes)
        && let Ok(tokenizer) = TextTokenizer::from_gguf(&gguf)
    {
        let ids = tokenizer.encode(TEXT);
        tokenizer.decode(&ids);
        tokenizer.decode(&[0, u32::MAX]);
        tokenizer.encode_with_special_tokens(TEXT);
        tokenizer.encode_pair(TEXT, " yes");
    }
});
