//! Which answer is the most likely one, its log-likelihood `ℓ` normalised in one of the field's ways; ties go to the first.
//!
//! | by | chosen is the largest | lm-evaluation-harness |
//! | --- | --- | --- |
//! | nothing | `ℓ` | `acc` |
//! | characters | `ℓ / characters of the answer` | `acc_norm` |
//! | bytes | `ℓ / bytes of the answer` | `acc_bytes` |
//! | tokens | `ℓ / tokens of the answer` | – |
//! | pointwise mutual information | `ℓ − ℓ with nothing in front` | `acc_mutual_info` |
//!
//! Answers are the words of the classes, or an item's own options, of which items may have different numbers.
//!
//! Where ω is a calibration, `ℓ` is what it was given: the numbers are those of the answers without it.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `lm_eval/api/task.py`. Tokens: Brown et al., arXiv 2005.14165, sec. 2.4. Mutual information: Holtzman et al.,
//! EMNLP 2021, arXiv 2104.08315.

use super::{Unscored, scored};
use crate::record::{AnswerScores, ExampleOutcome};

/// What a log-likelihood is made comparable by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalisation {
    /// Nothing.
    Raw,
    /// The answer's characters, without the space in front.
    PerCharacter,
    /// Its bytes in UTF-8.
    PerByte,
    /// The answer's scored tokens.
    PerToken,
    /// How likely the answer is with nothing in front.
    MutualInformation,
}

impl Normalisation {
    /// Each answer's worth.
    pub fn of(self, answers: &AnswerScores) -> Vec<f64> {
        let raw = || answers.log_likelihoods.iter().map(|&score| f64::from(score));
        let per = |lengths: &[u32]| raw().zip(lengths).map(|(score, &length)| score / f64::from(length)).collect();
        match self {
            Self::Raw => raw().collect(),
            Self::PerCharacter => per(&answers.characters),
            Self::PerByte => per(&answers.bytes),
            Self::PerToken => per(&answers.tokens),
            Self::MutualInformation => raw().zip(&answers.unconditional).map(|(score, &alone)| score - f64::from(alone)).collect(),
        }
    }
}

/// Share of items whose gold class's answer is chosen.
pub fn normalised_accuracy(outcomes: &[ExampleOutcome], normalisation: Normalisation) -> Result<f64, Unscored> {
    let mut right = 0;
    for outcome in outcomes {
        let gold = scored(outcome)?.gold;
        let answers = outcome.answers().ok_or_else(|| Unscored::NoAnswers { id: outcome.id.clone() })?;
        let worths = normalisation.of(answers);
        let chosen = (1..worths.len()).fold(0, |best, i| if worths[i] > worths[best] { i } else { best });
        right += usize::from(chosen == gold);
    }
    Ok(right as f64 / outcomes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;
    use crate::record::ItemReading;

    fn outcome(gold: usize, answers: Option<AnswerScores>) -> ExampleOutcome {
        let log_probabilities = vec![-0.1, -2.0, -3.0];
        ExampleOutcome { id: "item".to_owned(), reading: ItemReading::Scored { gold, prediction: 0, log_probabilities, answers } }
    }

    /// `no`, `ausgezeichnet`, `größer`: each way of counting prefers another one, worked out by hand.
    fn answers() -> AnswerScores {
        AnswerScores {
            log_likelihoods: vec![-4.0, -13.0, -6.1],
            unconditional: vec![-4.5, -18.0, -9.0],
            tokens: vec![1, 5, 2],
            characters: vec![2, 13, 6],
            bytes: vec![2, 13, 8],
        }
    }

    #[test]
    fn each_normalisation_is_the_formula() {
        let close = |found: Vec<f64>, expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, not {expected:?}");
        };
        close(Normalisation::Raw.of(&answers()), [-4.0, -13.0, -6.1]);
        close(Normalisation::PerCharacter.of(&answers()), [-2.0, -1.0, -6.1 / 6.0]);
        close(Normalisation::PerByte.of(&answers()), [-2.0, -1.0, -6.1 / 8.0]);
        close(Normalisation::PerToken.of(&answers()), [-4.0, -2.6, -3.05]);
        close(Normalisation::MutualInformation.of(&answers()), [0.5, 5.0, 2.9]);
    }

    #[test]
    fn the_answer_chosen_depends_on_it() {
        let chosen = |metric: Metric| (0..3).find(|&gold| metric.of(&[outcome(gold, Some(answers()))]) == Ok(1.0)).unwrap();
        assert_eq!(chosen(Metric::AccuracyRaw), 0);
        assert_eq!(chosen(Metric::AccuracyPerCharacter), 1);
        assert_eq!(chosen(Metric::AccuracyPerByte), 2);
        assert_eq!(chosen(Metric::AccuracyPerToken), 1);
        assert_eq!(chosen(Metric::AccuracyPmi), 1);
    }

    #[test]
    fn items_may_have_other_options_and_fewer_of_them() {
        let fewer = AnswerScores {
            log_likelihoods: vec![-3.0, -4.0],
            unconditional: vec![-3.0, -6.0],
            tokens: vec![1, 2],
            characters: vec![3, 8],
            bytes: vec![3, 8],
        };
        let outcome = |gold: usize, answers: AnswerScores| {
            let log_probabilities = vec![(1.0 / answers.tokens.len() as f32).ln(); answers.tokens.len()];
            let reading = ItemReading::Scored { gold, prediction: 0, log_probabilities, answers: Some(answers) };
            ExampleOutcome { id: "item".to_owned(), reading }
        };
        let outcomes = [outcome(1, fewer), outcome(1, answers())];
        assert_eq!(Metric::AccuracyRaw.of(&outcomes), Ok(0.0));
        for metric in [Metric::AccuracyPerCharacter, Metric::AccuracyPerByte, Metric::AccuracyPerToken, Metric::AccuracyPmi] {
            let expected = if metric == Metric::AccuracyPerByte { 0.5 } else { 1.0 };
            assert_eq!(metric.of(&outcomes), Ok(expected), "{metric}");
        }
        // Two options: (½)² + (½)²; three: (⅓)² + (⅔)² + (⅓)².
        let brier = Metric::Brier.of(&outcomes).unwrap();
        assert!((brier - f64::midpoint(0.5, 2.0 / 3.0)).abs() < 1e-6, "{brier}");
        let nll = Metric::Nll.of(&outcomes).unwrap();
        assert!((nll - f64::midpoint(2f64.ln(), 3f64.ln())).abs() < 1e-6, "{nll}");
        let ece = Metric::Ece.of(&outcomes).unwrap();
        assert!((ece - f64::midpoint(0.5, 1.0 / 3.0)).abs() < 1e-6, "{ece}");
        assert!(Metric::MacroF1.of(&outcomes).unwrap().is_finite());
    }

    #[test]
    fn a_tie_goes_to_the_first_and_what_is_not_stored_is_said() {
        let tied = AnswerScores { log_likelihoods: vec![-1.0; 3], ..answers() };
        assert_eq!(Metric::AccuracyRaw.of(&[outcome(0, Some(tied.clone())), outcome(1, Some(tied))]), Ok(0.5));
        let error = Metric::AccuracyPmi.of(&[outcome(0, None)]).unwrap_err();
        assert_eq!(error.to_string(), "no log-likelihoods of answers are stored for item item");
    }
}
