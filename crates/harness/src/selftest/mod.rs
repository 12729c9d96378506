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

pub use child::{PATIENCE, run_apart, serve};
use operations::OPERATIONS;
pub use remembered::Remembered;

/// Largest difference that is rounding, as a share of the largest entry. GPUs sum in other orders and have exponentials of
/// their own; a wrong kernel is off by far more.
pub const TOLERANCE: f32 = 1e-4;

const TABLE: &[u8] = include_bytes!("../../assets/selftest.safetensors");

/// What came of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// Largest differences from the stored numbers, each as a share of the largest entry; [`f32::MAX`] where there is no
    /// number.
    Measured {
        /// Of the output.
        forward: f32,
        /// Of the input's gradient, where there is one.
        gradient: Option<f32>,
    },
    /// It panicked, or took the process down, or did not come back.
    Died {
        /// What was said.
        said: String,
    },
}

impl Outcome {
    /// Whether the operation may be relied on.
    pub fn holds(&self) -> bool {
        let near = |difference: f32| difference <= TOLERANCE;
        match self {
            Self::Measured { forward, gradient } => near(*forward) && gradient.is_none_or(near),
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
        let wrong: Vec<Tested> = outcomes(&table).into_iter().filter(|tested| !tested.outcome.holds()).collect();
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
            outcomes(&table).into_iter().filter(|tested| !tested.outcome.holds()).map(|tested| tested.operation).collect();
        assert_eq!(failed, ["layer_norm"]);
    }
}
