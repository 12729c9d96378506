//! Each class is an answer in words; its score is the log-likelihood of the whole answer after the prompt, or that divided by the
//! answer's length.
//!
//! # Reference
//! Schick and Schütze, EACL 2021, arXiv 2001.07676, §3 (verbalizers); answers of several tokens are scored by their
//! summed log-likelihood, as lm-evaluation-harness scores choices. Lengths are those of the label without the space in front:
//! characters as in its `acc_norm`, bytes as in its `acc_bytes`; tokens as Brown et al., arXiv 2005.14165, §2.4.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::beside::halves;
use crate::{Align, Beside, Part, Prompt, Reads, Setup};

/// `part = "verbalizer"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerbalizerSpec {
    /// What a log-likelihood is divided by the number of; nothing when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
}

/// A measure of an answer's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// Characters of the label.
    Character,
    /// Bytes of the label in UTF-8.
    Byte,
    /// Tokens of the answer behind the cue.
    Token,
}

impl Per {
    /// An answer's length, which begins with a space: that does not count. `tokens`: how many of them are scored.
    pub(crate) fn of(self, answer: &str, tokens: impl FnOnce() -> usize) -> usize {
        match self {
            Self::Character => answer.chars().count() - 1,
            Self::Byte => answer.len() - 1,
            Self::Token => tokens(),
        }
    }
}

/// A table of answers, which the data set's template holds, or each item.
#[derive(Module, Debug, Default)]
pub struct Verbalizer {
    /// Of each class's answer, where it counts.
    #[module(skip)]
    lengths: Option<Vec<f32>>,
    /// The length of an item's own answers that counts, if one does: it comes with their log-likelihoods.
    #[module(skip)]
    own: Option<Per>,
}

/// The misfit of a part that needs answers in words, each of a token at least.
pub(super) fn needs_answers(setup: &Setup<'_>, part: &str) -> Result<(), Misfit> {
    let misfit = |needs: String| Misfit::PartNeeds { part: part.to_owned(), needs };
    let (Some(template), Some(tokenizer)) = (&setup.target.template, setup.backbone.tokenizer()) else {
        return Err(misfit("a language model and a data set whose template has answers in words".to_owned()));
    };
    let bare = template.render(&Prompt::new(""));
    match template.answers().iter().find(|answer| tokenizer.encode_pair(&bare, answer).continuation.is_empty()) {
        None => Ok(()),
        Some(answer) => Err(misfit(format!("answers that the tokenizer keeps apart from the cue: of `{answer}` no token is left"))),
    }
}

impl Part for VerbalizerSpec {
    type Coordinates = Alignment;
    type Module = Verbalizer;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Verbalizer, Misfit> {
        needs_answers(setup, "verbalizer")?;
        Ok(if setup.target.has_own_answers() {
            Verbalizer { lengths: None, own: self.per }
        } else {
            Verbalizer { lengths: self.per.map(|per| lengths(setup, per)), own: None }
        })
    }
}

/// The length of each class's answer.
fn lengths(setup: &Setup<'_>, per: Per) -> Vec<f32> {
    let (Some(template), Some(tokenizer)) = (&setup.target.template, setup.backbone.tokenizer()) else {
        unreachable!("answers were asked for before")
    };
    let bare = template.render(&Prompt::new(""));
    let length = |answer: &String| per.of(answer, || tokenizer.encode_pair(&bare, answer).continuation.len());
    template.answers().iter().map(|answer| length(answer) as f32).collect()
}

impl Align for Verbalizer {
    fn reads(&self) -> Reads {
        self.own.map_or(Reads::Answers, |per| Reads::AnswersBeside(Beside::Length(per)))
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        if self.own.is_some() {
            let (scores, lengths) = halves(scores);
            return scores / lengths;
        }
        match &self.lengths {
            None => scores,
            Some(lengths) => {
                let data = TensorData::new(lengths.clone(), [1, lengths.len()]);
                scores.clone() / Tensor::from_data(data, in_f32(&scores.device()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_length_divides_a_log_likelihood() {
        let scores = || Tensor::<2>::from_floats([[-6.0, -9.0]], &Device::flex());
        let aligned = |lengths| -> Vec<f32> { Verbalizer { lengths, own: None }.align(scores()).try_into_vec_as().unwrap() };
        assert_eq!(aligned(None), [-6.0, -9.0]);
        assert_eq!(aligned(Some(vec![2.0, 9.0])), [-3.0, -1.0]);
    }

    #[test]
    fn lengths_of_own_answers_come_with_them() {
        let part = Verbalizer { lengths: None, own: Some(Per::Byte) };
        let scores = Tensor::<2>::from_floats([[-6.0, -9.0, 2.0, 9.0], [-6.0, -1e30, 3.0, 1.0]], &Device::flex());
        let found: Vec<f32> = part.align(scores).try_into_vec_as().unwrap();
        assert_eq!(found, [-3.0, -1.0, -2.0, -1e30]);
    }
}
