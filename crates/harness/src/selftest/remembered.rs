//! What is known of the devices that were tested.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Outcome, TABLE, Tested};
use crate::assets::Digest;

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
    /// Every operation.
    pub tested: Vec<Tested>,
}

impl Remembered {
    /// An outcome of today's test.
    pub fn new(device: String, name: String, driver: String, tested: Vec<Tested>) -> Self {
        Self { device, name, driver, program: env!("CARGO_PKG_VERSION").to_owned(), tested }
    }

    /// The operations that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Tested> {
        self.tested.iter().filter(|tested| !tested.outcome.holds())
    }

    /// What was remembered of this device and driver, by this version of the test. A file that cannot be read is as none.
    pub fn recall(cache: &Path, device: &str, name: &str, driver: &str) -> Option<Self> {
        let text = fs::read(file(cache, device, name, driver)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers it.
    pub fn write(&self, cache: &Path) -> io::Result<()> {
        let file = file(cache, &self.device, &self.name, &self.driver);
        fs::create_dir_all(file.parent().unwrap_or(cache))?;
        let draft = file.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        fs::rename(draft, file)
    }

    /// The first fault, in words.
    pub fn fault(&self) -> Option<String> {
        let Tested { operation, outcome } = self.failures().next()?;
        let n = self.failures().count();
        let what = match outcome {
            Outcome::Measured { forward, gradient } => {
                let gradient = gradient.map(|gradient| format!(", its gradient by {gradient:.1e}")).unwrap_or_default();
                format!("`{operation}` is off by {forward:.1e} of its largest entry{gradient}; up to {:.0e} is rounding", super::TOLERANCE)
            }
            Outcome::Died { said } => format!("`{operation}`: {said}"),
        };
        Some(if n == 1 { what } else { format!("{what}\n  and {} more operations fail", n - 1) })
    }
}

fn file(cache: &Path, device: &str, name: &str, driver: &str) -> PathBuf {
    let table = Digest::of(TABLE).to_string();
    let key = Digest::of_parts(&[device, name, driver, env!("CARGO_PKG_VERSION"), &table]);
    cache.join("self-test").join(format!("{key}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(outcomes: Vec<Outcome>) -> Remembered {
        let tested = outcomes.into_iter().map(|outcome| Tested { operation: "softmax".to_owned(), outcome }).collect();
        Remembered::new("wgpu:0".to_owned(), "a GPU".to_owned(), "1.2".to_owned(), tested)
    }

    #[test]
    fn it_is_remembered_for_this_driver_alone() {
        let cache = tempfile::tempdir().unwrap();
        let written = remembered(vec![Outcome::Measured { forward: f32::MAX, gradient: None }]);
        written.write(cache.path()).unwrap();
        let recall = |driver: &str| Remembered::recall(cache.path(), "wgpu:0", "a GPU", driver);
        assert_eq!(recall("1.2"), Some(written));
        assert_eq!(recall("1.3"), None);
        fs::write(file(cache.path(), "wgpu:0", "a GPU", "1.2"), "{").unwrap();
        assert_eq!(recall("1.2"), None, "a damaged file is as none: the test runs again");
    }

    #[test]
    fn a_fault_says_where_and_how_far() {
        let died = Outcome::Died { said: "the process ended (signal: 11)".to_owned() };
        let far = Outcome::Measured { forward: 0.5, gradient: Some(2e-7) };
        let good = Outcome::Measured { forward: 1e-7, gradient: Some(2e-7) };
        assert_eq!(remembered(vec![good.clone()]).fault(), None);
        insta::assert_snapshot!(format!(
            "{}\n{}",
            remembered(vec![good, far.clone()]).fault().unwrap(),
            remembered(vec![died, far]).fault().unwrap()
        ));
    }
}
