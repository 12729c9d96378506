//! How questions stand in JSON objects: where they are, what may be chosen from, and what is right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where JSON objects stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JsonLayout {
    /// One a line.
    Lines,
    /// In a list.
    List,
    /// In the list `examples` of one object.
    Examples,
}

/// How the options of an item are written. `at` is a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum JsonOptions {
    /// A list of texts that begin with `A)`, `B)` and so on.
    Spelled {
        /// The list.
        at: String,
    },
    /// A list of objects with a `label` and a `text`.
    Labelled {
        /// The list.
        at: String,
    },
    /// A list of texts.
    Plain {
        /// The list.
        at: String,
    },
    /// Texts at places of their own.
    Places {
        /// The places.
        at: Vec<String>,
    },
    /// An object with a list `text` and a list `label`; letters go by the order of the lists, whatever the labels are.
    Paired {
        /// The object.
        at: String,
    },
    /// An object with a score of 0 or 1 for each option. Letters go by the order of their spelling.
    Scored {
        /// The object.
        at: String,
    },
}

/// What says what is right. `at` is a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum JsonGold {
    /// A label.
    Label {
        /// Where.
        at: String,
        /// What the labels of the classes are, in the order of the classes.
        labels: Vec<String>,
    },
    /// The one option whose score is 1; its letter is the class.
    BestOption,
    /// The label of an option of `paired`; its letter is the class.
    OptionLabel {
        /// Where.
        at: String,
    },
    /// An answer in words or a number; there are no classes.
    Answer {
        /// Where.
        at: String,
        /// The answer stands behind this mark, and the way to it in front.
        #[serde(default)]
        behind: Option<String>,
    },
}

/// What becomes of the options of an item.
///
/// # Reference
/// What stands behind the text as a scored answer follows lm-evaluation-harness 4e7e0d4: `tasks/super_glue/copa/utils.py` (clauses),
/// `tasks/hellaswag/utils.py` (endings), `tasks/winogrande/preprocess_winogrande.py` (fillings).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptionsAs {
    /// They are lettered and put behind the text; the letter of the right one is the answer.
    #[default]
    Letters,
    /// Each is an answer of its own behind the text.
    Answers,
    /// Each is the second half of a sentence, and begins with a small letter: the text loses its last sign, and a word joins both.
    Clauses {
        /// What is asked.
        at: String,
        /// The word for each thing that may be asked.
        joints: BTreeMap<String, String>,
    },
    /// Each is how a text goes on. Its first piece is a heading, the last one begins with a capital letter, and what stands in brackets
    /// is left out everywhere.
    Endings,
    /// Each fills the `_` in the text; what stands behind it is the answer.
    Fillings,
}

impl OptionsAs {
    /// Whether an item's options are its own answers, and not letters.
    pub const fn are_answers(&self) -> bool {
        match self {
            Self::Letters => false,
            Self::Answers | Self::Clauses { .. } | Self::Endings | Self::Fillings => true,
        }
    }
}
