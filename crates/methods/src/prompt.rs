//! Prompts as segments, rendered once by a template.

use serde::{Deserialize, Serialize};

use crate::worked_example::{Way, WorkedExample};
use crate::{Extraction, Options};

/// How a data set's items are put into words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What is asked, in a sentence. Only an instruction manipulation puts it in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// The item, with `{text}` where its text goes.
    pub input: String,
    /// What stands before the answer, on a line of its own. Where it is empty, the answer follows the item.
    pub cue: String,
    /// Between instruction, demonstrations and query.
    pub separator: String,
    /// The answer of each class: the verbalizer. None where answers are open, or each item brings its own.
    pub labels: Vec<String>,
    /// Other words for the same, which an ensemble puts beside these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Wording>,
    /// How an answer is asked for and found where text is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerForm>,
}

/// Other words for an item and its answers. What is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// The item, with `{text}` where its text goes.
    pub input: String,
    /// What stands before the answer.
    pub cue: String,
    /// The answer of each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// How an answer is asked for in generated text, and found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AnswerForm {
    /// What asks for it, in lower case: `the answer (arabic numerals) is`.
    pub phrase: String,
    /// What it looks like.
    pub extraction: Extraction,
    /// Worked examples that were written for this data set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemplars: Vec<WorkedExample>,
}

impl AnswerForm {
    /// The phrase at the beginning of a sentence.
    pub fn sentence(&self) -> String {
        let mut chars = self.phrase.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
    }
}

/// A worked example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demonstration {
    /// The item's text.
    pub text: String,
    /// Its class.
    pub label: usize,
    /// Its own answers, where it brings any.
    pub options: Option<Options>,
}

/// A prompt, not yet rendered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// What is asked.
    pub instruction: Option<String>,
    /// Worked examples, in order.
    pub demonstrations: Vec<Demonstration>,
    /// Worked examples with answers in words, in order, and whether the way to the answer is told.
    pub worked: Vec<(WorkedExample, Way)>,
    /// The item's text.
    pub query: String,
    /// The item's own answers, where it brings any.
    pub options: Option<Options>,
    /// Texts that f has read apart from each other, all of which the prompt continues.
    pub groups: Vec<String>,
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
        self.put_together(prompt, self.shots(prompt), self.item(&prompt.query))
    }

    /// The context of a class's answer: that of the item, or of the beginning that the class is an option of.
    pub fn context(&self, prompt: &Prompt, class: usize) -> String {
        let text = prompt.options.as_ref().and_then(|options| options.beginning(class)).unwrap_or(&prompt.query);
        self.put_together(prompt, self.shots(prompt), self.item(text))
    }

    /// What stands in front of the item: instruction and demonstrations, a separator behind each.
    pub(crate) fn render_demonstrations(&self, prompt: &Prompt) -> String {
        let instruction = prompt.instruction.iter().cloned();
        instruction.chain(self.shots(prompt)).map(|piece| piece + &self.separator).collect()
    }

    /// All worked examples of a prompt.
    fn shots(&self, prompt: &Prompt) -> Vec<String> {
        let worked = prompt.worked.iter().map(|(example, way)| format!("{} {}", self.item(&example.text), example.told(*way)));
        self.demonstrations(&prompt.demonstrations).into_iter().chain(worked).collect()
    }

    /// The worked examples as they stand in a context, each with its answer.
    pub fn demonstrations(&self, demonstrations: &[Demonstration]) -> Vec<String> {
        let shown = |shot: &Demonstration| {
            let text = shot.options.as_ref().and_then(|options| options.beginning(shot.label)).unwrap_or(&shot.text);
            format!("{}{}", self.item(text), self.answer_of(shot.options.as_ref(), shot.label))
        };
        demonstrations.iter().map(shown).collect()
    }

    /// The context of an item's text, the other way round: in every example and before the item the answer comes first. It ends where
    /// the text begins, without a trailing space.
    pub fn render_reversed(&self, prompt: &Prompt, class: usize) -> String {
        let answered = |label: usize| format!("{}{}", self.cue, self.answer(label));
        let shots = prompt.demonstrations.iter();
        let shots = shots.map(|shot| format!("{}\n{}", answered(shot.label), self.input.replace("{text}", &shot.text))).collect();
        let before = self.input.split("{text}").next().unwrap_or_default();
        self.put_together(prompt, shots, format!("{}\n{before}", answered(class)).trim_end_matches(' ').to_owned())
    }

    /// The continuation that is the item's text, behind [`Template::render_reversed`], and what the template puts behind it.
    pub fn text(&self, text: &str) -> String {
        let (before, behind) = self.input.split_once("{text}").unwrap_or(("", ""));
        let blanks = &before[before.trim_end_matches(' ').len()..];
        format!("{blanks}{text}{behind}")
    }

    /// The continuation that stands for a class: a space, then its label.
    pub fn answer(&self, class: usize) -> String {
        format!(" {}", self.labels[class])
    }

    /// The same for an item, which may bring its own answers.
    pub fn answer_of(&self, options: Option<&Options>, class: usize) -> String {
        options.map_or_else(|| self.answer(class), |options| format!(" {}", options.answer(class)))
    }

    /// How many answers an item has: its own, or those of all classes.
    pub(crate) fn n_answers(&self, options: Option<&Options>) -> usize {
        options.map_or(self.labels.len(), Options::len)
    }

    /// The continuations of all classes.
    pub fn answers(&self) -> Vec<String> {
        (0..self.labels.len()).map(|class| self.answer(class)).collect()
    }

    /// The same in other words.
    #[must_use]
    pub fn reworded(&self, wording: &Wording) -> Self {
        let Wording { input, cue, labels } = wording.clone();
        Self { input, cue, labels: labels.unwrap_or_else(|| self.labels.clone()), variants: Vec::new(), ..self.clone() }
    }

    fn put_together(&self, prompt: &Prompt, demonstrations: Vec<String>, item: String) -> String {
        // What continues groups is set apart from them.
        let border = if prompt.groups.is_empty() { "" } else { self.separator.as_str() };
        let pieces: Vec<String> = prompt.instruction.iter().cloned().chain(demonstrations).chain([item]).collect();
        format!("{border}{}", pieces.join(&self.separator))
    }

    /// What a text item begins with, so that a model that goes on with another item can be stopped there.
    pub fn opening(&self) -> &str {
        self.input.split("{text}").next().unwrap_or_default().trim()
    }

    /// An item and its cue.
    pub(crate) fn item(&self, text: &str) -> String {
        let input = self.input.replace("{text}", text);
        if self.cue.is_empty() { input } else { format!("{input}\n{}", self.cue) }
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
            variants: Vec::new(),
            answer: None,
        }
    }

    fn shot(text: &str, label: usize, options: Option<Options>) -> Demonstration {
        Demonstration { text: text.to_owned(), label, options }
    }

    fn prompt() -> Prompt {
        Prompt {
            instruction: template().instruction,
            demonstrations: [("dull", 0), ("fine", 1)].map(|(text, label)| shot(text, label, None)).to_vec(),
            query: "so so".to_owned(),
            ..Prompt::default()
        }
    }

    #[test]
    fn the_other_way_round_the_answer_comes_first() {
        assert_eq!(
            template().render_reversed(&prompt(), 1),
            "Tell the mood.\n\nMood: bad\nReview: dull\n\nMood: good\nReview: fine\n\nMood: good\nReview:"
        );
        assert_eq!(template().text("so so"), " so so");
    }

    #[test]
    fn what_continues_groups_is_set_apart() {
        let shots = template().demonstrations(&prompt().demonstrations);
        let behind = Prompt { groups: vec![shots.join("\n\n")], ..Prompt::new("so so") };
        let plain = Prompt { instruction: None, ..prompt() };
        assert_eq!(format!("{}{}", behind.groups[0], template().render(&behind)), template().render(&plain));
    }

    #[test]
    fn another_wording_keeps_what_it_leaves_out() {
        let wording = Wording { input: "{text}".to_owned(), cue: "It was".to_owned(), labels: None };
        assert_eq!(template().reworded(&wording).render(&Prompt::new("so so")), "so so\nIt was");
        assert_eq!(template().reworded(&wording).answers(), template().answers());
    }

    #[test]
    fn options_of_an_item_stand_where_labels_do() {
        let template = Template { input: "Question: {text}".to_owned(), cue: "Answer:".to_owned(), labels: vec![], ..template() };
        let options = |words: &[&str]| Some(Options::Answers(words.iter().map(ToString::to_string).collect()));
        let shown = shot("Who?", 2, options(&["I", "you", "we"]));
        let prompt = Prompt { demonstrations: vec![shown], options: options(&["a dog", "the moon"]), ..Prompt::new("Which?") };
        assert_eq!(template.context(&prompt, 1), "Question: Who?\nAnswer: we\n\nQuestion: Which?\nAnswer:");
        assert_eq!(template.answer_of(prompt.options.as_ref(), 1), " the moon");
        assert_eq!(template.n_answers(prompt.options.as_ref()), 2);
    }

    #[test]
    fn beginnings_are_contexts_of_one_ending() {
        let template = Template { input: "{text}".to_owned(), cue: String::new(), labels: vec![], ..template() };
        let options = |names: [&str; 2], ending: &str| Options::Beginnings {
            texts: names.map(|name| format!("It fits, as the {name}")).to_vec(),
            ending: ending.to_owned(),
        };
        let shown = shot("It fits, as the _ is big.", 1, Some(options(["cup", "box"], "is big.")));
        let asked = Prompt { demonstrations: vec![shown], options: Some(options(["hat", "head"], "is small.")), ..Prompt::new("…") };
        assert_eq!(template.context(&asked, 0), "It fits, as the box is big.\n\nIt fits, as the hat");
        assert_eq!(template.context(&asked, 1), "It fits, as the box is big.\n\nIt fits, as the head");
        assert_eq!(template.answer_of(asked.options.as_ref(), 0), " is small.");
    }

    #[test]
    fn segments_are_rendered_in_order() {
        assert_eq!(
            template().render(&prompt()),
            "Tell the mood.\n\nReview: dull\nMood: bad\n\nReview: fine\nMood: good\n\nReview: so so\nMood:"
        );
        assert_eq!(template().answers(), [" bad", " good"]);
    }
}
