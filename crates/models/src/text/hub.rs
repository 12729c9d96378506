//! A tokenizer of the hub: `tokenizer.json`, and what `tokenizer_config.json` says beside it.
//!
//! # Reference
//! The `tokenizers` library's own format; which keys of `tokenizer_config.json` count, and that an explicit
//! `add_bos_token` or `add_eos_token` takes the post-processor's place, as in transformers 5.23 `TokenizersBackend`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::ModelWrapper;
use tokenizers::{AddedToken, Tokenizer};

use super::{Added, Codec, SpecialTokens, TextTokenizer, TokenizerError};

const CONFIG: &str = "tokenizer_config.json";

/// What of `tokenizer_config.json` changes tokens. The rest describes the Python class.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    bos_token: Option<NamedToken>,
    eos_token: Option<NamedToken>,
    pad_token: Option<NamedToken>,
    add_bos_token: Option<bool>,
    add_eos_token: Option<bool>,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<u32, AddedToken>,
}

/// A token by its text, written as the text or as an object that has it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
struct NamedToken(String);

impl TryFrom<Value> for NamedToken {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value.get("content").unwrap_or(&value) {
            Value::String(text) => Ok(Self(text.clone())),
            other => Err(format!("a token is a text or an object with its `content`, not {other}")),
        }
    }
}

impl TextTokenizer {
    /// Reads a `tokenizer.json`, and the `tokenizer_config.json` beside it, which names the tokens that begin, end and fill
    /// up texts. Without one, they are those of the tokenizer's special tokens that have a usual name (`<s>`, `<eos>`, …).
    ///
    /// Truncation and padding that the file may ask for are left to the caller.
    pub fn from_tokenizer_json(json: &[u8], tokenizer_config: Option<&[u8]>) -> Result<Self, TokenizerError> {
        let damaged = |file, reason: String| TokenizerError::File { file, reason };
        let mut inner = Tokenizer::from_bytes(json).map_err(|error| damaged("tokenizer.json", error.to_string()))?;
        inner.with_padding(None).with_truncation(None).map_err(|error| TokenizerError::Library(error.to_string()))?;
        if let ModelWrapper::BPE(bpe) = inner.get_model()
            && let Some(dropout) = bpe.dropout.filter(|&dropout| dropout > 0.0)
        {
            return Err(TokenizerError::Dropout(dropout));
        }
        let Some(config) = tokenizer_config else {
            let special = usual_special_tokens(&inner);
            return Self::new(Codec::Library(Box::new(inner)), special, Added::PostProcessor);
        };
        let config: TokenizerConfig = serde_json::from_slice(config).map_err(|error| damaged(CONFIG, error.to_string()))?;
        for (&id, token) in &config.added_tokens_decoder {
            add_token(&mut inner, id, token)?;
        }
        let special = SpecialTokens {
            bos: named(&inner, config.bos_token.as_ref(), "bos_token")?,
            eos: named(&inner, config.eos_token.as_ref(), "eos_token")?,
            pad: named(&inner, config.pad_token.as_ref(), "pad_token")?,
        };
        let added = if config.add_bos_token.is_some() || config.add_eos_token.is_some() {
            let asked = |add: Option<bool>, id: Option<u32>| if add == Some(true) { id } else { None };
            Added::Around { front: asked(config.add_bos_token, special.bos), back: asked(config.add_eos_token, special.eos) }
        } else {
            Added::PostProcessor
        };
        Self::new(Codec::Library(Box::new(inner)), special, added)
    }
}

/// A token that the configuration lists; the tokenizer has it, or gets it with the same id.
fn add_token(inner: &mut Tokenizer, id: u32, token: &AddedToken) -> Result<(), TokenizerError> {
    if inner.token_to_id(&token.content).is_none() {
        inner.add_tokens([token.clone()]).map_err(|error| TokenizerError::Library(error.to_string()))?;
    }
    match inner.token_to_id(&token.content) {
        Some(found) if found == id => Ok(()),
        found => Err(TokenizerError::File {
            file: CONFIG,
            reason: format!("`{}` has id {id} in `added_tokens_decoder`, but {found:?} in the tokenizer", token.content),
        }),
    }
}

fn named(inner: &Tokenizer, token: Option<&NamedToken>, role: &str) -> Result<Option<u32>, TokenizerError> {
    let id = |NamedToken(token): &NamedToken| {
        let absent = || TokenizerError::Absent { file: CONFIG, token: token.clone(), role: role.to_owned() };
        inner.token_to_id(token).ok_or_else(absent)
    };
    token.map(id).transpose()
}

/// Special tokens by the names that they usually have; none where several of them are there.
fn usual_special_tokens(inner: &Tokenizer) -> SpecialTokens {
    const BOS: &[&str] = &["<s>", "<bos>", "[BOS]", "<|begin_of_text|>", "<|startoftext|>"];
    const EOS: &[&str] = &["</s>", "<eos>", "[EOS]", "<|end_of_text|>", "<|endoftext|>"];
    const PAD: &[&str] = &["<pad>", "[PAD]", "<|pad|>"];
    let added = inner.get_added_vocabulary();
    let only = |names: &[&str]| {
        let mut ids = names.iter().filter(|name| added.is_special_token(name)).filter_map(|name| inner.token_to_id(name));
        ids.next().filter(|_| ids.next().is_none())
    };
    SpecialTokens { bos: only(BOS), eos: only(EOS), pad: only(PAD) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": null, "added_tokens": [{"id": 1, "content": "</s>", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "</s>": 1, "a": 2}, "unk_token": "<unk>"}}"#;

    fn read(json: &str, config: Option<&str>) -> Result<TextTokenizer, TokenizerError> {
        TextTokenizer::from_tokenizer_json(json.as_bytes(), config.map(str::as_bytes))
    }

    #[test]
    fn what_cannot_be_a_tokenizer_is_refused() {
        let chance = r#"{"type": "BPE", "dropout": 0.5, "vocab": {"a": 0}, "merges": []}"#;
        let random = TINY.replace(&TINY[TINY.find(r#"{"type""#).unwrap()..TINY.len() - 1], chance).replace("\"id\": 1", "\"id\": 0");
        let cases = [
            read("{", None),
            read(&TINY.replace("\"unk_token\": \"<unk>\"", "\"unk_token\": \"?\""), None),
            read(&random, None),
            read(TINY, Some("[")),
            read(TINY, Some(r#"{"bos_token": 3}"#)),
            read(TINY, Some(r#"{"bos_token": "<s>"}"#)),
            read(
                TINY,
                Some(
                    r#"{"added_tokens_decoder": {"7": {"content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true}}}"#,
                ),
            ),
            read(TINY, None).and_then(|tokenizer| Err(tokenizer.bos().unwrap_err())),
            read(TINY, None).and_then(|tokenizer| Err(tokenizer.pad().unwrap_err())),
            read(TINY, Some("{}")).and_then(|tokenizer| Err(tokenizer.prefix().unwrap_err())),
        ];
        insta::assert_snapshot!(cases.map(|case| case.err().unwrap().to_string()).join("\n"));
    }

    #[test]
    fn the_configuration_names_tokens_and_says_which_are_added() {
        let plain = read(TINY, None).unwrap();
        assert_eq!(plain.special_tokens(), SpecialTokens { bos: None, eos: Some(1), pad: None });
        assert_eq!(plain.encode_with_special_tokens("a"), [2]);
        let config = r#"{"bos_token": {"content": "</s>"}, "eos_token": "</s>", "add_bos_token": true, "pad_token": null}"#;
        let named = read(TINY, Some(config)).unwrap();
        assert_eq!(named.special_tokens(), SpecialTokens { bos: Some(1), eos: Some(1), pad: None });
        assert_eq!((named.encode("a"), named.encode_with_special_tokens("a")), (vec![2], vec![1, 2]));
    }
}
