//! A small byte-level BPE, learned from captions.
//!
//! # Reference
//! Sennrich et al., arXiv 1508.07909; on bytes, with GPT-2's pattern of words.

use std::collections::HashSet;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::normalizers::utils::Lowercase;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

/// The token in front of a text.
pub const START: &str = "<|startoftext|>";
/// The token behind it, which it is read at.
pub const END: &str = "<|endoftext|>";
/// The id of [`START`].
pub const START_ID: u32 = 0;
/// The id of [`END`].
pub const END_ID: u32 = 1;

/// A tokenizer that puts [`START`] in front and [`END`] behind.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    context: usize,
}

impl Vocabulary {
    /// Learns at most `size` tokens. Texts are cut to `context` tokens, the two special ones included.
    pub fn learn(captions: &[String], size: usize, context: usize) -> Result<Self, tokenizers::Error> {
        let mut tokenizer = Tokenizer::new(BPE::default());
        let words = ByteLevel::new(true, true, true);
        tokenizer.with_normalizer(Some(Lowercase))?.with_pre_tokenizer(Some(words)).with_decoder(Some(words));
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let special = [START, END].map(|token| AddedToken::from(token, true));
        let trainer = BpeTrainerBuilder::new()
            .show_progress(false)
            .vocab_size(size)
            .initial_alphabet(alphabet.into_iter().collect::<HashSet<char>>())
            .special_tokens(special.to_vec())
            .build();
        let mut trainer: TrainerWrapper = trainer.into();
        tokenizer.train(&mut trainer, captions.iter())?;
        let around = TemplateProcessing::builder()
            .try_single(format!("{START} $A {END}"))?
            .special_tokens(vec![(START, START_ID), (END, END_ID)])
            .build()?;
        tokenizer.with_post_processor(Some(around));
        Ok(Self { tokenizer, context })
    }

    /// Distinct tokens.
    pub fn size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The token ids of a text.
    ///
    /// # Panics
    /// Never: byte-level BPE encodes any text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = self.tokenizer.encode_fast(text, true).expect("byte-level BPE encodes any text").get_ids().to_vec();
        if ids.len() > self.context {
            ids.truncate(self.context - 1);
            ids.push(END_ID);
        }
        ids
    }

    /// As the hub's `tokenizer.json`.
    pub fn to_json(&self) -> Result<String, tokenizers::Error> {
        self.tokenizer.to_string(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::captions::all_captions;
    use super::*;

    fn learned() -> Vocabulary {
        let names = ["tabby cat", "Persian cat", "sea slug", "water tower"].map(str::to_owned);
        Vocabulary::learn(&all_captions(names.iter()), 400, 10).unwrap()
    }

    #[test]
    fn learning_twice_gives_the_same_bytes() {
        assert_eq!(learned().to_json().unwrap(), learned().to_json().unwrap());
        assert_eq!(learned().size(), 400);
    }

    #[test]
    fn texts_are_lower_case_framed_and_cut() {
        let vocabulary = learned();
        let ids = vocabulary.encode("A photo of a Persian cat.");
        assert_eq!(ids, vocabulary.encode("a photo of a persian cat."));
        assert_eq!((ids[0], ids[ids.len() - 1]), (START_ID, END_ID));
        assert_eq!(vocabulary.tokenizer.decode(&ids, true).unwrap().trim(), "a photo of a persian cat.");
        let long = vocabulary.encode("ŷ never seen, and far too long for a context of ten");
        assert_eq!((long.len(), long[9]), (10, END_ID));
    }
}
