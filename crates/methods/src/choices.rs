//! Answers as choices: how long they are behind an item, which is what log-likelihoods are normalised by.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `lm_eval/api/task.py`: choices are counted in characters and bytes without the space in front;
//! `lm_eval/api/model.py` `_encode_pair`: which of their tokens are scored.

use reprogram_models::{Backbone, Border};

use crate::{Options, Per, Program, Query, Reads};

/// Lengths of the answers of all classes, or of each item's own, by item and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceLengths {
    /// Tokens that are scored.
    pub tokens: Vec<Vec<u32>>,
    /// Characters of the answer, without the space in front.
    pub characters: Vec<Vec<u32>>,
    /// Its bytes in UTF-8.
    pub bytes: Vec<Vec<u32>>,
    /// Pairs of an item and a class whose tokens are not those of context and answer apart.
    pub crossed: usize,
}

impl Program {
    /// Whether the alignment reads the log-likelihood of one answer a class behind one text: not the mean over several wordings, and not
    /// behind groups of examples, whose tokens are not those of one text.
    pub fn scores_choices(&self, backbone: &dyn Backbone) -> bool {
        let bare = || self.prompts(backbone, &[Query::new("")]);
        let reads_answers = matches!(self.alignment().reads(), Reads::Answers | Reads::AnswersBeside(_));
        reads_answers && self.templates().len() == 1 && bare().iter().all(|prompt| prompt.groups.is_empty())
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
        let count = |n: usize| u32::try_from(n).expect("an answer is short");
        let mut lengths = ChoiceLengths { tokens: Vec::new(), characters: Vec::new(), bytes: Vec::new(), crossed: 0 };
        for prompt in self.prompts(backbone, queries) {
            let n_answers = template.n_answers(prompt.options.as_ref());
            let answers: Vec<String> = (0..n_answers).map(|class| template.answer_of(prompt.options.as_ref(), class)).collect();
            let borders: Vec<Border> = match &prompt.options {
                None | Some(Options::Answers(_)) => tokenizer.borders(&template.render(&prompt), &answers),
                Some(Options::Beginnings { .. }) => {
                    let border = |class: usize| tokenizer.borders(&template.context(&prompt, class), &answers[class..=class]);
                    (0..n_answers).flat_map(border).collect()
                }
            };
            lengths.crossed += borders.iter().filter(|border| border.is_crossed).count();
            let row = |per: Per| answers.iter().zip(&borders).map(|(answer, border)| count(per.of(answer, || border.n_tokens))).collect();
            lengths.tokens.push(row(Per::Token));
            lengths.characters.push(row(Per::Character));
            lengths.bytes.push(row(Per::Byte));
        }
        Some(lengths)
    }
}
