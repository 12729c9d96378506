//! Text to tokens and back.

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, Tokenizer};

use crate::weights::{Gguf, GgufError, MetadataValue};

/// A tokenizer that cannot be built, or a text that it cannot handle.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Metadata is missing.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A tokenizer of another kind.
    #[error("the GGUF tokenizer is of kind `{model}` with pre-tokenizer `{pre}`, but only byte-level BPE (`gpt2`) with `smollm` is read")]
    Kind {
        /// `tokenizer.ggml.model`
        model: String,
        /// `tokenizer.ggml.pre`
        pre: String,
    },
    /// The library refused it.
    #[error("the tokenizer cannot be built: {0}")]
    Library(String),
}

/// A context and its continuation in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPair {
    /// Never empty.
    pub context: Vec<u32>,
    /// The scored tokens.
    pub continuation: Vec<u32>,
}

/// A tokenizer with the ids that matter.
pub struct TextTokenizer {
    inner: Tokenizer,
    /// Stands in front of an empty context.
    prefix: u32,
    eos: u32,
}

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
        Ok(Self { inner, prefix: id("tokenizer.ggml.bos_token_id")?, eos: id("tokenizer.ggml.eos_token_id")? })
    }

    /// The token that ends a text.
    pub const fn eos(&self) -> u32 {
        self.eos
    }

    /// Token ids of a text, nothing added.
    ///
    /// # Panics
    /// Never: byte-level BPE encodes any text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.inner.encode_fast(text, false).expect("byte-level BPE encodes any text").get_ids().to_vec()
    }

    /// The text of token ids, special tokens included.
    ///
    /// # Panics
    /// Never: the byte-level decoder accepts any ids.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, false).expect("the byte-level decoder accepts any ids")
    }

    /// A context and the continuation to be scored after it.
    ///
    /// # Reference
    /// lm-evaluation-harness 4e7e0d4, `lm_eval/api/model.py` `_encode_pair`: trailing spaces of the context move to the
    /// continuation; the context is encoded alone, and the continuation's tokens are what encoding both together has
    /// beyond that length (so a token that spans the border is fed in two pieces); an empty context is one prefix token.
    pub fn encode_pair(&self, context: &str, continuation: &str) -> EncodedPair {
        let trimmed = context.trim_end();
        let continuation = format!("{}{continuation}", &context[trimmed.len()..]);
        if trimmed.is_empty() {
            let continuation = self.encode(&continuation);
            return match continuation.split_first() {
                Some((&first, rest)) if first == self.prefix => EncodedPair { context: vec![first], continuation: rest.to_vec() },
                _ => EncodedPair { context: vec![self.prefix], continuation },
            };
        }
        let context = self.encode(trimmed);
        let whole = self.encode(&format!("{trimmed}{continuation}"));
        let continuation = whole.get(context.len()..).unwrap_or_default().to_vec();
        EncodedPair { context, continuation }
    }
}

fn texts<'a>(gguf: &Gguf<'a>, key: &str) -> Result<Vec<&'a str>, GgufError> {
    let text = |value: &MetadataValue<'a>| match value {
        MetadataValue::Text(text) => Ok(*text),
        _ => Err(GgufError::Metadata { key: key.to_owned(), expected: "a list of texts" }),
    };
    gguf.list(key)?.iter().map(text).collect()
}
