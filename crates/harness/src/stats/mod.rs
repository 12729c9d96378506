//! Statistics of a comparison: intervals over seeds, paired tests over items, corrections for many tests.
//!
//! Everything here is a pure function of numbers. What is drawn at random is drawn from a generator whose seed is a
//! fixed name, so the same numbers give the same bytes.

mod holm;
mod interval;
mod mcnemar;
mod paired;
mod proportion;

pub use holm::holm;
pub use interval::{LEVEL, MeanInterval, mean};
pub use mcnemar::Mcnemar;
pub use paired::{PairedComparison, REPLICATES, bootstrap_interval, sign_flip_p};
pub use proportion::Proportion;
