//! Worked examples in front of the query, with the way to each answer or, as a control, without it.
//!
//! They are training items whose way to the answer is written down; where a data set has none, those that its table holds. The draw
//! and its order are pure functions of seed and item; an example whose text equals the query's is replaced by the next in the draw.
//!
//! # Reference
//! Wei et al., NeurIPS 2022, arXiv 2201.11903, §2; the order is drawn as in `kojima-takeshi188/zero_shot_cot@5ef330f` `utils.py`.

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::family::is_default;
use crate::{Dialogue, Manipulate, Part, Prompt, Seed, Setup, Step, Turn, Way, WorkedExample};

/// `part = "worked-examples"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkedExamplesSpec {
    /// How many.
    pub shots: usize,
    /// Whether the way to the answer is told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub way: Way,
    /// Tokens of a reply that tells the way, at most.
    #[serde(default = "tokens")]
    pub max_tokens: usize,
}

const fn tokens() -> usize {
    128
}

/// The drawn examples, and spare ones.
#[derive(Module, Debug)]
pub struct WorkedExamples {
    #[module(skip)]
    draw: Vec<WorkedExample>,
    #[module(skip)]
    shots: usize,
    #[module(skip)]
    way: Way,
    #[module(skip)]
    max_tokens: usize,
}

impl Part for WorkedExamplesSpec {
    type Coordinates = Site;
    type Module = WorkedExamples;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WorkedExamples, Misfit> {
        let misfit = |needs: String| Misfit::PartNeeds { part: "worked-examples".to_owned(), needs };
        let form = setup.target.template.as_ref().and_then(|template| template.answer.as_ref());
        let form = form.ok_or_else(|| misfit("an `answer` in the data set's template".to_owned()))?;
        let written = form.exemplars.iter().map(|example| (example.text.clone(), example.clone()));
        let from_training: Vec<_> = setup.worked_examples.iter().filter(|(_, example)| example.rationale.is_some()).cloned().collect();
        let all = if from_training.is_empty() { written.collect() } else { from_training };
        let draw = drawn(all, &setup.seed.fork("worked-examples"));
        if draw.len() < self.shots {
            let needs =
                format!("{} training items with the way to their answer, or as many `exemplars`; there are {}", self.shots, draw.len());
            return Err(misfit(needs));
        }
        Ok(WorkedExamples { draw, shots: self.shots, way: self.way, max_tokens: self.max_tokens })
    }
}

fn drawn(mut examples: Vec<(String, WorkedExample)>, seed: &Seed) -> Vec<WorkedExample> {
    examples.sort_by_cached_key(|(id, _)| seed.rank(id));
    examples.into_iter().map(|(_, example)| example).collect()
}

impl Manipulate for WorkedExamples {
    fn prompt(&self, prompt: Prompt) -> Prompt {
        let others = self.draw.iter().filter(|example| example.text != prompt.query);
        let worked = others.take(self.shots).map(|example| (example.clone(), self.way)).collect();
        Prompt { worked, ..prompt }
    }

    fn next_step(&self, dialogue: &Dialogue<'_>) -> Option<Step> {
        match (self.way, dialogue.said) {
            (Way::Left, _) => None,
            (Way::Shown, []) => Some(Step::Ask(Turn::new(dialogue.context.to_owned(), self.max_tokens))),
            (Way::Shown, [_, ..]) => Some(Step::Answered),
        }
    }

    fn generates(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::tests::template;

    fn part(seed: u64, way: Way) -> WorkedExamples {
        let example = |i: usize| WorkedExample { text: format!("q{i}"), rationale: Some(format!("r{i}.")), answer: i.to_string() };
        let all = (0..5).map(|i| (format!("id {i}"), example(i))).collect();
        WorkedExamples { draw: drawn(all, &Seed::new(seed)), shots: 2, way, max_tokens: 9 }
    }

    #[test]
    fn the_way_is_told_or_left() {
        let render = |way| template().render(&part(1, way).prompt(Prompt::new("q")));
        let (shown, left) = (render(Way::Shown), render(Way::Left));
        assert_eq!(shown.matches("The answer is").count(), 2);
        let first = part(1, Way::Shown).draw[0].clone();
        let n = &first.answer;
        assert!(shown.starts_with(&format!("Review: q{n}\nMood: r{n}. The answer is {n}.\n\nReview: ")), "{shown}");
        assert!(left.starts_with(&format!("Review: q{n}\nMood: The answer is {n}.\n\nReview: ")), "{left}");
        assert!(shown.ends_with("Review: q\nMood:"));
    }

    #[test]
    fn the_draw_moves_with_the_seed_and_leaves_the_query_out() {
        let texts = |seed| part(seed, Way::Shown).draw.into_iter().map(|example| example.text).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert!((2..9).any(|seed| texts(seed) != texts(1)));
        let query = texts(1)[0].clone();
        let prompt = part(1, Way::Shown).prompt(Prompt::new(&query));
        assert_eq!(prompt.worked.len(), 2);
        assert!(prompt.worked.iter().all(|(example, _)| example.text != query));
    }
}
