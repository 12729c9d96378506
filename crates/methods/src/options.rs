//! Options of an item that brings its own answers: class n is its option n, and it may have fewer options than there are classes.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4: `tasks/arc`, `tasks/hellaswag` (options behind one context) and `tasks/winogrande` (one ending behind
//! several contexts: Trinh and Le, arXiv 1806.02847, §3, "partial" scoring).

use reprogram_models::TextTokenizer;
use reprogram_taxonomy::Misfit;

use crate::Template;

/// What an item may be answered by, in the order of the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// Answers behind the item's text.
    Answers(Vec<String>),
    /// Texts in place of the item's own, and what all of them go on with: the answer is the same, and what it stands behind is not.
    Beginnings {
        /// The texts.
        texts: Vec<String>,
        /// What stands behind each.
        ending: String,
    },
}

impl Options {
    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Answers(answers) => answers.len(),
            Self::Beginnings { texts, .. } => texts.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The answer that stands for a class, without the space in front.
    ///
    /// # Panics
    /// When there is no such option.
    pub fn answer(&self, class: usize) -> &str {
        match self {
            Self::Answers(answers) => &answers[class],
            Self::Beginnings { texts, ending } => {
                assert!(class < texts.len(), "option {class} of {}", texts.len());
                ending
            }
        }
    }

    /// The text that the class's answer stands behind, where that is not the item's own.
    ///
    /// # Panics
    /// As [`Options::answer`].
    pub fn beginning(&self, class: usize) -> Option<&str> {
        match self {
            Self::Answers(_) => None,
            Self::Beginnings { texts, .. } => Some(&texts[class]),
        }
    }

    /// What tells the options apart, each once: answers or beginnings.
    pub fn wordings(&self) -> &[String] {
        match self {
            Self::Answers(answers) => answers,
            Self::Beginnings { texts, .. } => texts,
        }
    }

    /// The misfit of options of which a tokenizer leaves nothing to be scored.
    pub fn check(&self, template: &Template, tokenizer: &TextTokenizer) -> Result<(), Misfit> {
        let is_lost = |class: &usize| tokenizer.encode_pair(&template.cue, &format!(" {}", self.answer(*class))).continuation.is_empty();
        match (0..self.len()).find(is_lost) {
            None => Ok(()),
            Some(class) => {
                let needs = format!("options of at least one token each, but of `{}` the tokenizer leaves none", self.answer(class));
                Err(Misfit::PartNeeds { part: "an answer in words".to_owned(), needs })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_the_answer_of_every_beginning() {
        let texts = ["The trophy", "The suitcase"].map(str::to_owned).to_vec();
        let options = Options::Beginnings { texts: texts.clone(), ending: "is too big.".to_owned() };
        assert_eq!((options.len(), options.answer(1), options.beginning(1)), (2, "is too big.", Some("The suitcase")));
        let answers = Options::Answers(texts);
        assert_eq!((answers.answer(0), answers.beginning(0), answers.wordings().len()), ("The trophy", None, 2));
    }
}
