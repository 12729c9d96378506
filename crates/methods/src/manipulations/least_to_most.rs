//! A question is taken apart into simpler ones, which are answered in order; each sees the answers before it, and the question
//! itself comes last.
//!
//! # Reference
//! Zhou et al., ICLR 2023, arXiv 2205.10625, §2: decomposition, then subproblem solving. There is no official code. Deviation:
//! neither stage has examples, and both have the same model; the words that ask for the simpler questions are ours.

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Dialogue, Manipulate, Part, Said, Setup, Step, Turn};

/// `part = "least-to-most"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LeastToMostSpec {
    /// What opens the list of simpler questions.
    pub trigger: String,
    /// Simpler questions, at most.
    pub questions: usize,
    /// Tokens of the list, and of the answer to each of its questions, at most.
    pub max_tokens: usize,
}

impl Default for LeastToMostSpec {
    fn default() -> Self {
        let trigger = "To answer this, we first answer these simpler questions:".to_owned();
        Self { trigger, questions: 3, max_tokens: 64 }
    }
}

/// The trigger and its bounds.
#[derive(Module, Debug)]
pub struct LeastToMost {
    #[module(skip)]
    trigger: String,
    #[module(skip)]
    questions: usize,
    #[module(skip)]
    max_tokens: usize,
}

impl Part for LeastToMostSpec {
    type Coordinates = Site;
    type Module = LeastToMost;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn is_drawn(&self) -> bool {
        false
    }

    fn build(&self, _setup: &Setup<'_>) -> Result<LeastToMost, Misfit> {
        Ok(LeastToMost { trigger: self.trigger.clone(), questions: self.questions, max_tokens: self.max_tokens })
    }
}

impl Manipulate for LeastToMost {
    fn next_step(&self, dialogue: &Dialogue<'_>) -> Option<Step> {
        let separator = &dialogue.template.separator;
        let Some((list, answers)) = dialogue.said.split_first() else {
            let prompt = format!("{} {}\n1.", dialogue.context, self.trigger);
            return Some(Step::Ask(Turn::new(prompt, self.max_tokens).until(separator)));
        };
        let questions = questions(&list.text, self.questions);
        Some(match questions.get(answers.len()) {
            Some(next) => Step::Ask(Turn::new(solving(dialogue, &questions, answers, next), self.max_tokens).until(separator)),
            None if answers.len() == questions.len() => {
                let prompt = solving(dialogue, &questions, answers, dialogue.question);
                Step::Ask(Turn::new(format!("{prompt} {}", dialogue.form.sentence()), dialogue.answer_tokens))
            }
            None => Step::Answered,
        })
    }

    fn generates(&self) -> bool {
        true
    }
}

/// The lines of a numbered list that goes on behind `1.`.
fn questions(list: &str, at_most: usize) -> Vec<String> {
    let bare = |line: &str| line.trim().trim_start_matches(|c: char| c.is_ascii_digit() || ".)-* ".contains(c)).trim().to_owned();
    list.lines().map(bare).filter(|line| !line.is_empty()).take(at_most).collect()
}

/// The question as it was, those that are answered, and the next one.
fn solving(dialogue: &Dialogue<'_>, questions: &[String], answers: &[Said], next: &str) -> String {
    let template = dialogue.template;
    let stated = template.input.replace("{text}", dialogue.question);
    let answered = questions.iter().zip(answers).map(|(question, said)| format!("{} {}", template.item(question), said.text.trim()));
    [stated].into_iter().chain(answered).chain([template.item(next)]).collect::<Vec<_>>().join(&template.separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::tests::{dialogue, form};
    use crate::prompt::tests::template;

    #[test]
    fn simpler_questions_are_answered_in_order_and_the_question_last() {
        let part = LeastToMost { trigger: "First:".to_owned(), questions: 2, max_tokens: 5 };
        let (template, form) = (template(), form());
        let mut said: Vec<Said> = Vec::new();
        let mut prompts = Vec::new();
        for reply in [" Is it long?\n2. Is it dull?\n3. Is it?", " No. ", " Hardly", " good"] {
            match part.next_step(&dialogue(&template, &form, &said)).unwrap() {
                Step::Ask(turn) => {
                    prompts.push(turn.prompt.clone());
                    said.push(Said { prompt: turn.prompt, text: reply.to_owned() });
                }
                Step::Answered => panic!("after {} turns", said.len()),
            }
        }
        assert_eq!(part.next_step(&dialogue(&template, &form, &said)), Some(Step::Answered));
        insta::assert_snapshot!(prompts.join("\n=====\n"));
    }

    #[test]
    fn a_reply_without_questions_leaves_the_question_alone() {
        assert_eq!(questions(" \n\n 2. ", 3), Vec::<String>::new());
        assert_eq!(questions(" a\n2) b\n- c\n4. d", 3), ["a", "b", "c"]);
    }
}
