//! Text that is generated in turns: what the model is asked, and what it said.
//!
//! A dialogue begins with the item's context. Parts say, turn by turn, what comes next; where none does, the answer is asked for at
//! once. The answer is found in what was said last.

use crate::{AnswerForm, Template};

/// What the model is asked: a text that it goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The text.
    pub prompt: String,
    /// How far it goes on, at most.
    pub max_tokens: usize,
    /// Texts in front of which it stops, beside the beginning of another item.
    pub stops: Vec<String>,
}

/// A turn that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What was asked.
    pub prompt: String,
    /// What the model went on with, without the stop text.
    pub text: String,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The model is asked this.
    Ask(Turn),
    /// Nothing: what was said last holds the answer.
    Answered,
}

/// One item's dialogue so far.
#[derive(Debug, Clone, Copy)]
pub struct Dialogue<'a> {
    /// The item in its template, with all that stands in front of it, up to the cue.
    pub context: &'a str,
    /// The item's text.
    pub question: &'a str,
    /// How items are put into words.
    pub template: &'a Template,
    /// How an answer is asked for.
    pub form: &'a AnswerForm,
    /// Whether the context shows by examples what an answer looks like.
    pub is_shown: bool,
    /// Tokens of an answer, at most.
    pub answer_tokens: usize,
    /// The turns taken.
    pub said: &'a [Said],
}

impl Turn {
    /// Asked until another item begins.
    pub fn new(prompt: String, max_tokens: usize) -> Self {
        Self { prompt, max_tokens, stops: Vec::new() }
    }

    /// Also in front of this text, if it is any.
    #[must_use]
    pub fn until(mut self, stop: &str) -> Self {
        if !stop.is_empty() {
            self.stops.push(stop.to_owned());
        }
        self
    }
}

impl Dialogue<'_> {
    /// Asks for the answer at once: by the data set's phrase, or, where examples show what an answer looks like, by nothing.
    pub fn direct(&self) -> Step {
        if !self.said.is_empty() {
            return Step::Answered;
        }
        let prompt = if self.is_shown { self.context.to_owned() } else { format!("{} {}", self.context, self.form.sentence()) };
        Step::Ask(Turn::new(prompt, self.answer_tokens))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Extraction;
    use crate::prompt::tests::template;

    pub(crate) fn form() -> AnswerForm {
        AnswerForm { phrase: "the mood is".to_owned(), extraction: Extraction::Line1, exemplars: vec![] }
    }

    pub(crate) fn dialogue<'a>(template: &'a Template, form: &'a AnswerForm, said: &'a [Said]) -> Dialogue<'a> {
        let context = "Review: fine\nMood:";
        Dialogue { context, question: "fine", template, form, is_shown: false, answer_tokens: 3, said }
    }

    #[test]
    fn the_answer_is_asked_for_at_once() {
        let (template, form) = (template(), form());
        let bare = dialogue(&template, &form, &[]);
        assert_eq!(bare.direct(), Step::Ask(Turn::new("Review: fine\nMood: The mood is".to_owned(), 3)));
        let shown = Dialogue { is_shown: true, ..bare };
        assert_eq!(shown.direct(), Step::Ask(Turn::new("Review: fine\nMood:".to_owned(), 3)));
        let said = [Said { prompt: String::new(), text: "good".to_owned() }];
        assert_eq!(dialogue(&template, &form, &said).direct(), Step::Answered);
    }
}
