//! By what trials are judged: one measure for a kind of task, and which end of it is better.

use std::fmt;

/// What trials of a data set are chosen, marked and compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Share of items that are right; higher is better.
    Accuracy,
    /// Mean squared error of forecasts; lower is better.
    Mse,
}

impl Measure {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Mse => "mse",
        }
    }

    /// How choices between programs are made by it, in words.
    pub const fn choice(self) -> &'static str {
        match self {
            Self::Accuracy => "highest validation accuracy, then lowest validation loss, then first",
            Self::Mse => "lowest validation mean squared error, then first",
        }
    }

    /// One where higher is better, else minus one.
    pub const fn sign(self) -> f64 {
        match self {
            Self::Accuracy => 1.0,
            Self::Mse => -1.0,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
