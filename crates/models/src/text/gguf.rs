//! The tokenizer in a GGUF file's metadata.
//!
//! # Reference
//! GGUF specification, `tokenizer.ggml.*`; which pattern a name stands for, and what is added where the file does not say,
//! as in llama.cpp (`llm_tokenizer_bpe`, `llm_tokenizer_spm`). Deviation: texts are composed (NFC) for `qwen2`, as the
//! hub's tokenizer of that family does.

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::sentence_piece::{SentencePiece, Token, TokenKind};
use super::{Added, Codec, SpecialTokens, TextTokenizer, TokenizerError};
use crate::weights::{Gguf, GgufError, MetadataValue};

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";

/// How byte-level BPE cuts a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Gpt2,
    SmolLm,
    Llama3,
    Qwen2,
    Default,
}

impl Words {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gpt-2" => Self::Gpt2,
            "smollm" => Self::SmolLm,
            "llama-bpe" => Self::Llama3,
            "qwen2" => Self::Qwen2,
            "default" => Self::Default,
            _ => return None,
        })
    }

    /// Patterns that cut one after the other, and whether GPT-2's follows.
    const fn patterns(self) -> (&'static [&'static str], bool) {
        match self {
            Self::Gpt2 | Self::SmolLm => (&[], true),
            Self::Llama3 => (
                &[r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
                false,
            ),
            Self::Qwen2 => (
                &[r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
                false,
            ),
            Self::Default => (
                &[
                    r"[\p{P}\$\+<=>\^~\|]+",
                    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
                    r"\p{N}+",
                    r"[0-9][0-9][0-9]",
                ],
                false,
            ),
        }
    }

    fn pre_tokenizer(self) -> Result<Sequence, TokenizerError> {
        let (patterns, gpt2_follows) = self.patterns();
        let mut steps = Vec::new();
        if self == Self::SmolLm {
            steps.push(PreTokenizerWrapper::Digits(Digits::new(true)));
        }
        for &pattern in patterns {
            let split = Split::new(SplitPattern::Regex(pattern.to_owned()), SplitDelimiterBehavior::Isolated, false);
            steps.push(PreTokenizerWrapper::Split(split.map_err(library)?));
        }
        steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, gpt2_follows)));
        Ok(Sequence::new(steps))
    }
}

impl TextTokenizer {
    /// Rebuilds the tokenizer of a GGUF file from its metadata: byte-level BPE (`gpt2`) with the pre-tokenizer `smollm`,
    /// `llama-bpe` (Llama 3), `qwen2`, `gpt-2` or `default`, or BPE by scores (`llama`: Llama 2, Mistral, Gemma).
    ///
    /// Control tokens and user-defined ones (types 3 and 4) are matched whole before anything else.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Self, TokenizerError> {
        let model = gguf.text("tokenizer.ggml.model")?;
        let pre = optional(gguf, "tokenizer.ggml.pre", "a text", as_text)?;
        let words = pre.and_then(Words::named);
        if gguf.get("tokenizer.ggml.precompiled_charsmap").is_some() {
            return Err(TokenizerError::Metadata("it rewrites characters (`tokenizer.ggml.precompiled_charsmap`)".to_owned()));
        }
        if optional(gguf, "tokenizer.ggml.remove_extra_whitespaces", "a boolean", as_bool)? == Some(true) {
            return Err(TokenizerError::Metadata("it removes white space (`tokenizer.ggml.remove_extra_whitespaces`)".to_owned()));
        }
        let (codec, begins) = match (model, words) {
            ("gpt2", Some(words)) => (Codec::Library(Box::new(byte_level(gguf, words)?)), words == Words::Llama3),
            ("llama", _) => (Codec::Scored(Box::new(scored(gguf)?)), true),
            _ => return Err(TokenizerError::Kind { model: model.to_owned(), pre: pre.unwrap_or("none").to_owned() }),
        };
        let n_tokens = gguf.list(TOKENS)?.len();
        let id = |key: &str| {
            let is_id = |value: &MetadataValue<'_>| match *value {
                MetadataValue::Integer(id) if usize::try_from(id).is_ok_and(|id| id < n_tokens) => Some(id as u32),
                _ => None,
            };
            optional(gguf, key, "the id of a token", is_id)
        };
        let special = SpecialTokens {
            bos: id("tokenizer.ggml.bos_token_id")?,
            eos: id("tokenizer.ggml.eos_token_id")?,
            pad: id("tokenizer.ggml.padding_token_id")?,
        };
        let asked = |key: &str, default: bool| Ok::<_, GgufError>(optional(gguf, key, "a boolean", as_bool)?.unwrap_or(default));
        let front = if asked("tokenizer.ggml.add_bos_token", begins)? { special.bos } else { None };
        let back = if asked("tokenizer.ggml.add_eos_token", false)? { special.eos } else { None };
        Self::new(codec, special, Added::Around { front, back })
    }
}

fn library(error: tokenizers::Error) -> TokenizerError {
    TokenizerError::Library(error.to_string())
}

fn byte_level(gguf: &Gguf<'_>, words: Words) -> Result<Tokenizer, TokenizerError> {
    let tokens = all(gguf, TOKENS, "a list of texts", as_text)?;
    let kinds = all(gguf, KINDS, "a list of integers", as_integer)?;
    let vocab: Vec<(String, u32)> = tokens.iter().zip(0u32..).map(|(&token, id)| (token.to_owned(), id)).collect();
    let merges = all(gguf, MERGES, "pairs separated by a space", |value| {
        as_text(value)?.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
    })?;
    let bpe = BPE::builder().vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges as Merges);
    let mut inner = Tokenizer::new(bpe.ignore_merges(words == Words::Llama3).build().map_err(library)?);
    if words == Words::Qwen2 {
        inner.with_normalizer(Some(NFC)).map_err(library)?;
    }
    inner.with_pre_tokenizer(Some(words.pre_tokenizer()?));
    inner.with_decoder(Some(ByteLevel::default()));
    let added = tokens.iter().zip(kinds).filter_map(|(&token, kind)| match TokenKind::from_gguf(kind) {
        Some(TokenKind::Control) => Some(AddedToken::from(token, true).normalized(false)),
        Some(TokenKind::UserDefined) => Some(AddedToken::from(token, false).normalized(false)),
        Some(TokenKind::Normal | TokenKind::Unknown | TokenKind::Unused | TokenKind::Byte) | None => None,
    });
    inner.add_tokens(added).map_err(library)?;
    Ok(inner)
}

fn scored(gguf: &Gguf<'_>) -> Result<SentencePiece, TokenizerError> {
    let texts = all(gguf, TOKENS, "a list of texts", as_text)?;
    let scores = all(gguf, SCORES, "a list of numbers", |value| match *value {
        MetadataValue::Float(score) => Some(score as f32),
        _ => None,
    })?;
    let kinds = all(gguf, KINDS, "a list of token types from 1 to 6", |value| TokenKind::from_gguf(as_integer(value)?))?;
    for (key, length) in [(SCORES, scores.len()), (KINDS, kinds.len())] {
        if length != texts.len() {
            return Err(TokenizerError::Metadata(format!("`{key}` has {length} entries for {} tokens", texts.len())));
        }
    }
    let tokens = texts.iter().zip(scores).zip(kinds).map(|((&text, score), kind)| Token { text: text.to_owned(), score, kind });
    let space_in_front = optional(gguf, "tokenizer.ggml.add_space_prefix", "a boolean", as_bool)?.unwrap_or(true);
    SentencePiece::new(tokens.collect(), space_in_front)
        .map_err(|byte| TokenizerError::Metadata(format!("it has no token of type 6 for the byte <0x{byte:02X}>")))
}

fn as_text<'a>(value: &MetadataValue<'a>) -> Option<&'a str> {
    if let MetadataValue::Text(text) = value { Some(text) } else { None }
}

const fn as_bool(value: &MetadataValue<'_>) -> Option<bool> {
    if let MetadataValue::Bool(value) = value { Some(*value) } else { None }
}

const fn as_integer(value: &MetadataValue<'_>) -> Option<i64> {
    if let MetadataValue::Integer(value) = value { Some(*value) } else { None }
}

fn optional<'a, T>(
    gguf: &Gguf<'a>,
    key: &str,
    expected: &'static str,
    read: impl Fn(&MetadataValue<'a>) -> Option<T>,
) -> Result<Option<T>, GgufError> {
    let bad = || GgufError::Metadata { key: key.to_owned(), expected };
    gguf.get(key).map(|value| read(value).ok_or_else(bad)).transpose()
}

fn all<'a, T>(
    gguf: &Gguf<'a>,
    key: &str,
    expected: &'static str,
    read: impl Fn(&MetadataValue<'a>) -> Option<T>,
) -> Result<Vec<T>, GgufError> {
    let values: Option<Vec<T>> = gguf.list(key)?.iter().map(read).collect();
    values.ok_or_else(|| GgufError::Metadata { key: key.to_owned(), expected })
}
