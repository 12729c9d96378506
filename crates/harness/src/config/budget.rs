//! What every method of an experiment may spend: equal for all rows.

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
}

impl Budget {
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
