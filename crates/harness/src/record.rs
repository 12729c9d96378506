//! What a trial leaves behind: one immutable JSON record, and one Parquet file of per-example outcomes.
//!
//! The record says everything that the numbers depend on. What is not in the key cannot change the number; costs,
//! device and provenance stand outside of the key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use reprogram_taxonomy::{Paradigm, Signature};

use crate::config::Refit;
use crate::costs::Parts;
use crate::forecasts::ItemErrors;
use crate::measure::Measure;

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Status {
    /// It ran to its end.
    Ok {
        /// What it measured.
        outcome: Outcome,
    },
    /// It broke. The reason is what it said.
    Failed {
        /// The error.
        reason: String,
    },
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// On the validation split, at the chosen epoch. It is what the choice was made by.
    pub validation: Metrics,
    /// On the test split, read once, at the chosen epoch.
    pub test: Metrics,
    /// The rule that chose the epoch, in words.
    pub selection: String,
    /// The chosen epoch, counted from one; zero where nothing is trained.
    pub epoch: usize,
    /// One line an epoch.
    pub curve: Vec<EpochPoint>,
    /// What it took.
    pub costs: Costs,
    /// SHA-256 of the trained program's parameters, in order.
    pub program_sha256: String,
    /// Notes of the alignment: the label mapping chosen, the calibration weights.
    pub alignment_notes: Vec<String>,
    /// What test items gave when they went through alone, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_invariance: Option<BatchInvariance>,
    /// Where answers in words are scored: how their tokens meet those of the test items' contexts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borders: Option<Borders>,
    /// How the chosen program was fitted once more, where it was: the test is of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit: Option<Refitted>,
}

/// The program, started anew and fitted once more with what was chosen on validation. What it took is among the costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refitted {
    /// On what.
    pub on: Refit,
    /// How many items that are.
    pub items: usize,
    /// Passes over them: up to the epoch that was chosen, with the learning rates of the whole course; zero where nothing is trained.
    pub epochs: usize,
    /// Steps of it; those of the costs hold them too.
    pub steps: usize,
    /// Mean training loss over the last of its epochs, where something is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
}

/// Test items once more, one at a time, by the chosen program: beside the batches that they were scored in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchInvariance {
    /// How many.
    pub items: usize,
    /// The greatest difference of a log-probability, in nats.
    pub max_difference: f64,
}

/// Pairs of a context and an answer whose tokens are not those of the two apart, so that what is scored behind the context alone is not
/// what the whole text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Borders {
    /// Pairs of the test split: its items times its classes.
    pub pairs: usize,
    /// Of them, those with a token across the border.
    pub crossed: usize,
}

/// Metrics of one split. They have an accuracy, or errors where series are forecast; never both, and never neither.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMetrics")]
pub struct Metrics {
    /// Items scored.
    pub n: usize,
    /// Share of items that were right: whose highest-scored class is the gold one, ties going to the lower index, or in whose
    /// generated text the gold answer was found; nothing where series are forecast, of which none is right or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Mean negative log-probability of the gold class, in nats; nothing where text is generated or series are forecast, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Items in whose generated text no answer was found; nothing where classes are scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<usize>,
    /// Errors of forecasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<ForecastErrors>,
}

/// Errors of forecasts: means over items of what [`crate::forecasts::ItemErrors`] says of each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastErrors {
    /// Mean squared error.
    pub mse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean absolute scaled error.
    pub mase: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetrics {
    n: usize,
    #[serde(default)]
    accuracy: Option<f64>,
    #[serde(default)]
    loss: Option<f64>,
    #[serde(default)]
    unanswered: Option<usize>,
    #[serde(default)]
    errors: Option<ForecastErrors>,
}

impl TryFrom<RawMetrics> for Metrics {
    type Error = &'static str;

    fn try_from(raw: RawMetrics) -> Result<Self, &'static str> {
        let RawMetrics { n, accuracy, loss, unanswered, errors } = raw;
        match (accuracy, errors) {
            (Some(_), None) | (None, Some(_)) => Ok(Self { n, accuracy, loss, unanswered, errors }),
            (None, None) => Err("metrics have neither `accuracy` nor `errors`"),
            (Some(_), Some(_)) => Err("metrics have both `accuracy` and `errors`"),
        }
    }
}

impl Metrics {
    /// Of items that are right or wrong.
    pub const fn right(n: usize, accuracy: f64, loss: Option<f64>) -> Self {
        Self { n, accuracy: Some(accuracy), loss, unanswered: None, errors: None }
    }

    /// Of forecasts.
    pub const fn forecast(n: usize, errors: ForecastErrors) -> Self {
        Self { n, accuracy: None, loss: None, unanswered: None, errors: Some(errors) }
    }

    /// What the items are judged by.
    pub const fn measure(&self) -> Measure {
        if self.errors.is_some() { Measure::Mse } else { Measure::Accuracy }
    }

    /// By that measure.
    pub fn value(&self) -> f64 {
        self.accuracy.or(self.errors.map(|errors| errors.mse)).expect("metrics have an accuracy or errors")
    }

    /// What choices are made by, greater being better: the measure, then the loss.
    pub fn merit(&self) -> (f64, Option<f64>) {
        (self.measure().sign() * self.value(), self.loss.map(std::ops::Neg::neg))
    }
}

/// One epoch of training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochPoint {
    /// Counted from one.
    pub epoch: usize,
    /// Mean training loss over the epoch, in nats; a mean squared error where series are forecast.
    pub train_loss: f64,
    /// Validation accuracy after it; nothing where series are forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Validation loss after it, in the unit of the training loss.
    pub validation_loss: f64,
}

/// What a trial took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Numbers that a gradient moves (a frame's masked centre is stored, but not trained).
    pub trainable_parameters: usize,
    /// Numbers that the optimizer holds, where a mask hides some of them; zero where it hides none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_parameters: usize,
    /// Numbers that the saved program holds, fitted mappings included.
    pub stored_parameters: usize,
    /// Items that went forward through f in training and fitting.
    pub forward_items_training: usize,
    /// Items that went forward through f in evaluation.
    pub forward_items_evaluation: usize,
    /// Of the items that went forward, those whose constant half had been computed by another trial; the counts include them.
    #[serde(default)]
    pub reused_items: usize,
    /// Other trials that went through f in the same passes; their seconds are equal shares of the time that all took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fused_with: usize,
    /// Tokens that were generated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generated_tokens: usize,
    /// Items that went backward through f.
    pub backward_items: usize,
    /// Items for which a rule that follows no gradient asked f in training: losses asked for, times items of each.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub queries: usize,
    /// Gradient steps taken.
    pub steps: usize,
    /// Wall seconds of training and fitting.
    pub seconds_training: f64,
    /// Wall seconds of evaluation.
    pub seconds_evaluation: f64,
    /// Peak resident memory of the process so far, in bytes; zero where the system does not say.
    pub peak_memory_bytes: u64,
    /// What each part took; nothing in records from before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Where and with what a trial ran. No number depends on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of this crate.
    pub version: String,
    /// Commit of the working tree, or `unknown`.
    pub commit: String,
    /// Whether the working tree had uncommitted changes.
    pub dirty: bool,
    /// The compute device, in words.
    pub device: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Threads that the trial had.
    pub threads: usize,
    /// UTC, RFC 3339.
    pub finished_at: String,
}

/// How settings were chosen, on validation, before the trials that run them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Searched {
    /// How points were ranked, in words.
    pub rule: String,
    /// The seed of all points.
    pub seed: u64,
    /// Points of the space, or of the draw from it.
    pub points: usize,
    /// Of them, those that do not fit.
    pub misfits: usize,
    /// The chosen values, as TOML, by their keys.
    pub chosen: BTreeMap<String, String>,
    /// What they reached on the validation split.
    pub validation: Metrics,
    /// Names of the files under `searched/` that say what became of each point.
    pub tried: Vec<String>,
    /// What all points took together: sums, of parameters and memory the largest.
    pub costs: Costs,
}

/// A trial's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Layout of this file.
    pub schema: u32,
    /// SHA-256 of the canonical form of everything that the numbers depend on.
    pub key: String,
    /// The sweep's name.
    pub sweep: String,
    /// The method's name in the sweep.
    pub method: String,
    /// Its coordinates.
    pub signature: Signature,
    /// Derived from the signature.
    pub paradigm: Paradigm,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The data set's number of classes; zero where answers are open or series are forecast.
    pub n_classes: usize,
    /// The trial's seed.
    pub seed: u64,
    /// Everything that went into the key, resolved, as JSON.
    pub config: serde_json::Value,
    /// How it ended.
    pub status: Status,
    /// How its settings were chosen, where they were searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
    /// Where and with what it ran.
    pub provenance: Provenance,
}

/// One scored test item. A trial's items are written to Parquet beside its record.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleOutcome {
    /// The item's id in its data set.
    pub id: String,
    /// What was made of it.
    pub reading: ItemReading,
}

/// What was made of a test item.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemReading {
    /// Its classes were scored.
    Scored {
        /// Gold class.
        gold: usize,
        /// Predicted class.
        prediction: usize,
        /// Log-probability of each class, in nats: log-softmax of the aligned scores. An item with fewer options than there are classes
        /// has one for each option.
        log_probabilities: Vec<f32>,
        /// What the classes' answers are worth before ω, where they are scored in one wording.
        answers: Option<AnswerScores>,
    },
    /// Text was generated for it.
    Generated {
        /// The gold answer, in the form that answers are found in.
        gold: String,
        /// The answer that was found, if one was.
        answer: Option<String>,
        /// All replies, turn by turn and as they are, and what was found in each.
        paths: Vec<GeneratedPath>,
    },
    /// Its future was forecast.
    Forecast {
        /// The values that came.
        gold: Vec<f32>,
        /// The values that were forecast.
        forecast: Vec<f32>,
        /// How far apart they are.
        errors: ItemErrors,
    },
}

/// The classes' answers, or the item's own, as lm-evaluation-harness scores choices, one number an answer: what all of its normalisations are functions of.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerScores {
    /// Log-likelihood behind the item, summed over tokens, in nats.
    pub log_likelihoods: Vec<f32>,
    /// The same with nothing in front.
    pub unconditional: Vec<f32>,
    /// Tokens that are scored.
    pub tokens: Vec<u32>,
    /// Characters of the answer, without the space in front.
    pub characters: Vec<u32>,
    /// Its bytes in UTF-8.
    pub bytes: Vec<u32>,
}

/// One reply to a test item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedPath {
    /// The texts, turn by turn.
    pub texts: Vec<String>,
    /// The answer that was found, if one was: its vote.
    pub answer: Option<String>,
}

/// Classes that were scored for a test item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredClasses<'a> {
    /// Gold class.
    pub gold: usize,
    /// Predicted class.
    pub prediction: usize,
    /// Log-probability of each class, in nats.
    pub log_probabilities: &'a [f32],
}

impl ExampleOutcome {
    /// Its classes, where they were scored.
    pub fn scored(&self) -> Option<ScoredClasses<'_>> {
        match &self.reading {
            ItemReading::Scored { gold, prediction, log_probabilities, answers: _ } => {
                Some(ScoredClasses { gold: *gold, prediction: *prediction, log_probabilities })
            }
            ItemReading::Generated { .. } | ItemReading::Forecast { .. } => None,
        }
    }

    /// What its classes' answers are worth before ω, where that is stored.
    pub const fn answers(&self) -> Option<&AnswerScores> {
        match &self.reading {
            ItemReading::Scored { answers, .. } => answers.as_ref(),
            ItemReading::Generated { .. } | ItemReading::Forecast { .. } => None,
        }
    }

    /// Whether it is right; nothing where its future was forecast.
    pub fn is_right(&self) -> Option<bool> {
        match &self.reading {
            ItemReading::Scored { gold, prediction, .. } => Some(gold == prediction),
            ItemReading::Generated { gold, answer, .. } => Some(answer.as_ref() == Some(gold)),
            ItemReading::Forecast { .. } => None,
        }
    }

    /// Its errors, where its future was forecast.
    pub fn errors(&self) -> Option<ItemErrors> {
        match &self.reading {
            ItemReading::Forecast { errors, .. } => Some(*errors),
            ItemReading::Scored { .. } | ItemReading::Generated { .. } => None,
        }
    }

    /// By what a trial's items are judged: one where it is right and zero where it is wrong, or its squared error.
    pub fn value(&self) -> f64 {
        match &self.reading {
            ItemReading::Forecast { errors, .. } => errors.squared,
            ItemReading::Scored { .. } | ItemReading::Generated { .. } => f64::from(u8::from(self.is_right() == Some(true))),
        }
    }
}

/// A cell that cannot run: the table's footnote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmptyCell {
    /// The method's name in the sweep.
    pub method: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The method's coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Why, in words.
    pub reason: String,
}

impl Record {
    /// Whether another record of the same trial says the same, times and provenance aside.
    pub fn same_numbers(&self, other: &Self) -> bool {
        let numbers = |record: &Self| {
            let mut record = record.clone();
            if let Status::Ok { outcome } = &mut record.status {
                outcome.costs.seconds_training = 0.0;
                outcome.costs.seconds_evaluation = 0.0;
                outcome.costs.peak_memory_bytes = 0;
                outcome.costs.reused_items = 0;
                outcome.costs.fused_with = 0;
                outcome.batch_invariance = None;
                outcome.costs.held_parameters = 0;
                outcome.costs.queries = 0;
                outcome.costs.parts = None;
            }
            record.provenance = other.provenance.clone();
            record.searched = None;
            record
        };
        numbers(self) == numbers(other)
    }
}
