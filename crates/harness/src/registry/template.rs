//! How an item of a text data set is put to a language model.

use reprogram_methods::{AnswerForm, Wording};
use serde::{Deserialize, Serialize};

/// The segments of a prompt, and the words that stand for the classes.
///
/// A prompt reads: the instruction, then the demonstrations and the query, all set apart by the separator. A demonstration
/// is the input, a line break, the cue, a blank and the label; the query ends with the cue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTemplate", rename_all = "kebab-case")]
pub struct Template {
    /// What is asked, once, at the beginning.
    pub instruction: String,
    /// The item; `{text}` stands for its text.
    pub input: String,
    /// What the label follows, on a line of its own; where it is empty, the label follows the item.
    pub cue: String,
    /// What stands between segments.
    pub separator: String,
    /// The verbalizer: a word for each class, in the order of the classes. None where answers are open, or each item brings its own.
    pub labels: Vec<String>,
    /// Other words for the same, for an ensemble.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Wording>,
    /// How an answer is asked for and found where text is generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawTemplate {
    instruction: String,
    input: String,
    cue: String,
    separator: String,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    variants: Vec<Wording>,
    #[serde(default)]
    answer: Option<AnswerForm>,
}

#[derive(Debug, thiserror::Error)]
enum BadTemplate {
    #[error("`input` must hold `{{text}}` once, but holds it {0} times")]
    Text(usize),
    #[error("`labels` of a variant names {found} classes, but the template's names {expected}")]
    VariantLabels { found: usize, expected: usize },
    #[error("`labels` has `{0}`; a label must be distinct and without blanks at its ends")]
    Label(String),
    #[error("`answer.extraction = \"{rule}\"` does not tell `{label}` from the other labels")]
    Untold { rule: &'static str, label: String },
    #[error("`answer.extraction = \"{rule}\"` finds no answer in that of the exemplar `{text}`")]
    Exemplar { rule: &'static str, text: String },
}

impl TryFrom<RawTemplate> for Template {
    type Error = BadTemplate;

    fn try_from(raw: RawTemplate) -> Result<Self, BadTemplate> {
        for input in [&raw.input].into_iter().chain(raw.variants.iter().map(|variant| &variant.input)) {
            let places = input.matches("{text}").count();
            if places != 1 {
                return Err(BadTemplate::Text(places));
            }
        }
        check_labels(&raw.labels)?;
        for labels in raw.variants.iter().filter_map(|variant| variant.labels.as_ref()) {
            check_labels(labels)?;
            if labels.len() != raw.labels.len() {
                return Err(BadTemplate::VariantLabels { found: labels.len(), expected: raw.labels.len() });
            }
        }
        if let Some(form) = &raw.answer {
            let rule = form.extraction.as_str();
            let normal: Vec<Option<String>> = raw.labels.iter().map(|label| form.extraction.normal(label)).collect();
            if let Some((place, _)) = normal.iter().enumerate().find(|(place, own)| own.is_none() || normal[..*place].contains(own)) {
                return Err(BadTemplate::Untold { rule, label: raw.labels[place].clone() });
            }
            if let Some(exemplar) = form.exemplars.iter().find(|exemplar| form.extraction.normal(&exemplar.answer).is_none()) {
                return Err(BadTemplate::Exemplar { rule, text: exemplar.text.clone() });
            }
        }
        let RawTemplate { instruction, input, cue, separator, labels, variants, answer } = raw;
        Ok(Self { instruction, input, cue, separator, labels, variants, answer })
    }
}

fn check_labels(labels: &[String]) -> Result<(), BadTemplate> {
    let is_bad = |(class, label): (usize, &String)| label.is_empty() || label.trim() != label || labels[..class].contains(label);
    match labels.iter().enumerate().find(|&(class, label)| is_bad((class, label))) {
        Some((_, label)) => Err(BadTemplate::Label(label.clone())),
        None => Ok(()),
    }
}

impl Template {
    /// The input segment of this text.
    pub fn render_input(&self, text: &str) -> String {
        self.input.replacen("{text}", text, 1)
    }

    /// The same with the cue and an answer behind it.
    pub fn render_answered(&self, text: &str, answer: &str) -> String {
        let input = self.render_input(text);
        if self.cue.is_empty() { format!("{input} {answer}") } else { format!("{input}\n{} {answer}", self.cue) }
    }
}
