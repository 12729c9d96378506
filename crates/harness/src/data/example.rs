//! One labelled item.

use std::ops::Range;
use std::sync::Arc;

use reprogram_methods::{Options, WorkedExample};

use crate::assets::Digest;

/// One labelled item of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its id in its data set; it says the part and the place.
    pub id: String,
    /// What is classified, answered or gone on with.
    pub content: Content,
    /// What is right.
    pub gold: Gold,
}

/// What is right for an item. All items of a data set have the same kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Gold {
    /// One of the data set's classes.
    Class(usize),
    /// An answer in words; there are no classes.
    Answer {
        /// The answer.
        text: String,
        /// How one comes to it, where that is written down.
        rationale: Option<String>,
    },
    /// How a series goes on; there are no classes.
    Future(Future),
}

/// How a series goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Future {
    /// The next values.
    pub values: Series,
    /// What repeating the value of a season ago costs in training, in the unit of the values: the mean absolute error.
    pub unit: f64,
}

impl Gold {
    /// The class, where there are classes.
    pub const fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            Self::Answer { .. } | Self::Future(_) => None,
        }
    }

    /// What is hashed of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Class(class) => (*class as u64).to_le_bytes().to_vec(),
            Self::Answer { text, rationale } => {
                let mut bytes = format!("answer {} ", text.len()).into_bytes();
                bytes.extend(text.bytes());
                bytes.extend(rationale.iter().flat_map(|rationale| rationale.bytes()));
                bytes
            }
            Self::Future(Future { values, unit }) => {
                let mut bytes = b"future".to_vec();
                bytes.extend(unit.to_le_bytes());
                bytes.extend(values.values().iter().flat_map(|value| value.to_le_bytes()));
                bytes
            }
        }
    }
}

/// What is classified, answered or gone on with.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An image.
    Image(Image),
    /// A text, without line breaks.
    Text(String),
    /// A text that brings its own answers; class n is its option n.
    Question(Question),
    /// A recording.
    Recording(Recording),
    /// A numeric series.
    Series(Series),
}

/// A text that brings its own answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked, without line breaks.
    pub text: String,
    /// What it may be answered by.
    pub options: Options,
}

impl Question {
    /// The text as it is put to a model with the answer that is right, and that answer.
    pub fn answered(&self, class: usize) -> (&str, &str) {
        (self.options.beginning(class).unwrap_or(&self.text), self.options.answer(class))
    }

    /// As a reader sees it: with its options, lettered.
    pub fn lettered(&self) -> String {
        let options = self.options.wordings().iter().zip('A'..).map(|(option, letter)| format!("({letter}) {option}"));
        [self.text.clone()].into_iter().chain(options).collect::<Vec<_>>().join(" ")
    }
}

/// A recording of one channel. Samples have 16 bits, whatever they were written with: decoders do not agree beyond that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// A numeric series of one variable, in equal steps of time, or a piece of one. Pieces that overlap share their values.
#[derive(Debug, Clone)]
pub struct Series {
    all: Arc<[f32]>,
    piece: Range<usize>,
}

impl Series {
    /// Of these values.
    pub fn new(values: &[f32]) -> Self {
        Self { all: values.into(), piece: 0..values.len() }
    }

    /// Those of its values that stand here, counted from its beginning.
    ///
    /// # Panics
    /// When it has no such values.
    pub fn piece(&self, of: Range<usize>) -> Self {
        assert!(of.end <= self.piece.len(), "{of:?} of {} values", self.piece.len());
        Self { all: Arc::clone(&self.all), piece: self.piece.start + of.start..self.piece.start + of.end }
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        &self.all[self.piece.clone()]
    }
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

/// An image. Pixels lie in `[0, 1]`, in the order channel, height, width.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Colour channels.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// The values.
    pub pixels: Vec<f32>,
}

impl Content {
    /// What makes two items the same item, so that one of them cannot be trained on and the other tested.
    ///
    /// Images, recordings and series are the same if all of their numbers are. Texts are the same if they agree in letters and digits, whatever their
    /// case, punctuation, links and mentions: reposted messages differ in nothing else.
    pub fn content_hash(&self) -> Digest {
        match self {
            Self::Image(_) | Self::Recording(_) | Self::Series(_) => Digest::of(&self.exact_bytes()),
            Self::Text(text) => Digest::of_parts(&["text", &essence(text)]),
            // Other options make another question of the same words.
            Self::Question(question) => Digest::of_parts(&["question", &essence(&question.lettered())]),
        }
    }

    /// The content, byte by byte.
    pub(crate) fn exact_bytes(&self) -> Vec<u8> {
        match self {
            Self::Image(image) => {
                let Image { channels, height, width, pixels } = image;
                let size = [*channels, *height, *width].into_iter().flat_map(|n| (n as u64).to_le_bytes());
                b"image".iter().copied().chain(size).chain(pixels.iter().flat_map(|pixel| pixel.to_le_bytes())).collect()
            }
            Self::Text(text) => b"text".iter().copied().chain(text.bytes()).collect(),
            Self::Question(Question { text, options }) => {
                let (kind, ending) = match options {
                    Options::Answers(_) => ("answers", None),
                    Options::Beginnings { ending, .. } => ("beginnings", Some(ending)),
                };
                let pieces = [text].into_iter().chain(options.wordings()).chain(ending);
                let sized = |piece: &String| [&(piece.len() as u64).to_le_bytes()[..], piece.as_bytes()].concat();
                [b"question ", kind.as_bytes()].concat().into_iter().chain(pieces.flat_map(sized)).collect()
            }
            Self::Recording(Recording { rate, samples }) => {
                let samples = samples.iter().flat_map(|sample| sample.to_le_bytes());
                b"recording".iter().copied().chain(rate.to_le_bytes()).chain(samples).collect()
            }
            Self::Series(series) => b"series".iter().copied().chain(series.values().iter().flat_map(|value| value.to_le_bytes())).collect(),
        }
    }
}

impl Example {
    /// The item as a worked example, where it is a text with an answer in words: that of its class, or its own. One that brings its own
    /// options has none: it is scored, and not told.
    pub fn worked(&self, labels: &[String]) -> Option<WorkedExample> {
        let Content::Text(text) = &self.content else { return None };
        let (answer, rationale) = match &self.gold {
            Gold::Class(class) => (labels.get(*class)?.clone(), None),
            Gold::Answer { text, rationale } => (text.clone(), rationale.clone()),
            Gold::Future(_) => return None,
        };
        Some(WorkedExample { text: text.clone(), rationale, answer })
    }

    /// See [`Content::content_hash`]. A window that is to be forecast is the one at its place in time, whatever was seen at others: two
    /// in which nothing moves are two.
    pub fn content_hash(&self) -> Digest {
        match &self.gold {
            Gold::Future(_) => Digest::of_parts(&["window", &self.id]),
            Gold::Class(_) | Gold::Answer { .. } => self.content.content_hash(),
        }
    }
}

fn essence(text: &str) -> String {
    let says_something = |word: &&str| !(word.contains('@') || word.contains("://") || *word == "RT");
    let bare = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let words: Vec<String> = text.split_whitespace().filter(says_something).map(bare).filter(|word| !word.is_empty()).collect();
    // A text of nothing but mentions, links and signs is itself.
    if words.is_empty() { text.to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> Digest {
        Content::Text(text.to_owned()).content_hash()
    }

    #[test]
    fn reposted_texts_are_the_same() {
        assert_eq!(hash("RT @jo: Late again... thanks! http://t.co/x"), hash("late again thanks"));
        assert_ne!(hash("late again"), hash("late gain"));
        assert_ne!(hash(":)"), hash(":("));
        assert_ne!(hash("@a"), hash("@b"));
    }

    #[test]
    fn other_options_are_another_question() {
        let options = |words: [&str; 2]| Options::Answers(words.map(str::to_owned).to_vec());
        let question = |options: Options| Content::Question(Question { text: "Which?".to_owned(), options });
        let [one, other] = [question(options(["a dog", "the moon"])), question(options(["a dog", "the sun"]))];
        assert_ne!(one.content_hash(), other.content_hash());
        assert_ne!(one.exact_bytes(), other.exact_bytes());
        assert_eq!(one.content_hash(), question(options(["A dog", "the moon."])).content_hash());
        let Content::Question(question) = one else { unreachable!("made above") };
        assert_eq!(question.lettered(), "Which? (A) a dog (B) the moon");
        assert_eq!(question.answered(1), ("Which?", "the moon"));
    }

    #[test]
    fn images_of_other_shapes_differ() {
        let image = |height, width| Content::Image(Image { channels: 1, height, width, pixels: vec![0.5; 6] });
        assert_eq!(image(2, 3).content_hash(), image(2, 3).content_hash());
        assert_ne!(image(2, 3).content_hash(), image(3, 2).content_hash());
    }

    #[test]
    fn the_same_samples_at_another_rate_are_another_recording() {
        let recording = |rate| Content::Recording(Recording { rate, samples: vec![1, -2, 3] });
        assert_eq!(recording(8_000).content_hash(), recording(8_000).content_hash());
        assert_ne!(recording(8_000).content_hash(), recording(16_000).content_hash());
    }
}
