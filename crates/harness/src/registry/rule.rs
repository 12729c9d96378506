//! How a data set is divided into train, validation and test items.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where held-out items come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holdout {
    /// The data set has its own.
    Official,
    /// Items whose content's digest falls into this share of all digests, so that equal items fall on one side.
    ByContent {
        /// The share.
        percent: u8,
    },
    /// The same of the ids up to their last such character, so that items of one series (frames of a film, takes of a speaker) fall
    /// on one side.
    ByGroup {
        /// The share.
        percent: u8,
        /// What stands between a series and a place in it.
        until: char,
    },
    /// One of equal shares of all digests of contents, so that every item is in one fold.
    Fold {
        /// Which, counted from one.
        fold: u8,
        /// How many there are.
        of: u8,
    },
}

/// How a data set is divided. It does not depend on a seed: every method and every seed is tested on the same items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SplitRule {
    /// Test items.
    pub test: Holdout,
    /// Validation items; if not official, a share of what is not for the test.
    pub validation: Holdout,
}

impl fmt::Display for SplitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.test {
            Holdout::Official => f.write_str("test: official")?,
            Holdout::ByContent { percent } => write!(f, "test: {percent} % of all items, by sha256 of content")?,
            Holdout::ByGroup { percent, until } => {
                write!(f, "test: {percent} % of all series, by sha256 of the id up to its last `{until}`")?;
            }
            Holdout::Fold { fold, of } => write!(f, "test: fold {fold} of {of}, by sha256 of content")?,
        }
        match self.validation {
            Holdout::Official => f.write_str("; validation: official"),
            Holdout::ByContent { percent } => write!(f, "; validation: {percent} % of the other items, by sha256 of content"),
            Holdout::ByGroup { percent, until } => {
                write!(f, "; validation: {percent} % of the other series, by sha256 of the id up to its last `{until}`")
            }
            Holdout::Fold { fold, of } => write!(f, "; validation: fold {fold} of {of} of the other items, by sha256 of content"),
        }
    }
}
