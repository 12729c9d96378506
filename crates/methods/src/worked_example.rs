//! A question with its answer in words and, where it is written down, the way to it.

use serde::{Deserialize, Serialize};

/// A worked example: from the training items, or written for a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkedExample {
    /// The item's text.
    pub text: String,
    /// How one comes to the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// The answer.
    pub answer: String,
}

impl WorkedExample {
    /// What stands behind the cue: the way, if it is asked for, then the answer.
    pub(crate) fn told(&self, way: Way) -> String {
        match (way, &self.rationale) {
            (Way::Shown, Some(rationale)) => format!("{rationale} {ANSWER_CUE} {}.", self.answer),
            (Way::Shown | Way::Left, _) => format!("{ANSWER_CUE} {}.", self.answer),
        }
    }
}

/// What the answers of worked examples follow, so that a generated answer can be found behind it.
///
/// # Reference
/// `kojima-takeshi188/zero_shot_cot@5ef330f`, `direct_answer_trigger_for_fewshot`.
pub const ANSWER_CUE: &str = "The answer is";

/// Whether the way to the answer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// It is: a chain of thought.
    #[default]
    Shown,
    /// It is not: the control.
    Left,
}
