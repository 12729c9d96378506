//! Thinking aloud before the answer: a trigger opens the reply, and the answer is asked for behind what was thought.
//!
//! ```text
//! Q: …            first turn                              second turn
//! A: Let's think step by step. [generated]\nTherefore, the answer (arabic numerals) is [generated]
//! ```
//!
//! # Reference
//! Kojima et al., NeurIPS 2022, arXiv 2205.11916, §3; `kojima-takeshi188/zero_shot_cot@5ef330f` `main.py`: 128 tokens of thought,
//! 32 of answer. Deviation: the reply also stops where another item begins.

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Dialogue, Manipulate, Part, Setup, Step, Turn};

/// `part = "step-by-step"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StepByStepSpec {
    /// What opens the reply.
    pub trigger: String,
    /// Tokens of thought, at most.
    pub max_tokens: usize,
}

impl Default for StepByStepSpec {
    fn default() -> Self {
        Self { trigger: "Let's think step by step.".to_owned(), max_tokens: 128 }
    }
}

/// The trigger.
#[derive(Module, Debug)]
pub struct StepByStep {
    #[module(skip)]
    trigger: String,
    #[module(skip)]
    max_tokens: usize,
}

impl Part for StepByStepSpec {
    type Coordinates = Site;
    type Module = StepByStep;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn is_drawn(&self) -> bool {
        false
    }

    fn build(&self, _setup: &Setup<'_>) -> Result<StepByStep, Misfit> {
        Ok(StepByStep { trigger: self.trigger.clone(), max_tokens: self.max_tokens })
    }
}

impl Manipulate for StepByStep {
    fn next_step(&self, dialogue: &Dialogue<'_>) -> Option<Step> {
        Some(match dialogue.said {
            [] => Step::Ask(Turn::new(format!("{} {}", dialogue.context, self.trigger), self.max_tokens)),
            [thought] => {
                let so_far = format!("{}{}", thought.prompt, thought.text);
                Step::Ask(Turn::new(format!("{}\nTherefore, {}", so_far.trim_end(), dialogue.form.phrase), dialogue.answer_tokens))
            }
            [_, _, ..] => Step::Answered,
        })
    }

    fn generates(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Said;
    use crate::dialogue::tests::{dialogue, form};
    use crate::prompt::tests::template;

    #[test]
    fn the_answer_is_asked_for_behind_the_thought() {
        let part = StepByStep { trigger: "Let's see.".to_owned(), max_tokens: 7 };
        let (template, form) = (template(), form());
        let ask = |said: &[Said]| part.next_step(&dialogue(&template, &form, said)).unwrap();
        let thought = Turn::new("Review: fine\nMood: Let's see.".to_owned(), 7);
        assert_eq!(ask(&[]), Step::Ask(thought.clone()));
        let said = Said { prompt: thought.prompt, text: " It is fine. \n".to_owned() };
        let answer = Turn::new("Review: fine\nMood: Let's see. It is fine.\nTherefore, the mood is".to_owned(), 3);
        assert_eq!(ask(std::slice::from_ref(&said)), Step::Ask(answer));
        assert_eq!(ask(&[said.clone(), said]), Step::Answered);
    }
}
