//! Metrics of a trial from its stored outcomes: one record of log-probabilities, scored by any of them, without the model.
//!
//! | name | is | better |
//! | --- | --- | --- |
//! | `accuracy` | share of items whose prediction is the gold class | higher |
//! | `balanced-accuracy` | mean recall over the classes that occur | higher |
//! | `macro-f1` | mean F1 over the classes that occur or are predicted | higher |
//! | `nll` | mean negative log-probability of the gold class, in nats | lower |
//! | `brier` | mean of `Σ_k (p_k − 1[k = gold])²` | lower |
//! | `ece` | expected calibration error over 15 bins of equal width | lower |
//! | `accuracy-raw`, `-per-character`, `-per-byte`, `-per-token`, `-pmi` | share of items whose gold answer is the likeliest, so normalised | higher |
//! | `mse` | mean squared error of forecasts | lower |
//! | `mae` | mean absolute error of forecasts | lower |
//! | `mase` | mean absolute scaled error of forecasts | lower |
//!
//! The file of each says its formula and where it is from.

mod calibration;
mod confusion;
mod normalised;
mod proper;

use std::fmt;

use clap::ValueEnum;

pub use calibration::{BINS, expected_calibration_error};
pub use confusion::Confusion;
pub use normalised::{Normalisation, normalised_accuracy};
pub use proper::{brier, negative_log_likelihood};

use crate::forecasts::ItemErrors;
use crate::record::{ExampleOutcome, ScoredClasses};

/// What a trial's outcomes are scored by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Metric {
    /// Share of items whose prediction is the gold class.
    Accuracy,
    /// Mean recall over the classes that occur.
    BalancedAccuracy,
    /// Mean F1 over the classes that occur or are predicted.
    #[value(name = "macro-f1")]
    MacroF1,
    /// Mean negative log-probability of the gold class, in nats.
    Nll,
    /// Mean squared distance of probabilities from the gold class, summed over classes.
    Brier,
    /// Expected calibration error over 15 bins of equal width.
    Ece,
    /// Share of items whose gold answer has the largest summed log-likelihood before ω (`acc` of lm-evaluation-harness).
    AccuracyRaw,
    /// The same, divided by the label's characters (`acc_norm`).
    AccuracyPerCharacter,
    /// The same, divided by the label's bytes (`acc_bytes`).
    AccuracyPerByte,
    /// The same, divided by the answer's tokens.
    AccuracyPerToken,
    /// The same, less the log-likelihood with nothing in front (`acc_mutual_info`).
    AccuracyPmi,
    /// Mean squared error of forecasts.
    Mse,
    /// Mean absolute error of forecasts.
    Mae,
    /// Mean absolute scaled error of forecasts.
    Mase,
}

/// Why there is no number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unscored {
    /// No item was scored.
    #[error("there is no item")]
    NoItem,
    /// An item has no class: its answer was found in a generated text.
    #[error("item {id} has no class: its answer was found in a text")]
    NoClass {
        /// The item.
        id: String,
    },
    /// An item has no answers in words, or a folder is of a time when they were not stored.
    #[error("no log-likelihoods of answers are stored for item {id}")]
    NoAnswers {
        /// The item.
        id: String,
    },
    /// An item is not right or wrong: its future was forecast.
    #[error("item {id} is neither right nor wrong: its future was forecast")]
    Forecast {
        /// The item.
        id: String,
    },
    /// An item has no errors: nothing was forecast.
    #[error("item {id} has no error of a forecast")]
    NoForecast {
        /// The item.
        id: String,
    },
    /// An item has no probabilities: its answer was read off a text.
    #[error("item {id} has no log-probability of its gold class")]
    NoProbability {
        /// The item.
        id: String,
    },
}

impl Metric {
    /// All of them, in the order of the table above.
    pub const ALL: [Self; 14] = [
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::MacroF1,
        Self::Nll,
        Self::Brier,
        Self::Ece,
        Self::AccuracyRaw,
        Self::AccuracyPerCharacter,
        Self::AccuracyPerByte,
        Self::AccuracyPerToken,
        Self::AccuracyPmi,
        Self::Mse,
        Self::Mae,
        Self::Mase,
    ];

    /// How answers are normalised, where it is a function of their log-likelihoods before ω.
    pub const fn normalisation(self) -> Option<Normalisation> {
        match self {
            Self::Accuracy
            | Self::BalancedAccuracy
            | Self::MacroF1
            | Self::Nll
            | Self::Brier
            | Self::Ece
            | Self::Mse
            | Self::Mae
            | Self::Mase => None,
            Self::AccuracyRaw => Some(Normalisation::Raw),
            Self::AccuracyPerCharacter => Some(Normalisation::PerCharacter),
            Self::AccuracyPerByte => Some(Normalisation::PerByte),
            Self::AccuracyPerToken => Some(Normalisation::PerToken),
            Self::AccuracyPmi => Some(Normalisation::MutualInformation),
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced-accuracy",
            Self::MacroF1 => "macro-f1",
            Self::Nll => "nll",
            Self::Brier => "brier",
            Self::Ece => "ece",
            Self::AccuracyRaw => "accuracy-raw",
            Self::AccuracyPerCharacter => "accuracy-per-character",
            Self::AccuracyPerByte => "accuracy-per-byte",
            Self::AccuracyPerToken => "accuracy-per-token",
            Self::AccuracyPmi => "accuracy-pmi",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Mase => "mase",
        }
    }

    /// Whether it is one of forecasts; the others are of answers that are right or wrong.
    pub const fn is_of_forecasts(self) -> bool {
        matches!(self, Self::Mse | Self::Mae | Self::Mase)
    }

    /// Of a trial's items.
    pub fn of(self, outcomes: &[ExampleOutcome]) -> Result<f64, Unscored> {
        if outcomes.is_empty() {
            return Err(Unscored::NoItem);
        }
        match self {
            Self::Accuracy => mean_of(outcomes, correctness),
            Self::BalancedAccuracy => Ok(Confusion::of(outcomes)?.balanced_accuracy()),
            Self::MacroF1 => Ok(Confusion::of(outcomes)?.macro_f1()),
            Self::Nll => mean_of(outcomes, negative_log_likelihood),
            Self::Brier => mean_of(outcomes, brier),
            Self::Ece => expected_calibration_error(outcomes, BINS),
            Self::AccuracyRaw => normalised_accuracy(outcomes, Normalisation::Raw),
            Self::AccuracyPerCharacter => normalised_accuracy(outcomes, Normalisation::PerCharacter),
            Self::AccuracyPerByte => normalised_accuracy(outcomes, Normalisation::PerByte),
            Self::AccuracyPerToken => normalised_accuracy(outcomes, Normalisation::PerToken),
            Self::AccuracyPmi => normalised_accuracy(outcomes, Normalisation::MutualInformation),
            Self::Mse => mean_of(outcomes, squared_error),
            Self::Mae => mean_of(outcomes, |outcome| errors(outcome).map(|errors| errors.absolute)),
            Self::Mase => mean_of(outcomes, |outcome| errors(outcome).map(|errors| errors.scaled)),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn mean_of(outcomes: &[ExampleOutcome], item: impl Fn(&ExampleOutcome) -> Result<f64, Unscored>) -> Result<f64, Unscored> {
    let total: f64 = outcomes.iter().map(item).sum::<Result<f64, Unscored>>()?;
    Ok(total / outcomes.len() as f64)
}

/// One where an item is right, zero where it is wrong.
pub fn correctness(outcome: &ExampleOutcome) -> Result<f64, Unscored> {
    let right = outcome.is_right().ok_or_else(|| Unscored::Forecast { id: outcome.id.clone() })?;
    Ok(f64::from(u8::from(right)))
}

/// The mean squared error of an item's forecast.
pub fn squared_error(outcome: &ExampleOutcome) -> Result<f64, Unscored> {
    errors(outcome).map(|errors| errors.squared)
}

fn errors(outcome: &ExampleOutcome) -> Result<ItemErrors, Unscored> {
    outcome.errors().ok_or_else(|| Unscored::NoForecast { id: outcome.id.clone() })
}

/// Probabilities of an item's classes.
fn probabilities(outcome: &ExampleOutcome) -> Result<Vec<f64>, Unscored> {
    let scored = scored(outcome)?;
    if scored.gold >= scored.log_probabilities.len() {
        return Err(Unscored::NoProbability { id: outcome.id.clone() });
    }
    Ok(scored.log_probabilities.iter().map(|value| f64::from(*value).exp()).collect())
}

/// An item's classes.
fn scored(outcome: &ExampleOutcome) -> Result<ScoredClasses<'_>, Unscored> {
    match outcome.errors() {
        Some(_) => Err(Unscored::Forecast { id: outcome.id.clone() }),
        None => outcome.scored().ok_or_else(|| Unscored::NoClass { id: outcome.id.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ItemReading;

    pub(super) fn outcome(gold: usize, prediction: usize, log_probabilities: &[f32]) -> ExampleOutcome {
        let reading = ItemReading::Scored { gold, prediction, log_probabilities: log_probabilities.to_vec(), answers: None };
        ExampleOutcome { id: "item".to_owned(), reading }
    }

    /// Ties go to the lower class, as in a trial.
    fn argmax(row: &[f32]) -> usize {
        (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
    }

    #[test]
    fn agrees_with_scikit_learn() {
        let text = include_str!("../../tests/fixtures/stats/reference.json");
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases = all["classification"].as_array().unwrap();
        assert!(cases.len() >= 6);
        for case in cases {
            let golds: Vec<usize> = serde_json::from_value(case["gold"].clone()).unwrap();
            let rows: Vec<Vec<f32>> = serde_json::from_value(case["log_probabilities"].clone()).unwrap();
            let outcomes: Vec<ExampleOutcome> = golds.iter().zip(&rows).map(|(&gold, row)| outcome(gold, argmax(row), row)).collect();
            let close = |name: &str, found: f64| {
                let expected = case[name].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-6, "{}, {name}: {found} is not {expected}", case["name"]);
            };
            close("accuracy", Metric::Accuracy.of(&outcomes).unwrap());
            close("balanced_accuracy", Metric::BalancedAccuracy.of(&outcomes).unwrap());
            close("macro_f1", Metric::MacroF1.of(&outcomes).unwrap());
            close("nll", Metric::Nll.of(&outcomes).unwrap());
            close("brier", Metric::Brier.of(&outcomes).unwrap());
            close("ece", expected_calibration_error(&outcomes, case["bins"].as_u64().unwrap() as usize).unwrap());
            let confusion: Vec<Vec<usize>> = serde_json::from_value(case["confusion"].clone()).unwrap();
            assert_eq!(Confusion::of(&outcomes).unwrap().counts(), confusion, "{}", case["name"]);
        }
    }

    #[test]
    fn what_has_no_probabilities_has_no_loss_but_an_accuracy() {
        let outcomes = [outcome(1, 1, &[]), outcome(0, 1, &[])];
        assert_eq!(Metric::Accuracy.of(&outcomes), Ok(0.5));
        for metric in [Metric::Nll, Metric::Brier, Metric::Ece] {
            assert_eq!(metric.of(&outcomes).unwrap_err().to_string(), "item item has no log-probability of its gold class");
        }
    }

    #[test]
    fn a_generated_answer_is_right_or_wrong_and_no_class() {
        let generated = |answer: &str| ExampleOutcome {
            id: "item".to_owned(),
            reading: ItemReading::Generated { gold: "7".to_owned(), answer: Some(answer.to_owned()), paths: vec![] },
        };
        let outcomes = [generated("7"), generated("8")];
        assert_eq!(Metric::Accuracy.of(&outcomes), Ok(0.5));
        for metric in [Metric::BalancedAccuracy, Metric::MacroF1, Metric::Nll, Metric::Brier, Metric::Ece] {
            assert_eq!(metric.of(&outcomes).unwrap_err().to_string(), "item item has no class: its answer was found in a text");
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the same numbers, computed in one way")]
    fn a_forecast_has_errors_and_nothing_else() {
        let (gold, forecast) = (vec![1.0, 3.0], vec![2.0, 1.0]);
        let errors = ItemErrors::of(&gold, &forecast, 0.5);
        let outcomes = [ExampleOutcome { id: "item".to_owned(), reading: ItemReading::Forecast { gold, forecast, errors } }];
        let found = [Metric::Mse, Metric::Mae, Metric::Mase].map(|metric| metric.of(&outcomes).unwrap());
        assert_eq!(found, [2.5, 1.5, 3.0]);
        for metric in [Metric::Accuracy, Metric::MacroF1, Metric::Nll, Metric::Ece] {
            assert_eq!(metric.of(&outcomes).unwrap_err().to_string(), "item item is neither right nor wrong: its future was forecast");
        }
        assert_eq!(Metric::Mae.of(&[outcome(1, 1, &[])]).unwrap_err().to_string(), "item item has no error of a forecast");
    }

    #[test]
    fn nothing_has_no_score() {
        assert!(Metric::ALL.iter().all(|metric| metric.of(&[]) == Err(Unscored::NoItem)));
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for metric in Metric::ALL {
            assert_eq!(metric.to_possible_value().unwrap().get_name(), metric.as_str());
        }
    }
}
