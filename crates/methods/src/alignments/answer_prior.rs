//! Answers are divided by how likely they are anyway; what says so is a choice.
//!
//! `q = p̂ / p̂₀`, p̂ the answers' probabilities renormalised over the classes, `p̂₀`
//!
//! ```text
//! training-items   their mean over training items, whose labels are not looked at    batch calibration
//! domain-words     their mean over texts of words drawn from the training items      domain-context calibration
//! cue              those behind the template's cue alone                             PMI
//! ```
//!
//! Where each item brings its own answers, only the cue says anything of them, and its likelihoods come with the item's: `ln q` is then the
//! difference of both, which is the same up to a number that an item's answers share.
//!
//! # Reference
//! Batch calibration: Zhou et al., ICLR 2024, arXiv 2309.17249, eq. 3 (there the mean is over the tested batch, which makes a prediction
//! depend on the items beside it; here no test item is looked at). Domain-context: Fei et al., ACL 2023, arXiv 2305.19148, §4 (20
//! texts, as long as the mean text). PMI: Holtzman et al., EMNLP 2021, arXiv 2104.08315, eq. 2, with the cue as domain premise. q is kept in
//! the log domain.

use std::num::NonZeroUsize;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::log_softmax};
use rand::RngExt;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::contextual_calibration::{in_figures, log_prior, undecided};
use super::verbalizer::needs_answers;
use crate::beside::halves;
use crate::{Align, Beside, Evidence, Fitting, LabelledText, Part, Reads, Seed, Setup};

/// What says how likely answers are anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PriorOf {
    /// The training items without their labels.
    TrainingItems,
    /// Texts of words drawn from the training items.
    DomainWords {
        /// How many.
        texts: NonZeroUsize,
    },
    /// The template's cue alone.
    Cue,
}

/// `part = "answer-prior"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AnswerPriorSpec {
    /// What says how likely answers are anyway.
    pub of: PriorOf,
}

/// What answers are divided by.
#[derive(Module, Debug)]
pub struct AnswerPrior {
    /// `ln p̂₀`, `[1, target]`.
    log_prior: Param<Tensor<2>>,
    #[module(skip)]
    of: PriorOf,
    #[module(skip)]
    texts: Vec<String>,
    /// Whether each item brings its own answers, and with them how likely they are anyway.
    #[module(skip)]
    is_own: bool,
}

impl Part for AnswerPriorSpec {
    type Coordinates = Alignment;
    type Module = AnswerPrior;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<AnswerPrior, Misfit> {
        needs_answers(setup, "answer-prior")?;
        let texts = match self.of {
            PriorOf::DomainWords { texts } => texts_of_words(setup.train_texts, texts.get(), &setup.seed.fork("answer-prior"))?,
            PriorOf::TrainingItems | PriorOf::Cue => Vec::new(),
        };
        Ok(AnswerPrior { log_prior: undecided(setup), of: self.of, texts, is_own: setup.target.has_own_answers() })
    }
}

/// Texts of the mean length, their words drawn from all words of the training texts, frequent ones more often.
fn texts_of_words(texts: &[LabelledText], n: usize, seed: &Seed) -> Result<Vec<String>, Misfit> {
    let mut sorted: Vec<&LabelledText> = texts.iter().collect();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let words: Vec<&str> = sorted.iter().flat_map(|text| text.text.split_whitespace()).collect();
    if words.is_empty() {
        let needs = "training texts with words in them".to_owned();
        return Err(Misfit::PartNeeds { part: "answer-prior".to_owned(), needs });
    }
    let length = words.len().div_ceil(texts.len());
    let mut rng = seed.rng();
    let mut text = || (0..length).map(|_| words[rng.random_range(0..words.len())]).collect::<Vec<_>>().join(" ");
    Ok((0..n).map(|_| text()).collect())
}

impl Align for AnswerPrior {
    fn reads(&self) -> Reads {
        if self.is_own { Reads::AnswersBeside(Beside::Cue) } else { Reads::Answers }
    }

    fn evidence(&self) -> Evidence {
        match self.of {
            PriorOf::Cue if self.is_own => Evidence::None,
            PriorOf::TrainingItems => Evidence::TrainingEveryEpoch,
            PriorOf::DomainWords { .. } => Evidence::ContentFree(self.texts.clone()),
            PriorOf::Cue => Evidence::Cue,
        }
    }

    fn fit(&mut self, Fitting { scores, .. }: Fitting<'_>) {
        self.log_prior = log_prior(scores, &self.log_prior.val().device());
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        if self.is_own {
            let (scores, anyway) = halves(scores);
            return scores - anyway;
        }
        log_softmax(scores, 1) - self.log_prior.val()
    }

    fn note(&self) -> Option<String> {
        if self.is_own {
            return Some("probabilities behind the cue alone: of each item's own answers".to_owned());
        }
        let of = match self.of {
            PriorOf::TrainingItems => "over training items".to_owned(),
            PriorOf::DomainWords { texts } => format!("over {texts} texts of drawn words"),
            PriorOf::Cue => "behind the cue alone".to_owned(),
        };
        Some(format!("probabilities {of}: {}", in_figures(&self.log_prior)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::ParamId;
    use burn::tensor::Device;

    fn part(of: PriorOf) -> AnswerPrior {
        let zeros = Tensor::zeros([1, 2], &Device::flex());
        AnswerPrior { log_prior: Param::initialized(ParamId::new(), zeros), of, texts: Vec::new(), is_own: false }
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn probabilities_are_divided_by_their_mean() {
        let scores = Tensor::<2>::from_floats([[0.8f32.ln(), 0.2f32.ln()], [0.6f32.ln(), 0.4f32.ln()]], &Device::flex());
        let mut part = part(PriorOf::TrainingItems);
        part.fit(Fitting { scores: &scores, labels: &[1, 1] });
        let found = values(part.align(scores.clone()).exp());
        let expected = [0.8 / 0.7, 0.2 / 0.3, 0.6 / 0.7, 0.4 / 0.3];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
        let mut blind = part.clone();
        blind.fit(Fitting { scores: &scores, labels: &[0, 1] });
        assert_eq!(values(blind.align(scores.clone())), values(part.align(scores)), "labels are not looked at");
    }

    #[test]
    fn pmi_is_the_difference_of_log_likelihoods_up_to_a_constant() {
        let device = Device::flex();
        let mut part = part(PriorOf::Cue);
        part.fit(Fitting { scores: &Tensor::from_floats([[-2.0, -7.0]], &device), labels: &[] });
        let found = values(part.align(Tensor::from_floats([[-3.0, -6.5]], &device)));
        assert!(((found[0] - found[1]) - ((-3.0 + 2.0) - (-6.5 + 7.0))).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn own_answers_bring_their_prior() {
        let part = AnswerPrior { is_own: true, ..part(PriorOf::Cue) };
        assert_eq!((part.reads(), part.evidence()), (Reads::AnswersBeside(Beside::Cue), Evidence::None));
        let found = values(part.align(Tensor::from_floats([[-3.0, -6.5, -2.0, -7.0], [-3.0, -1e30, -2.0, 0.0]], &Device::flex())));
        assert_eq!(found, [-1.0, 0.5, -1.0, -1e30]);
    }

    #[test]
    fn drawn_texts_have_the_mean_length_and_the_words_of_the_domain() {
        let text = |id: &str, text: &str| LabelledText { id: id.to_owned(), text: text.to_owned(), label: 0, options: None };
        let texts = [text("a", "one two"), text("b", "three four five six")];
        let drawn = texts_of_words(&texts, 4, &Seed::new(1)).unwrap();
        assert_eq!(drawn.len(), 4);
        assert!(drawn.iter().all(|text| text.split(' ').count() == 3));
        assert!(drawn.iter().flat_map(|text| text.split(' ')).all(|word| "one two three four five six".contains(word)));
        let reversed = [texts[1].clone(), texts[0].clone()];
        assert_eq!(texts_of_words(&reversed, 4, &Seed::new(1)).unwrap(), drawn, "the order of the data does not matter");
        assert!(texts_of_words(&[], 4, &Seed::new(1)).is_err());
    }
}
