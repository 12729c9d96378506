//! Prompts as segments, rendered once by a template.

use serde::{Deserialize, Serialize};

/// How a data set's items are put into words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What is asked, in a sentence. Only an instruction manipulation puts it in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// The item, with `{text}` where its text goes.
    pub input: String,
    /// What stands before the answer.
    pub cue: String,
    /// Between instruction, demonstrations and query.
    pub separator: String,
    /// The answer of each class: the verbalizer.
    pub labels: Vec<String>,
}

/// A worked example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demonstration {
    /// The item's text.
    pub text: String,
    /// Its class.
    pub label: usize,
}

/// A prompt, not yet rendered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// What is asked.
    pub instruction: Option<String>,
    /// Worked examples, in order.
    pub demonstrations: Vec<Demonstration>,
    /// The item's text.
    pub query: String,
}

impl Prompt {
    /// A bare item.
    pub fn new(query: &str) -> Self {
        Self { query: query.to_owned(), ..Self::default() }
    }
}

impl Template {
    /// The context of an answer: everything up to and including the cue, without a trailing space.
    pub fn render(&self, prompt: &Prompt) -> String {
        format!("{}{}", self.render_demonstrations(prompt), self.item(&prompt.query))
    }

    /// What stands in front of the item: instruction and demonstrations, a separator behind each.
    pub(crate) fn render_demonstrations(&self, prompt: &Prompt) -> String {
        let instruction = prompt.instruction.iter().cloned();
        let demonstrations = prompt.demonstrations.iter().map(|shot| format!("{}{}", self.item(&shot.text), self.answer(shot.label)));
        instruction.chain(demonstrations).map(|piece| piece + &self.separator).collect()
    }

    /// The continuation that stands for a class: a space, then its label.
    pub fn answer(&self, class: usize) -> String {
        format!(" {}", self.labels[class])
    }

    /// The continuations of all classes.
    pub fn answers(&self) -> Vec<String> {
        (0..self.labels.len()).map(|class| self.answer(class)).collect()
    }

    fn item(&self, text: &str) -> String {
        format!("{}\n{}", self.input.replace("{text}", text), self.cue)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn template() -> Template {
        Template {
            instruction: Some("Tell the mood.".to_owned()),
            input: "Review: {text}".to_owned(),
            cue: "Mood:".to_owned(),
            separator: "\n\n".to_owned(),
            labels: vec!["bad".to_owned(), "good".to_owned()],
        }
    }

    #[test]
    fn segments_are_rendered_in_order() {
        let prompt = Prompt {
            instruction: template().instruction,
            demonstrations: vec![Demonstration { text: "dull".to_owned(), label: 0 }, Demonstration { text: "fine".to_owned(), label: 1 }],
            query: "so so".to_owned(),
        };
        assert_eq!(
            template().render(&prompt),
            "Tell the mood.\n\nReview: dull\nMood: bad\n\nReview: fine\nMood: good\n\nReview: so so\nMood:"
        );
        assert_eq!(template().answers(), [" bad", " good"]);
    }
}
