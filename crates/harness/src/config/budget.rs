//! What every method of an experiment may spend: equal for all rows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::Amount;

/// A budget. It goes into the record as it stands here, defaults written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// Passes over the training items.
    pub epochs: usize,
    /// Items a gradient step.
    pub batch_size: usize,
    /// Training items of each class; all when neither this nor `train-items` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shots: Option<usize>,
    /// Training items over all classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_items: Option<usize>,
    /// Validation items, the same for every seed: so many, or `{ shots = N }` of each class; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_items: Option<Amount>,
    /// Test items, the same for every seed; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_items: Option<usize>,
    /// What is fitted on once more when all has been chosen, before the test items are read; nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit: Option<Refit>,
}

/// What programs are fitted on once more, with what was chosen on validation. Methods that fit nothing on training items, by a gradient or
/// by a rule, stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refit {
    /// Training items and those that were chosen by, as VTAB-1k does: 800 and 200.
    TrainAndValidation,
}

impl fmt::Display for Refit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrainAndValidation => f.write_str("training and validation items"),
        }
    }
}

impl Budget {
    /// So many epochs on all items.
    pub const fn of_all_items(epochs: usize, batch_size: usize) -> Self {
        Self { epochs, batch_size, shots: None, train_items: None, validation_items: None, test_items: None, refit: None }
    }

    /// The first number that makes no sense, in words.
    pub(super) fn fault(&self) -> Option<String> {
        let positive = [
            ("epochs", Some(self.epochs)),
            ("batch-size", Some(self.batch_size)),
            ("shots", self.shots),
            ("train-items", self.train_items),
            ("validation-items", self.validation_items.map(Amount::number)),
            ("test-items", self.test_items),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == Some(0)) {
            return Some(format!("`{key} = 0` leaves nothing to do\n  help: leave `{key}` out, or give a number of at least 1"));
        }
        if self.shots.is_some() && self.train_items.is_some() {
            return Some("`shots` and `train-items` both say how many training items there are\n  help: give one of them".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refit_is_asked_for_and_written_only_then() {
        let parse = |text: &str| toml::from_str::<Budget>(text).map_err(|error| error.message().to_owned());
        let plain = parse("epochs = 2\nbatch-size = 8").unwrap();
        assert!(!serde_json::to_string(&plain).unwrap().contains("refit"));
        let refitted = parse("epochs = 2\nbatch-size = 8\nrefit = \"train-and-validation\"").unwrap();
        assert_eq!(refitted, Budget { refit: Some(Refit::TrainAndValidation), ..plain });
        assert!(serde_json::to_string(&refitted).unwrap().contains(r#""refit":"train-and-validation""#));
        insta::assert_snapshot!(parse("epochs = 2\nbatch-size = 8\nrefit = \"all\"").unwrap_err(), @"unknown variant `all`, expected `train-and-validation`");
    }
}
