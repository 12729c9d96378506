//! What is known of the devices that were tested.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Outcome, Report, TABLE, Tested, tolerance};
use crate::assets::Digest;
use crate::device::Precision;
use crate::replaced::replace_json;

/// The outcome of a self-test, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// The device as the command line names it.
    pub device: String,
    /// Its own name.
    pub name: String,
    /// Its driver and version.
    pub driver: String,
    /// This program's version.
    pub program: String,
    /// What was computed in.
    pub precision: Precision,
    /// What the device can compute in; empty where the test did not get so far.
    pub offered: Vec<Precision>,
    /// Every operation.
    pub tested: Vec<Tested>,
}

impl Remembered {
    /// An outcome of today's test.
    pub fn new(device: String, name: String, driver: String, precision: Precision, Report { offered, tested }: Report) -> Self {
        Self { device, name, driver, program: env!("CARGO_PKG_VERSION").to_owned(), precision, offered, tested }
    }

    /// The operations that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Tested> {
        let tolerance = tolerance(self.precision);
        self.tested.iter().filter(move |tested| !tested.outcome.holds(tolerance))
    }

    /// What was remembered of this device and driver, by this version of the test. A file that cannot be read is as none.
    pub fn recall(cache: &Path, device: &str, name: &str, driver: &str, precision: Precision) -> Option<Self> {
        let text = fs::read(file(cache, device, name, driver, precision)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers it.
    pub fn write(&self, cache: &Path) -> io::Result<()> {
        let file = file(cache, &self.device, &self.name, &self.driver, self.precision);
        fs::create_dir_all(file.parent().unwrap_or(cache))?;
        replace_json(&file, self)
    }

    /// The first fault, in words.
    pub fn fault(&self) -> Option<String> {
        let Tested { operation, outcome } = self.failures().next()?;
        let n = self.failures().count();
        let what = match outcome {
            Outcome::Measured { output, gradient } => {
                let near = |deviation: &super::Deviation| deviation.relative <= tolerance(self.precision);
                let of_gradient = gradient.filter(|gradient| near(output) && !near(gradient));
                let (whose, worst) = of_gradient.map_or(("output", *output), |gradient| ("gradient", gradient));
                format!("`{operation}`: its {whose} is {worst}; up to {:.0e} is rounding", tolerance(self.precision))
            }
            Outcome::Died { said } => format!("`{operation}`: {said}"),
        };
        Some(if n == 1 { what } else { format!("{what}\n  and {} more operations fail", n - 1) })
    }
}

fn file(cache: &Path, device: &str, name: &str, driver: &str, precision: Precision) -> PathBuf {
    let table = Digest::of(TABLE).to_string();
    let key = Digest::of_parts(&[device, name, driver, precision.word(), env!("CARGO_PKG_VERSION"), &table]);
    cache.join("self-test").join(format!("{key}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::Deviation;

    fn remembered(outcomes: Vec<Outcome>) -> Remembered {
        let tested = outcomes.into_iter().map(|outcome| Tested { operation: "softmax".to_owned(), outcome }).collect();
        let report = Report { offered: vec![Precision::F32], tested };
        Remembered::new("wgpu:0".to_owned(), "a GPU".to_owned(), "1.2".to_owned(), Precision::F32, report)
    }

    fn measured(output: &[f32], gradient: &[f32]) -> Outcome {
        let expected = [0.5, -2.0, 0.25];
        Outcome::Measured { output: Deviation::of(output, &expected), gradient: Some(Deviation::of(gradient, &expected)) }
    }

    #[test]
    fn it_is_remembered_for_this_driver_alone() {
        let cache = tempfile::tempdir().unwrap();
        let written = remembered(vec![measured(&[0.5, f32::NAN, 0.25], &[0.5, -2.0, 0.25])]);
        written.write(cache.path()).unwrap();
        let recall = |driver: &str, precision| Remembered::recall(cache.path(), "wgpu:0", "a GPU", driver, precision);
        assert_eq!(recall("1.2", Precision::F32), Some(written));
        assert_eq!(recall("1.3", Precision::F32), None);
        assert_eq!(recall("1.2", Precision::F16), None);
        fs::write(file(cache.path(), "wgpu:0", "a GPU", "1.2", Precision::F32), "{").unwrap();
        assert_eq!(recall("1.2", Precision::F32), None, "a damaged file is as none: the test runs again");
    }

    #[test]
    fn a_fault_says_where_and_how_far() {
        let died = Outcome::Died { said: "the process ended (signal: 11)".to_owned() };
        let right = [0.5, -2.0, 0.25];
        let good = measured(&right, &right);
        assert_eq!(remembered(vec![good.clone()]).fault(), None);
        let faults = [
            vec![good, measured(&[0.5, -1.0, 0.25], &right)],
            vec![measured(&right, &[0.5, -2.0, 0.5])],
            vec![measured(&[0.5, -2.0, f32::INFINITY], &right)],
            vec![measured(&right[..2], &right)],
            vec![died, measured(&[0.0; 3], &right)],
        ];
        insta::assert_snapshot!(faults.map(|outcomes| remembered(outcomes).fault().unwrap()).join("\n"));
    }
}
