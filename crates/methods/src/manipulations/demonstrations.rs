//! Worked examples in front of the query: in-context learning.
//!
//! ```text
//! choice = "balanced"           classes take turns, each in the draw's order
//! choice = "random"             the first of the draw, whatever their classes
//! choice = "nearest"            those nearest to the query, by f's own features in front of the answer or by those of an `encoder`: no two
//!                               queries share a prefix
//! order = "draw"                an order of its own, drawn
//! order = "similarity"          the nearest next to the query
//! order = "label"               class after class
//! ```
//!
//! # Reference
//! Brown et al., arXiv 2005.14165, §2.1; nearest: Liu et al., 2022, arXiv 2101.06804 (by a sentence encoder's features);
//! the nearest next to the query: Rubin et al., NAACL 2022, arXiv 2112.08633, §4. The draw is a pure function of (seed, document id); an
//! item whose text equals the query's is replaced by the next in the draw.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module;
use reprogram_models::Backbone;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::family::is_default;
use crate::neighbours::{Judge, Neighbours};
use crate::{LabelledText, Manipulate, Part, Prompt, Seed, Setup, Template};

/// Which training texts are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// As many of each class as of the others, or one more.
    #[default]
    Balanced,
    /// Any.
    Random,
    /// The nearest to the query.
    Nearest,
}

/// In which order they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// One that is drawn.
    #[default]
    Draw,
    /// The nearest last, next to the query.
    Similarity,
    /// Class after class, within a class as drawn.
    Label,
}

/// `part = "demonstrations"`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DemonstrationsSpec {
    /// How many, over all classes.
    pub shots: usize,
    /// Which.
    #[serde(default, skip_serializing_if = "is_default")]
    pub choice: Choice,
    /// In which order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// The checkpoint whose features say what is near; f itself when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
}

/// The drawn examples, and spare ones.
#[derive(Module, Debug)]
pub struct Demonstrations {
    /// The first `shots` are used, spares replace those that equal the query.
    #[module(skip)]
    draw: Vec<LabelledText>,
    #[module(skip)]
    neighbours: Option<Neighbours>,
    #[module(skip)]
    shots: usize,
    #[module(skip)]
    order: Order,
    #[module(skip)]
    drawn_order: Seed,
}

impl DemonstrationsSpec {
    /// Balanced over classes, in a drawn order.
    pub const fn balanced(shots: usize) -> Self {
        Self { shots, choice: Choice::Balanced, order: Order::Draw, encoder: None }
    }

    /// Who says what is near, if it is there and reads texts.
    fn judge(&self, setup: &Setup<'_>) -> Option<Judge> {
        let Some(name) = &self.encoder else { return setup.target.template.clone().map(Judge::Own) };
        let encoder = setup.encoders.get(name).filter(|encoder| encoder.tokenizer().is_some() && encoder.joint().is_none())?;
        Some(Judge::Encoder(name.clone(), Arc::clone(encoder)))
    }
}

impl Part for DemonstrationsSpec {
    type Coordinates = Site;
    type Module = Demonstrations;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Demonstrations, Misfit> {
        let misfit = |needs: String| Misfit::PartNeeds { part: "demonstrations".to_owned(), needs };
        let seed = setup.seed.fork("demonstrations");
        if self.order == Order::Similarity && self.choice != Choice::Nearest {
            return Err(misfit("`choice = \"nearest\"` where `order = \"similarity\"`".to_owned()));
        }
        let draw = match self.choice {
            Choice::Balanced => take_turns(setup.train_texts, &seed),
            Choice::Random | Choice::Nearest => in_order_of(&seed, setup.train_texts),
        };
        if draw.len() < self.shots {
            return Err(misfit(format!("{} training texts, but there are {}", self.shots, draw.len())));
        }
        let neighbours = match self.choice {
            Choice::Balanced | Choice::Random if self.encoder.is_some() => {
                return Err(misfit("`choice = \"nearest\"` where there is an `encoder`".to_owned()));
            }
            Choice::Balanced | Choice::Random => None,
            Choice::Nearest => Some(Neighbours::new(
                &draw,
                self.judge(setup)
                    .ok_or_else(|| misfit("a data set whose items are texts, and an `encoder` that reads texts".to_owned()))?,
            )),
        };
        Ok(Demonstrations { draw, neighbours, shots: self.shots, order: self.order, drawn_order: seed.fork("order") })
    }
}

/// The first `shots` demonstrations in their order as one text, with the separator behind it; nothing where there are fewer.
pub(super) fn rendered(setup: &Setup<'_>, template: &Template, shots: usize) -> Option<String> {
    let seed = setup.seed.fork("demonstrations");
    let (mut draw, order) = (take_turns(setup.train_texts, &seed), seed.fork("order"));
    if draw.len() < shots {
        return None;
    }
    draw.truncate(shots);
    draw.sort_by_key(|text| order.rank(&text.id));
    let demonstrations = draw.iter().map(LabelledText::shown).collect();
    Some(template.render_demonstrations(&Prompt { demonstrations, ..Prompt::default() }))
}

fn in_order_of(seed: &Seed, texts: &[LabelledText]) -> Vec<LabelledText> {
    let mut texts = texts.to_vec();
    texts.sort_by_key(|text| seed.rank(&text.id));
    texts
}

/// Orders texts by seed within each class, and lets classes take turns; which class begins is drawn too.
pub(super) fn take_turns(texts: &[LabelledText], seed: &Seed) -> Vec<LabelledText> {
    let mut classes: BTreeMap<usize, Vec<&LabelledText>> = BTreeMap::new();
    for text in texts {
        classes.entry(text.label).or_default().push(text);
    }
    let mut queues: Vec<_> = classes.into_iter().collect();
    queues.sort_by_key(|(label, _)| seed.rank(&format!("class {label}")));
    for (_, queue) in &mut queues {
        queue.sort_by_key(|text| seed.rank(&text.id));
    }
    let longest = queues.iter().map(|(_, queue)| queue.len()).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| queues.iter().filter_map(move |(_, queue)| queue.get(turn)));
    turns.map(|&text| text.clone()).collect()
}

impl Demonstrations {
    /// A prompt that shows these, which are the nearest first where they were chosen so.
    fn show(&self, mut chosen: Vec<&LabelledText>, prompt: Prompt) -> Prompt {
        match self.order {
            Order::Draw => chosen.sort_by_key(|text| self.drawn_order.rank(&text.id)),
            Order::Similarity => chosen.reverse(),
            Order::Label => chosen.sort_by_key(|text| (text.label, self.drawn_order.rank(&text.id))),
        }
        let demonstrations = chosen.into_iter().map(LabelledText::shown).collect();
        Prompt { demonstrations, ..prompt }
    }
}

impl Manipulate for Demonstrations {
    fn prompt(&self, prompt: Prompt) -> Prompt {
        let chosen = self.draw.iter().filter(|text| text.text != prompt.query).take(self.shots).collect();
        self.show(chosen, prompt)
    }

    fn prompts(&self, backbone: &dyn Backbone, prompts: Vec<Prompt>) -> Vec<Prompt> {
        let Some(neighbours) = &self.neighbours else {
            return prompts.into_iter().map(|prompt| self.prompt(prompt)).collect();
        };
        let texts: Vec<String> = prompts.iter().map(|prompt| prompt.query.clone()).collect();
        let chosen = neighbours.nearest(backbone, &texts, self.shots);
        prompts.into_iter().zip(chosen).map(|(prompt, chosen)| self.show(chosen, prompt)).collect()
    }

    fn n_own_passes(&self) -> usize {
        usize::from(self.neighbours.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<LabelledText> {
        (0..12)
            .map(|i| LabelledText { id: format!("t{i}"), text: format!("text {i}"), label: usize::from(i >= 8), options: None })
            .collect()
    }

    fn demonstrations(texts: &[LabelledText], seed: u64) -> Demonstrations {
        let seed = Seed::new(seed);
        let draw = take_turns(texts, &seed);
        Demonstrations { draw, neighbours: None, shots: 4, order: Order::Draw, drawn_order: seed.fork("order") }
    }

    #[test]
    fn class_after_class() {
        let part = Demonstrations { order: Order::Label, ..demonstrations(&texts(), 1) };
        let labels: Vec<usize> = part.prompt(Prompt::new("query")).demonstrations.iter().map(|shot| shot.label).collect();
        assert_eq!(labels, [0, 0, 1, 1]);
    }

    #[test]
    fn an_unbalanced_draw_follows_the_seed_alone() {
        let mut reversed = texts();
        reversed.reverse();
        let draw = in_order_of(&Seed::new(1), &texts());
        assert_eq!(draw, in_order_of(&Seed::new(1), &reversed));
        assert_ne!(draw, in_order_of(&Seed::new(2), &texts()));
    }

    #[test]
    fn the_draw_is_balanced_and_does_not_depend_on_the_order_of_the_data() {
        let mut reversed = texts();
        reversed.reverse();
        let prompt = demonstrations(&texts(), 1).prompt(Prompt::new("query"));
        assert_eq!(prompt, demonstrations(&reversed, 1).prompt(Prompt::new("query")));
        assert_eq!(prompt.demonstrations.iter().filter(|shot| shot.label == 1).count(), 2);
        assert_ne!(prompt, demonstrations(&texts(), 2).prompt(Prompt::new("query")));
    }

    #[test]
    fn a_tested_item_never_stands_in_its_own_prompt() {
        let part = demonstrations(&texts(), 3);
        for text in texts() {
            let prompt = part.prompt(Prompt::new(&text.text));
            assert_eq!(prompt.demonstrations.len(), 4);
            assert!(prompt.demonstrations.iter().all(|shot| shot.text != text.text));
        }
    }
}
