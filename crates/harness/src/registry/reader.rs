//! The formats that data files come in.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use reprogram_taxonomy::Modality;
use serde::{Deserialize, Serialize};

use super::{JsonGold, JsonLayout, JsonOptions, NamePattern, OptionsAs, PartName};
use crate::assets::MemberPath;

/// How a data set's files are read. A file whose name ends in `.gz` is unpacked first; one whose name ends in `.parquet` is read by
/// `json-lines` and `json-items` (as `lines`) as if each row were a JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Reader {
    /// One file; a line holds the grey values of an image, then the class number.
    ImageCsv {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
        /// The value of white.
        highest: u16,
    },
    /// Two files: all images as 16-bit little-endian grey values, and all class numbers as bytes.
    ImageU16 {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
        /// The value of white.
        highest: u16,
    },
    /// Two files: all images as bytes of grey values, and all class numbers as bytes, each behind a header of its sizes (IDX).
    ImageIdx {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
    },
    /// One zip file of `NumPy` arrays of bytes, grey values and class numbers of every part, under names that begin with the part's.
    ImageNpz {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
        /// What names of arrays begin with in the parts train, validation and test.
        prefixes: [String; 3],
    },
    /// One packed tar archive of JPEG, PNG or PPM files in colour, a folder a class; or, where `listed` says how, a second file names
    /// the class of each.
    ImageTar {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
        /// The folders of the classes, in the order of the classes.
        folders: Vec<String>,
        /// Of each class, the first so many files by name; the others are left out, and counted.
        #[serde(default)]
        at_most: Option<usize>,
        /// How a second file, where a part has one, names the classes of the files.
        #[serde(default)]
        listed: Option<Listed>,
    },
    /// Parquet files, one behind the other, with an image file a row, in a column of bytes or of structs with a field `bytes`. The shorter
    /// edge of an image is resized, bicubic, and the middle is kept.
    ImageParquet {
        /// The column of the images.
        image: String,
        /// The column of the labels.
        label: String,
        /// What the labels of the classes are, in the order of the classes; without it, labels are their numbers.
        #[serde(default)]
        labels: Option<Vec<String>>,
        /// Pixels of the square that is kept.
        edge: usize,
        /// Of each class, the first so many rows; the others are left out, and counted.
        #[serde(default)]
        at_most: Option<usize>,
    },
    /// One CSV file with a header line.
    TextCsv {
        /// The column of the text, or words with `{column}` where columns go.
        text: String,
        /// The column of the label.
        label: String,
        /// What the labels of the classes are, in the order of the classes.
        labels: Vec<String>,
        /// Labels whose rows are left out.
        #[serde(default)]
        ignored_labels: Vec<String>,
        /// How characters are written.
        encoding: Encoding,
        /// What becomes of rows with other characters.
        #[serde(default)]
        unreadable: Unreadable,
    },
    /// One file; a line holds a label, a blank and the text.
    LabelLines {
        /// What the labels of the classes are, in the order of the classes.
        labels: Vec<String>,
        /// How characters are written.
        encoding: Encoding,
        /// What becomes of rows without a text.
        #[serde(default)]
        empty: Unreadable,
    },
    /// One file; a line holds an item as a JSON object.
    JsonLines {
        /// The field of the text, or words with `{field}` where fields go.
        text: String,
        /// The field of the label, a string, a number or a truth value.
        label: String,
        /// What the labels of the classes are, in the order of the classes; truth values are `true` and `false`.
        labels: Vec<String>,
    },
    /// One tar archive of WAV or Ogg Vorbis files, packed or not. A file's name says its class and its part.
    RecordingTar {
        /// How names are made.
        names: NamePattern,
        /// What stands for the classes in a name, in the order of the classes.
        labels: Vec<String>,
        /// What stands for the parts in a name.
        parts: BTreeMap<PartName, Vec<String>>,
    },
    /// One file; a line holds a label, which is a whole number, and the values of a series, divided by blanks.
    SeriesLines {
        /// What the labels of the classes are, in the order of the classes.
        labels: Vec<i64>,
        /// Values of a series.
        length: usize,
    },
    /// One CSV file with a header line, a row a step of time and a column a variable; items are windows of one variable, to be forecast.
    SeriesWindows(Windows),
    /// One zip file with a folder a class and a file an item.
    ZipTexts {
        /// The folders of the classes, in the order of the classes.
        folders: Vec<MemberPath>,
        /// How much of a file is the item.
        part: TextPart,
        /// How characters are written.
        encoding: Encoding,
    },
    /// One file of JSON objects, one an item.
    JsonItems {
        /// Where the objects stand.
        layout: JsonLayout,
        /// What is asked: JSON pointers to its pieces, in order.
        text: Vec<String>,
        /// What may be chosen from.
        #[serde(default)]
        options: Option<JsonOptions>,
        /// What becomes of it.
        #[serde(default)]
        options_as: OptionsAs,
        /// What is right.
        gold: JsonGold,
    },
}

/// How items are cut from series of several variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Windows {
    /// The columns of the variables.
    pub columns: Vec<String>,
    /// Values that are seen.
    pub history: NonZeroUsize,
    /// Values that are to be forecast.
    pub horizon: NonZeroUsize,
    /// Steps from one window to the next.
    #[serde(default = "one")]
    pub stride: NonZeroUsize,
    /// Steps after which a series is like itself: errors are scaled by what repeating the value of a season ago costs in training.
    #[serde(default = "one")]
    pub season: NonZeroUsize,
    /// Rows of the parts, train first, then validation, then test; what comes behind is not read.
    pub rows: PartRows,
}

/// How many rows each part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartRows {
    /// Those that are trained on, and that values are standardised by.
    pub train: usize,
    /// Those that choices are made by.
    pub validation: usize,
    /// Those that are tested on.
    pub test: usize,
}

const fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

/// What a data set asks for of each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// One of its classes.
    Class,
    /// An answer in words; there are no classes.
    Answer,
    /// How a series goes on; there are no classes.
    Future,
}

/// A list of files and their classes, a line each. It may name files that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Listed {
    /// What stands between columns. The first one is the file's name.
    pub separator: char,
    /// The column of the class, counted from zero.
    pub column: usize,
    /// How the list calls the classes, in the order of the classes.
    pub labels: Vec<String>,
    /// Whether the first line names the columns.
    pub heading: bool,
}

/// How characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Only bytes below 128.
    Ascii,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1: every byte is a character.
    #[serde(rename = "latin-1")]
    Latin1,
}

/// What becomes of rows that cannot be used: not in the stated encoding, or without a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// The data set is refused.
    #[default]
    Refuse,
    /// They are left out, and counted.
    LeaveOut,
}

/// How much of a file is the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPart {
    /// The first line.
    FirstLine,
    /// All of it.
    Whole,
}

impl Reader {
    /// What items are.
    pub const fn modality(&self) -> Modality {
        match self {
            Self::ImageCsv { .. }
            | Self::ImageU16 { .. }
            | Self::ImageIdx { .. }
            | Self::ImageNpz { .. }
            | Self::ImageTar { .. }
            | Self::ImageParquet { .. } => Modality::Vision,
            Self::TextCsv { .. } | Self::LabelLines { .. } | Self::JsonLines { .. } | Self::ZipTexts { .. } | Self::JsonItems { .. } => {
                Modality::Text
            }
            Self::RecordingTar { .. } => Modality::Audio,
            Self::SeriesLines { .. } | Self::SeriesWindows(_) => Modality::TimeSeries,
        }
    }

    /// Files that one part of the data set consists of: at least, and at most.
    pub const fn files_a_part(&self) -> [usize; 2] {
        match self {
            Self::ImageU16 { .. } | Self::ImageIdx { .. } => [2, 2],
            Self::ImageTar { listed: Some(_), .. } => [1, 2],
            Self::ImageParquet { .. } => [1, usize::MAX],
            Self::ImageCsv { .. }
            | Self::ImageNpz { .. }
            | Self::ImageTar { .. }
            | Self::TextCsv { .. }
            | Self::LabelLines { .. }
            | Self::JsonLines { .. }
            | Self::RecordingTar { .. }
            | Self::SeriesLines { .. }
            | Self::SeriesWindows(_)
            | Self::ZipTexts { .. }
            | Self::JsonItems { .. } => [1, 1],
        }
    }

    /// Classes that the reader's own list names, where it has one.
    pub fn n_listed_classes(&self) -> Option<usize> {
        match self {
            Self::ImageCsv { .. }
            | Self::ImageU16 { .. }
            | Self::ImageIdx { .. }
            | Self::ImageNpz { .. }
            | Self::SeriesWindows(_)
            | Self::ImageParquet { labels: None, .. }
            | Self::JsonItems { gold: JsonGold::BestOption | JsonGold::OptionLabel { .. } | JsonGold::Answer { .. }, .. } => None,
            Self::TextCsv { labels, .. }
            | Self::ImageParquet { labels: Some(labels), .. }
            | Self::LabelLines { labels, .. }
            | Self::JsonLines { labels, .. }
            | Self::RecordingTar { labels, .. }
            | Self::JsonItems { gold: JsonGold::Label { labels, .. }, .. } => Some(labels.len()),
            Self::SeriesLines { labels, .. } => Some(labels.len()),
            Self::ZipTexts { folders, .. } => Some(folders.len()),
            Self::ImageTar { folders, .. } => Some(folders.len()),
        }
    }

    /// What items are read with.
    pub const fn asks_for(&self) -> AskedFor {
        match self {
            Self::JsonItems { gold: JsonGold::Answer { .. }, .. } => AskedFor::Answer,
            Self::SeriesWindows(_) => AskedFor::Future,
            Self::JsonItems { gold: JsonGold::Label { .. } | JsonGold::BestOption | JsonGold::OptionLabel { .. }, .. }
            | Self::ImageCsv { .. }
            | Self::ImageU16 { .. }
            | Self::ImageIdx { .. }
            | Self::ImageNpz { .. }
            | Self::ImageTar { .. }
            | Self::ImageParquet { .. }
            | Self::TextCsv { .. }
            | Self::LabelLines { .. }
            | Self::JsonLines { .. }
            | Self::RecordingTar { .. }
            | Self::SeriesLines { .. }
            | Self::ZipTexts { .. } => AskedFor::Class,
        }
    }

    /// Whether each item brings its own answers in place of words for the classes.
    pub const fn brings_answers(&self) -> bool {
        match self {
            Self::JsonItems { options_as, .. } => options_as.are_answers(),
            Self::ImageCsv { .. }
            | Self::ImageU16 { .. }
            | Self::ImageIdx { .. }
            | Self::ImageNpz { .. }
            | Self::ImageTar { .. }
            | Self::ImageParquet { .. }
            | Self::TextCsv { .. }
            | Self::LabelLines { .. }
            | Self::JsonLines { .. }
            | Self::RecordingTar { .. }
            | Self::SeriesLines { .. }
            | Self::SeriesWindows(_)
            | Self::ZipTexts { .. } => false,
        }
    }

    /// Whether rows may be left out.
    pub fn leaves_out(&self) -> bool {
        match self {
            Self::TextCsv { ignored_labels, unreadable, .. } => !ignored_labels.is_empty() || *unreadable == Unreadable::LeaveOut,
            Self::ImageTar { at_most, .. } | Self::ImageParquet { at_most, .. } => at_most.is_some(),
            Self::LabelLines { empty, .. } => *empty == Unreadable::LeaveOut,
            Self::ImageCsv { .. }
            | Self::ImageU16 { .. }
            | Self::ImageIdx { .. }
            | Self::ImageNpz { .. }
            | Self::JsonLines { .. }
            | Self::RecordingTar { .. }
            | Self::SeriesLines { .. }
            | Self::SeriesWindows(_)
            | Self::ZipTexts { .. }
            | Self::JsonItems { .. } => false,
        }
    }
}

impl PartRows {
    /// Of a part; nothing of what is undivided.
    pub const fn of(&self, part: PartName) -> Option<usize> {
        match part {
            PartName::All => None,
            PartName::Train => Some(self.train),
            PartName::Validation => Some(self.validation),
            PartName::Test => Some(self.test),
        }
    }

    /// Rows in front of a part.
    pub const fn before(&self, part: PartName) -> usize {
        match part {
            PartName::All | PartName::Train => 0,
            PartName::Validation => self.train,
            PartName::Test => self.train + self.validation,
        }
    }
}
