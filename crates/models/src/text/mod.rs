//! Text to tokens and back.
//!
//! ```text
//! tokenizer.json (the hub's)    TextTokenizer::from_tokenizer_json
//! vocab.json and merges.txt     TextTokenizer::clip
//! GGUF metadata                 TextTokenizer::from_gguf
//! ```

mod chat;
mod clip;
mod error;
mod gguf;
mod hub;
mod sentence_piece;

use tokenizers::models::ModelWrapper;
use tokenizers::{DecoderWrapper, Model, Tokenizer};

pub use chat::{ChatContext, ChatDate, ChatEnd, ChatError, ChatMessage, ChatTemplate};
pub use error::{SpecialToken, TokenizerError};
use sentence_piece::SentencePiece;

/// Ids of the tokens that mark a text, where the tokenizer has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpecialTokens {
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Fills up short rows.
    pub pad: Option<u32>,
}

/// A context and its continuation in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPair {
    /// Never empty.
    pub context: Vec<u32>,
    /// The scored tokens.
    pub continuation: Vec<u32>,
}

/// Where a continuation begins among the tokens of both texts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// Tokens of the continuation that are scored.
    pub n_tokens: usize,
    /// Whether the context alone has other tokens than in front of the continuation, so that what is scored is not what the whole text
    /// begins and ends with.
    pub is_crossed: bool,
}

/// What a tokenizer adds to a text on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// What the post-processor of its `tokenizer.json` says.
    PostProcessor,
    /// These two.
    Around { front: Option<u32>, back: Option<u32> },
}

/// Who makes the tokens.
enum Codec {
    /// The `tokenizers` library.
    Library(Box<Tokenizer>),
    /// Merges by score, which the library has not.
    Scored(Box<SentencePiece>),
}

/// A tokenizer with the ids that matter.
pub struct TextTokenizer {
    codec: Codec,
    special: SpecialTokens,
    added: Added,
    /// Stands for the space behind a word in decoded text.
    word_end: Option<String>,
}

impl TextTokenizer {
    /// A tokenizer that was tried out: every text must have tokens.
    fn new(codec: Codec, special: SpecialTokens, added: Added) -> Result<Self, TokenizerError> {
        /// Stands in no vocabulary, so that a model must fall back on its unknown token.
        const IN_NO_VOCABULARY: &str = "\u{10fffd}";
        let word_end = match &codec {
            Codec::Library(inner) => {
                inner.get_model().tokenize(IN_NO_VOCABULARY).map_err(|error| TokenizerError::NoUnknown(error.to_string()))?;
                match (inner.get_model(), inner.get_decoder()) {
                    (ModelWrapper::BPE(bpe), Some(DecoderWrapper::ByteLevel(_))) => bpe.end_of_word_suffix.clone(),
                    _ => None,
                }
            }
            Codec::Scored(_) => None,
        };
        Ok(Self { codec, special, added, word_end })
    }

    /// Ids of the tokens that mark a text.
    pub const fn special_tokens(&self) -> SpecialTokens {
        self.special
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Result<u32, TokenizerError> {
        self.special.bos.ok_or(TokenizerError::NoSpecial(SpecialToken::Bos))
    }

    /// The token that ends a text.
    pub fn eos(&self) -> Result<u32, TokenizerError> {
        self.special.eos.ok_or(TokenizerError::NoSpecial(SpecialToken::Eos))
    }

    /// The token that fills up short rows.
    pub fn pad(&self) -> Result<u32, TokenizerError> {
        self.special.pad.ok_or(TokenizerError::NoSpecial(SpecialToken::Pad))
    }

    /// The token that stands for an empty context.
    ///
    /// # Reference
    /// lm-evaluation-harness 4e7e0d4, `prefix_token_id`: what begins a text, else what ends one.
    pub fn prefix(&self) -> Result<u32, TokenizerError> {
        self.special.bos.or(self.special.eos).ok_or(TokenizerError::NoSpecial(SpecialToken::Prefix))
    }

    /// The id of one token by its exact text.
    pub fn id(&self, token: &str) -> Option<u32> {
        match &self.codec {
            Codec::Library(inner) => inner.token_to_id(token),
            Codec::Scored(pieces) => pieces.id(token),
        }
    }

    /// The exact text of one token.
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.codec {
            Codec::Library(inner) => inner.id_to_token(id),
            Codec::Scored(pieces) => pieces.token(id).map(str::to_owned),
        }
    }

    /// Distinct tokens.
    pub fn n_tokens(&self) -> usize {
        match &self.codec {
            Codec::Library(inner) => inner.get_vocab_size(true),
            Codec::Scored(pieces) => pieces.n_tokens(),
        }
    }

    /// Token ids of a text, nothing added.
    ///
    /// # Panics
    /// Never: a tokenizer without tokens for some text is refused when it is read.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.ids(text, false)
    }

    /// Token ids of a text with what the tokenizer puts around it: CLIP's start and end, BERT's `[CLS]` and `[SEP]`, the
    /// beginning-of-text token of Llama and Gemma.
    ///
    /// # Panics
    /// Never, as [`TextTokenizer::encode`].
    pub fn encode_with_special_tokens(&self, text: &str) -> Vec<u32> {
        match self.added {
            Added::PostProcessor => self.ids(text, true),
            Added::Around { front, back } => front.into_iter().chain(self.ids(text, false)).chain(back).collect(),
        }
    }

    fn ids(&self, text: &str, with_special_tokens: bool) -> Vec<u32> {
        match &self.codec {
            Codec::Library(inner) => inner.encode_fast(text, with_special_tokens).expect("unknown texts were tried").get_ids().to_vec(),
            Codec::Scored(pieces) => pieces.encode(text),
        }
    }

    /// The text of token ids, special tokens included. Ids beyond the vocabulary have none.
    ///
    /// # Panics
    /// Never: decoders accept any tokens.
    pub fn decode(&self, ids: &[u32]) -> String {
        let text = match &self.codec {
            Codec::Library(inner) => inner.decode(ids, false).expect("decoders accept any tokens"),
            Codec::Scored(pieces) => pieces.decode(ids),
        };
        match &self.word_end {
            Some(word_end) => text.replace(word_end, " ").trim().to_owned(),
            None => text,
        }
    }

    /// A context and the continuation to be scored after it.
    ///
    /// # Panics
    /// When the context is empty and the tokenizer has no [`TextTokenizer::prefix`]: a language model is not loaded with
    /// such a tokenizer.
    ///
    /// # Reference
    /// lm-evaluation-harness 4e7e0d4, `lm_eval/api/model.py` `_encode_pair`: trailing spaces of the context move to the
    /// continuation; the context is encoded alone, and the continuation's tokens are what encoding both together has
    /// beyond that length (so a token that spans the border is fed in two pieces); an empty context is one prefix token.
    pub fn encode_pair(&self, context: &str, continuation: &str) -> EncodedPair {
        let trimmed = context.trim_end();
        let continuation = format!("{}{continuation}", &context[trimmed.len()..]);
        if trimmed.is_empty() {
            let prefix = self.prefix().expect("a language model's tokenizer has one");
            let continuation = self.encode(&continuation);
            return match continuation.split_first() {
                Some((&first, rest)) if first == prefix => EncodedPair { context: vec![first], continuation: rest.to_vec() },
                _ => EncodedPair { context: vec![prefix], continuation },
            };
        }
        let context = self.encode(trimmed);
        let whole = self.encode(&format!("{trimmed}{continuation}"));
        let continuation = whole.get(context.len()..).unwrap_or_default().to_vec();
        EncodedPair { context, continuation }
    }

    /// The borders of a context and each of its continuations, as [`TextTokenizer::encode_pair`] has them.
    ///
    /// # Panics
    /// As there.
    pub fn borders(&self, context: &str, continuations: &[String]) -> Vec<Border> {
        let trimmed = context.trim_end();
        let alone = self.encode(trimmed);
        let border = |continuation: &String| {
            if trimmed.is_empty() {
                return Border { n_tokens: self.encode_pair(context, continuation).continuation.len(), is_crossed: false };
            }
            let whole = self.encode(&format!("{context}{continuation}"));
            Border { n_tokens: whole.len().saturating_sub(alone.len()), is_crossed: !whole.starts_with(&alone) }
        };
        continuations.iter().map(border).collect()
    }
}
