//! Why a data set cannot be used.

use std::io;
use std::path::PathBuf;

use crate::assets::AssetError;
use crate::registry::RegistryError;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is not in the registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its files are not there.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// A file cannot be read.
    #[error("{} cannot be read: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not what the table says it is.
    #[error("{}: {problem}\nhelp: `reader` in the data set's table does not fit the file", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A row is not what the table says it is.
    #[error("{}, row {row}: {problem}\nhelp: `reader` in the data set's table does not fit the file", .path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        row: usize,
        /// What is wrong.
        problem: String,
    },
    /// The rows are not as many as the table says.
    #[error("data set `{dataset}`, part `{part}`: {found} rows of class `{class}`, but the table says {expected}")]
    RowCount {
        /// The data set.
        dataset: String,
        /// The part.
        part: &'static str,
        /// The class.
        class: String,
        /// Rows counted.
        found: usize,
        /// Rows stated.
        expected: usize,
    },
    /// The rows of all classes are not as many as the table says.
    #[error("data set `{dataset}`, part `{part}`: {found} rows, but the table says {expected}")]
    Total {
        /// The data set.
        dataset: String,
        /// The part.
        part: &'static str,
        /// Rows counted.
        found: usize,
        /// Rows stated.
        expected: usize,
    },
    /// The rows left out are not as many as the table says.
    #[error("data set `{dataset}`, part `{part}`: {found} rows were left out, but the table says {expected}")]
    LeftOutCount {
        /// The data set.
        dataset: String,
        /// The part.
        part: &'static str,
        /// Rows counted.
        found: usize,
        /// Rows stated.
        expected: usize,
    },
    /// Two rows have one id.
    #[error("data set `{dataset}`: two rows have the id `{id}`")]
    TwiceTheId {
        /// The data set.
        dataset: String,
        /// The id.
        id: String,
    },
    /// More shots than there are items of a class.
    #[error(
        "data set `{dataset}`: {wanted} shots a class were asked for, but class `{class}` has {found} {split} items\nhelp: ask for at most {found} shots"
    )]
    TooManyShots {
        /// The data set.
        dataset: String,
        /// The split.
        split: &'static str,
        /// The smallest class.
        class: String,
        /// Shots asked for.
        wanted: usize,
        /// Items there are.
        found: usize,
    },
    /// Shots a class without classes.
    #[error(
        "data set `{dataset}`: {wanted} {split} shots a class were asked for, but it has no classes\nhelp: give `{split}-items` as a number instead"
    )]
    NoClasses {
        /// The data set.
        dataset: String,
        /// The split.
        split: &'static str,
        /// Shots asked for.
        wanted: usize,
    },
    /// A gold answer in which the data set's own rule finds none.
    #[error(
        "data set `{dataset}`, item `{id}`: `{extraction}` finds no answer in `{gold}`\nhelp: another `extraction` in the data set's template"
    )]
    Unreadable {
        /// The data set.
        dataset: String,
        /// The item.
        id: String,
        /// The rule.
        extraction: &'static str,
        /// The gold answer.
        gold: String,
    },
    /// More items than there are.
    #[error("data set `{dataset}`: {wanted} {split} items were asked for, but there are {found}\nhelp: ask for at most {found}")]
    TooManyItems {
        /// The data set.
        dataset: String,
        /// The split.
        split: &'static str,
        /// Items asked for.
        wanted: usize,
        /// Items there are.
        found: usize,
    },
}
