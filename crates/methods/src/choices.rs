//! Answers as choices: how long they are behind an item, which is what log-likelihoods are normalised by.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `lm_eval/api/task.py`: choices are counted in characters and bytes without the space in front;
//! `lm_eval/api/model.py` `_encode_pair`: which of their tokens are scored.

use reprogram_models::Backbone;

use crate::{Program, Query, Reads};

/// Lengths of the answers of all classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceLengths {
    /// Tokens that are scored, by item and class.
    pub tokens: Vec<Vec<u32>>,
    /// Characters of each class's label.
    pub characters: Vec<u32>,
    /// Bytes of each class's label in UTF-8.
    pub bytes: Vec<u32>,
    /// Pairs of an item and a class whose tokens are not those of context and answer apart.
    pub crossed: usize,
}

impl Program {
    /// Whether the alignment reads the log-likelihood of one answer a class behind one text: not the mean over several wordings, and not
    /// behind groups of examples, whose tokens are not those of one text.
    pub fn scores_choices(&self, backbone: &dyn Backbone) -> bool {
        let bare = || self.prompts(backbone, &[Query { text: String::new() }]);
        self.alignment().reads() == Reads::Answers && self.templates().len() == 1 && bare().iter().all(|prompt| prompt.groups.is_empty())
    }

    /// Lengths of the answers behind these items; nothing where [`Program::scores_choices`] says no.
    ///
    /// # Panics
    /// When the backbone has no tokenizer: the part's build comes first.
    pub fn choice_lengths(&self, backbone: &dyn Backbone, queries: &[Query]) -> Option<ChoiceLengths> {
        if !self.scores_choices(backbone) {
            return None;
        }
        let tokenizer = backbone.tokenizer().expect("a language model: Signature::check comes first");
        let template = self.template();
        let answers = template.answers();
        let borders: Vec<_> =
            self.prompts(backbone, queries).iter().map(|prompt| tokenizer.borders(&template.render(prompt), &answers)).collect();
        let count = |n: usize| u32::try_from(n).expect("an answer is short");
        Some(ChoiceLengths {
            tokens: borders.iter().map(|row| row.iter().map(|border| count(border.n_tokens)).collect()).collect(),
            characters: template.labels.iter().map(|label| count(label.chars().count())).collect(),
            bytes: template.labels.iter().map(|label| count(label.len())).collect(),
            crossed: borders.iter().flatten().filter(|border| border.is_crossed).count(),
        })
    }
}
