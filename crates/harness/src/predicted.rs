//! What trials are predicted to take, before they run: counted ahead ([`crate::trial::Foreseen`]), and timed by what was measured of
//! their backbone ([`crate::calibration`]).
//!
//! A sweep writes it beside its records, so that a report can hold it against what they took. No number of a record depends on it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::costs::{PartCosts, Parts};
use crate::replaced::replace_json;
use crate::store::StoreError;
use crate::trial::Foreseen;

/// `predicted.json` in a folder of results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicted {
    /// By the keys of trials.
    pub trials: BTreeMap<String, Parts>,
}

/// Bytes that a trial finds, or may keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Held before it begins: weights and data.
    pub held: u64,
    /// Bound of what is kept between trials.
    pub kept: u64,
}

/// With seconds and memory, where there is a calibration. Trials that share f with others take what they would alone.
pub fn predict(foreseen: &Foreseen, calibration: Option<&Calibration>, memory: Memory) -> Parts {
    let Some(Calibration { forward, both }) = calibration else { return foreseen.parts };
    let Foreseen { parts, batches, step, pass, item_bytes, kept_bytes } = foreseen;
    let base = memory.held + item_bytes + kept_bytes.min(&memory.kept);
    let timed = |part: PartCosts, passes: usize, is_trained: bool| {
        let rate = if is_trained { both } else { forward };
        let bytes = if is_trained { rate.bytes_a_flop * step.backward_flops as f64 } else { rate.bytes_a_flop * pass.forward_flops as f64 };
        let peak_bytes = if part.items == 0 { 0 } else { base + bytes as u64 };
        PartCosts { seconds: rate.seconds(if part.flops() == 0 { 0 } else { passes }, part.flops()), peak_bytes, ..part }
    };
    Parts {
        fitting: timed(parts.fitting, batches[0], false),
        steps: timed(parts.steps, batches[1], parts.steps.backward_flops > 0),
        validation: timed(parts.validation, batches[2], false),
        test: timed(parts.test, batches[3], false),
    }
}

impl Predicted {
    /// Reads it; nothing where no sweep has written it.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = path(folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(StoreError::Io { path, error }),
        };
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged { path, reason: format!("no predictions: {error}") })
    }

    /// Writes it whole, in the place of an older one.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = path(folder);
        replace_json(&path, self).map_err(|error| StoreError::Io { path, error })
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("predicted.json")
}

#[cfg(test)]
mod tests {
    use reprogram_models::Spent;

    use super::*;
    use crate::calibration::Rate;

    fn part(items: usize, forward_flops: u64, backward_flops: u64) -> PartCosts {
        PartCosts { items, forward_flops, backward_flops, ..PartCosts::default() }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the same numbers, computed in one way")]
    fn seconds_and_memory_follow_from_operations() {
        let foreseen = Foreseen {
            parts: Parts {
                fitting: part(0, 0, 0),
                steps: part(40, 4_000, 2_000),
                validation: part(20, 2_000, 0),
                test: part(10, 1_000, 0),
            },
            batches: [3, 4, 2, 1],
            step: Spent { tokens: 0, forward_flops: 1_000, backward_flops: 500 },
            pass: Spent { tokens: 0, forward_flops: 1_000, backward_flops: 0 },
            item_bytes: 7,
            kept_bytes: 1_000,
        };
        let rate = |flops_a_second, bytes_a_flop| Rate { seconds_a_pass: 0.25, flops_a_second, bytes_a_flop };
        let calibration = Calibration { forward: rate(1_000.0, 0.1), both: rate(2_000.0, 2.0) };
        let found = predict(&foreseen, Some(&calibration), Memory { held: 10_000, kept: 300 });
        assert_eq!([found.fitting, found.steps, found.validation, found.test].map(|part| part.seconds), [0.0, 4.0, 2.5, 1.25]);
        assert_eq!([found.fitting, found.steps, found.test].map(|part| part.peak_bytes), [0, 11_307, 10_407]);
        assert_eq!(predict(&foreseen, None, Memory::default()), foreseen.parts);
    }

    #[test]
    fn predictions_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Predicted::read(folder.path()).unwrap(), Predicted::default());
        let written = Predicted { trials: [("key".to_owned(), Parts { test: part(1, 2, 3), ..Parts::default() })].into() };
        written.write(folder.path()).unwrap();
        assert_eq!(Predicted::read(folder.path()).unwrap(), written);
        fs::write(path(folder.path()), "{}").unwrap();
        assert!(Predicted::read(folder.path()).unwrap_err().to_string().contains("predicted.json: no predictions"));
    }
}
