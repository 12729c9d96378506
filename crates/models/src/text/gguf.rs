//! The tokenizer in a GGUF file's metadata.

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, Tokenizer};

use super::{Added, SpecialTokens, TextTokenizer, TokenizerError};
use crate::weights::{Gguf, GgufError, MetadataValue};

impl TextTokenizer {
    /// Rebuilds the tokenizer of a GGUF file from its metadata.
    ///
    /// # Reference
    /// Pre-tokenizer `smollm`: every digit on its own, then byte-level BPE with the GPT-2 pattern. Control tokens (type
    /// 3) are matched whole before anything else. No token is added in front or behind.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Self, TokenizerError> {
        let (model, pre) = (gguf.text("tokenizer.ggml.model")?, gguf.text("tokenizer.ggml.pre")?);
        if (model, pre) != ("gpt2", "smollm") {
            return Err(TokenizerError::Kind { model: model.to_owned(), pre: pre.to_owned() });
        }
        let tokens = texts(gguf, "tokenizer.ggml.tokens")?;
        let kinds = gguf.list("tokenizer.ggml.token_type")?;
        let vocab: Vec<(String, u32)> = tokens.iter().zip(0u32..).map(|(&token, id)| (token.to_owned(), id)).collect();
        let merges = texts(gguf, "tokenizer.ggml.merges")?;
        let merges: Option<Vec<(String, String)>> =
            merges.iter().map(|merge| merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))).collect();
        let merges =
            merges.ok_or(GgufError::Metadata { key: "tokenizer.ggml.merges".to_owned(), expected: "pairs separated by a space" })?;
        let library = |error: tokenizers::Error| TokenizerError::Library(error.to_string());
        let bpe = BPE::builder().vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges).build().map_err(library)?;
        let mut inner = Tokenizer::new(bpe);
        let byte_level = ByteLevel::new(false, true, true);
        inner.with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Digits(Digits::new(true)),
            PreTokenizerWrapper::ByteLevel(byte_level),
        ])));
        inner.with_decoder(Some(byte_level));
        let control = tokens.iter().zip(kinds).filter(|(_, kind)| **kind == MetadataValue::Integer(3));
        let control: Vec<AddedToken> = control.map(|(&token, _)| AddedToken::from(token, true).normalized(false)).collect();
        inner.add_special_tokens(control).map_err(library)?;
        let id = |key: &str| gguf.integer(key).map(|id| id as u32);
        let special = SpecialTokens {
            bos: Some(id("tokenizer.ggml.bos_token_id")?),
            eos: Some(id("tokenizer.ggml.eos_token_id")?),
            pad: id("tokenizer.ggml.padding_token_id").ok(),
        };
        Self::new(inner, special, Added::Around { front: None, back: None })
    }
}

fn texts<'a>(gguf: &Gguf<'a>, key: &str) -> Result<Vec<&'a str>, GgufError> {
    let text = |value: &MetadataValue<'a>| match value {
        MetadataValue::Text(text) => Ok(*text),
        _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "a list of texts" }),
    };
    gguf.list(key)?.iter().map(text).collect()
}
