//! Tokenizers that cannot be built, and texts that one cannot handle.

use std::fmt;

use crate::weights::GgufError;

/// A token by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialToken {
    /// Begins a text.
    Bos,
    /// Ends a text.
    Eos,
    /// Fills up short rows.
    Pad,
    /// Stands for an empty context: begins a text, or ends one.
    Prefix,
}

impl fmt::Display for SpecialToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bos => "beginning-of-text token (`bos_token`)",
            Self::Eos => "end-of-text token (`eos_token`)",
            Self::Pad => "padding token (`pad_token`)",
            Self::Prefix => "token that begins or ends a text (`bos_token`, `eos_token`)",
        })
    }
}

/// A tokenizer that cannot be built, or a token that it does not have.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Metadata is missing.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A tokenizer of another kind.
    #[error(
        "the GGUF tokenizer is of kind `{model}` with pre-tokenizer `{pre}`, which is not read\n  \
         help: `llama` is, and `gpt2` with `smollm`, `llama-bpe`, `qwen2`, `gpt-2` or `default`"
    )]
    Kind {
        /// `tokenizer.ggml.model`
        model: String,
        /// `tokenizer.ggml.pre`
        pre: String,
    },
    /// A tokenizer of a kind that is read, but with something that is not.
    #[error("the GGUF tokenizer is not read: {0}")]
    Metadata(String),
    /// The library refused it.
    #[error("the tokenizer cannot be built: {0}")]
    Library(String),
    /// A file that is not what it should be.
    #[error("{file} is damaged: {reason}")]
    File {
        /// Which.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Some texts would have no tokens.
    #[error("the tokenizer has no tokens for unknown text: {0}\n  help: its `unk_token` must be in its vocabulary")]
    NoUnknown(String),
    /// Tokens would depend on chance.
    #[error("the tokenizer leaves out merges by chance (`dropout` is {0})\n  help: set `model.dropout` in its tokenizer.json to null")]
    Dropout(f32),
    /// A token that is named but has no id.
    #[error("{file} names `{token}` as {role}, but the tokenizer has no such token")]
    Absent {
        /// Where it is named.
        file: &'static str,
        /// Its text.
        token: String,
        /// What for.
        role: String,
    },
    /// A token that is needed, but that the tokenizer does not name.
    #[error("the tokenizer has no {0}\n  help: name it in the tokenizer_config.json beside the tokenizer.json")]
    NoSpecial(SpecialToken),
}
