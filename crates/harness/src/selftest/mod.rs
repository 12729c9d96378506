//! Does this device compute what it should? Every operation that the backbones use, forward and backward, against numbers
//! that PyTorch computed in float64 (`scripts/make_selftest.py`).
//!
//! GPU drivers can crash, or compute wrong numbers without a word. So the test runs in a process of its own, which a driver may
//! take down, once for each device, driver and version of this program; what came of it is remembered in the cache folder. A
//! device that failed is refused by the name of the operation.

mod child;
mod operations;
mod remembered;

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::Device;
use reprogram_models::weights::Weights;
use serde::{Deserialize, Serialize};

pub use child::{PATIENCE, Report, offer, run_apart, serve};
use operations::OPERATIONS;
pub use remembered::Remembered;

use crate::device::Precision;

/// Largest difference that is rounding, as a share of the largest entry. GPUs sum in other orders and have exponentials of
/// their own; a wrong kernel is off by far more. In 16 bits the inputs are rounded, too.
pub const fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 | Precision::Int8 => 1e-4,
        Precision::F16 => 1e-2,
        Precision::Bf16 => 5e-2,
    }
}

const TABLE: &[u8] = include_bytes!("../../assets/selftest.safetensors");

/// The entry that is farthest from what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// How far, as a share of the largest stored entry; [`f32::MAX`] where there is no number.
    pub relative: f32,
    /// Which entry, counted row by row.
    pub at: usize,
    /// What was computed; nothing where that is no finite number.
    pub found: Option<f32>,
    /// What is stored.
    pub expected: f32,
}

impl Deviation {
    /// The worst of all entries.
    fn of(found: &[f32], expected: &[f32]) -> Self {
        let largest = expected.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        let mut worst = Self { relative: 0.0, at: 0, found: found.first().copied(), expected: expected.first().copied().unwrap_or(0.0) };
        for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let relative = if found.is_finite() { (found - expected).abs() / largest } else { f32::MAX };
            if relative > worst.relative {
                worst = Self { relative, at, found: found.is_finite().then_some(found), expected };
            }
        }
        if found.len() == expected.len() { worst } else { Self { relative: f32::MAX, ..worst } }
    }
}

impl std::fmt::Display for Deviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.found {
            Some(found) => write!(f, "{found} at {}, expected {} (off by {:.1e} of the largest)", self.at, self.expected, self.relative),
            None => write!(f, "no number at {}, expected {}", self.at, self.expected),
        }
    }
}

/// What came of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// Where it is farthest from the stored numbers.
    Measured {
        /// The output.
        output: Deviation,
        /// The input's gradient, where there is one.
        gradient: Option<Deviation>,
    },
    /// It panicked, or took the process down, or did not come back.
    Died {
        /// What was said.
        said: String,
    },
}

impl Outcome {
    /// Whether the operation may be relied on.
    pub fn holds(&self, tolerance: f32) -> bool {
        let near = |deviation: &Deviation| deviation.relative <= tolerance;
        match self {
            Self::Measured { output, gradient } => near(output) && gradient.as_ref().is_none_or(near),
            Self::Died { .. } => false,
        }
    }
}

/// An operation and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Its name.
    pub operation: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// Runs every operation on a device, in this process. `begun` is told each name before, `ended` the outcome.
pub fn run(device: &Device, begun: &mut dyn FnMut(&str), ended: &mut dyn FnMut(Tested)) {
    let table = Weights::from_safetensors(TABLE).expect("the self-test's own table is a safetensors file");
    run_against(&table, device, begun, ended);
}

fn run_against(table: &Weights<'_>, device: &Device, begun: &mut dyn FnMut(&str), ended: &mut dyn FnMut(Tested)) {
    for operation in OPERATIONS {
        begun(operation.name);
        let outcome = catch_unwind(AssertUnwindSafe(|| operation.run(table, device)));
        let outcome = outcome.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            Outcome::Died { said: said.unwrap_or_else(|| "it panicked".to_owned()) }
        });
        ended(Tested { operation: operation.name.to_owned(), outcome });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(table: &Weights<'_>) -> Vec<Tested> {
        let mut all = Vec::new();
        run_against(table, &Device::flex(), &mut |_| {}, &mut |tested| all.push(tested));
        all
    }

    #[test]
    fn the_cpu_computes_what_pytorch_does() {
        let table = Weights::from_safetensors(TABLE).unwrap();
        let wrong: Vec<Tested> = outcomes(&table).into_iter().filter(|tested| !tested.outcome.holds(1e-4)).collect();
        assert_eq!(wrong, []);
    }

    #[test]
    fn every_stored_operation_is_run() {
        let table = Weights::from_safetensors(TABLE).unwrap();
        let run: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
        let stored: std::collections::BTreeSet<&str> = table.names().filter_map(|name| name.split('.').next()).collect();
        assert_eq!(run.len(), stored.len());
        assert!(stored.iter().all(|name| run.contains(name)), "{stored:?}");
    }

    /// As a driver that is wrong in one number of one gradient.
    #[test]
    fn one_wrong_number_is_seen_and_named() {
        let mut bytes = TABLE.to_vec();
        let file = safetensors::SafeTensors::deserialize(TABLE).unwrap();
        let at = file.tensor("layer_norm.gradient").unwrap().data().as_ptr().addr() - TABLE.as_ptr().addr();
        let value = f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(value + 0.01).to_le_bytes());
        let table = Weights::from_safetensors(&bytes).unwrap();
        let failed: Vec<String> =
            outcomes(&table).into_iter().filter(|tested| !tested.outcome.holds(1e-4)).map(|tested| tested.operation).collect();
        assert_eq!(failed, ["layer_norm"]);
    }
}
