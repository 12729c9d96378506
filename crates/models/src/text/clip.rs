//! CLIP's byte pairs from the older pair of files.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020, §2.4, and its authors' `simple_tokenizer`: lower case, white space made one space, a word
//! ends with `</w>`. Deviation, as in the hub's fast tokenizer: characters are composed (NFC), but neither repaired
//! (`ftfy`) nor unescaped from HTML.

use std::collections::BTreeMap;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::normalizers::{Lowercase, NFC, NormalizerWrapper, Sequence};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as Steps;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::{Added, Codec, SpecialTokens, TextTokenizer, TokenizerError};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// Words, single digits, and runs of anything else that is no white space.
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

impl TextTokenizer {
    /// CLIP's tokenizer from its `vocab.json` and `merges.txt`. Texts are padded with the end token.
    pub fn clip(vocab: &[u8], merges: &[u8]) -> Result<Self, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Library(error.to_string());
        let vocab: BTreeMap<String, u32> =
            serde_json::from_slice(vocab).map_err(|error| TokenizerError::File { file: "vocab.json", reason: error.to_string() })?;
        let id = |token: &str| {
            let absent = || TokenizerError::File { file: "vocab.json", reason: format!("it has no `{token}`") };
            vocab.get(token).copied().ok_or_else(absent)
        };
        let (start, end) = (id(START)?, id(END)?);
        let bpe = BPE::builder()
            .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), pairs(merges)?)
            .unk_token(END.to_owned())
            .end_of_word_suffix("</w>".to_owned());
        let mut inner = Tokenizer::new(bpe.build().map_err(library)?);
        let space = Replace::new(ReplacePattern::Regex(r"\s+".to_owned()), " ").map_err(library)?;
        let normalizer =
            Sequence::new(vec![NormalizerWrapper::NFC(NFC), NormalizerWrapper::Replace(space), NormalizerWrapper::Lowercase(Lowercase)]);
        inner.with_normalizer(Some(normalizer)).map_err(library)?;
        let words = Split::new(SplitPattern::Regex(WORDS.to_owned()), SplitDelimiterBehavior::Removed, true).map_err(library)?;
        let byte_level = ByteLevel::new(false, true, true);
        inner.with_pre_tokenizer(Some(Steps::new(vec![PreTokenizerWrapper::Split(words), PreTokenizerWrapper::ByteLevel(byte_level)])));
        inner.with_decoder(Some(byte_level));
        inner.add_special_tokens([START, END].map(|token| AddedToken::from(token, true))).map_err(library)?;
        let special = SpecialTokens { bos: Some(start), eos: Some(end), pad: Some(end) };
        Self::new(Codec::Library(Box::new(inner)), special, Added::Around { front: Some(start), back: Some(end) })
    }
}

/// The lines of a `merges.txt`, its version line left out.
fn pairs(merges: &[u8]) -> Result<Merges, TokenizerError> {
    let damaged = |reason: String| TokenizerError::File { file: "merges.txt", reason };
    let text = std::str::from_utf8(merges).map_err(|error| damaged(error.to_string()))?;
    let lines = text.lines().enumerate().filter(|(i, line)| !(line.is_empty() || (*i == 0 && line.starts_with("#version"))));
    let pair = |(i, line): (usize, &str)| match line.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok((left.to_owned(), right.to_owned())),
        Some(_) | None => Err(damaged(format!("line {} is `{line}`, not two pieces", i + 1))),
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_errors() {
        let vocab = br#"{"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}"#;
        let cases = [
            TextTokenizer::clip(b"[]", b""),
            TextTokenizer::clip(br#"{"a": 0}"#, b""),
            TextTokenizer::clip(vocab, b"#version: 0.2\na b c\n"),
            TextTokenizer::clip(vocab, b"a c\n"),
        ];
        insta::assert_snapshot!(cases.map(|case| case.err().unwrap().to_string()).join("\n"));
        let tokenizer = TextTokenizer::clip(vocab, b"#version: 0.2\na b</w>\n").unwrap();
        assert_eq!(tokenizer.encode_with_special_tokens("  AB "), [3, 2, 4]);
        assert_eq!(tokenizer.decode(&[2, 2]), "ab ab");
    }
}
