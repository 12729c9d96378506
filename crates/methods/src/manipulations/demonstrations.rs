//! Worked examples in front of the query: in-context learning.
//!
//! # Reference
//! Brown et al., arXiv 2005.14165, §2.1. The draw is a pure function of (seed, document id), balanced over classes, in
//! an order of its own; an item whose text equals the query's is replaced by the next in the draw.

use std::collections::BTreeMap;

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Demonstration, LabelledText, Manipulate, Part, Prompt, Seed, Setup, Template};

/// `part = "demonstrations"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DemonstrationsSpec {
    /// How many, over all classes.
    pub shots: usize,
}

/// The drawn examples, and spare ones.
#[derive(Module, Debug)]
pub struct Demonstrations {
    /// Classes take turns; the first `shots` are used, spares replace those that equal the query.
    #[module(skip)]
    draw: Vec<LabelledText>,
    #[module(skip)]
    shots: usize,
    #[module(skip)]
    order: Seed,
}

impl Part for DemonstrationsSpec {
    type Coordinates = Site;
    type Module = Demonstrations;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Demonstrations, Misfit> {
        let seed = setup.seed.fork("demonstrations");
        let draw = take_turns(setup.train_texts, &seed);
        if draw.len() < self.shots {
            let needs = format!("{} training texts, but there are {}", self.shots, draw.len());
            return Err(Misfit::PartNeeds { part: "demonstrations".to_owned(), needs });
        }
        Ok(Demonstrations { draw, shots: self.shots, order: seed.fork("order") })
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
    let demonstrations = draw.into_iter().map(|text| Demonstration { text: text.text, label: text.label }).collect();
    Some(template.render_demonstrations(&Prompt { demonstrations, ..Prompt::default() }))
}

/// Orders texts by seed within each class, and lets classes take turns; which class begins is drawn too.
fn take_turns(texts: &[LabelledText], seed: &Seed) -> Vec<LabelledText> {
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

impl Manipulate for Demonstrations {
    fn prompt(&self, prompt: Prompt) -> Prompt {
        let mut chosen: Vec<&LabelledText> = self.draw.iter().filter(|text| text.text != prompt.query).take(self.shots).collect();
        chosen.sort_by_key(|text| self.order.rank(&text.id));
        let demonstrations = chosen.into_iter().map(|text| Demonstration { text: text.text.clone(), label: text.label }).collect();
        Prompt { demonstrations, ..prompt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<LabelledText> {
        (0..12).map(|i| LabelledText { id: format!("t{i}"), text: format!("text {i}"), label: usize::from(i >= 8) }).collect()
    }

    fn demonstrations(texts: &[LabelledText], seed: u64) -> Demonstrations {
        let seed = Seed::new(seed);
        Demonstrations { draw: take_turns(texts, &seed), shots: 4, order: seed.fork("order") }
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
