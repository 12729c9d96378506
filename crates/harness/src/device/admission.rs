//! No sweep on a device that computes wrong numbers.

use std::path::Path;
use std::process::Command;

use burn::tensor::Device;

use super::{DeviceChoice, DeviceError, DeviceFacts, Precision};
use crate::selftest::{PATIENCE, Remembered, run_apart};

impl DeviceChoice {
    /// Opens the device if it passes the self-test in this precision, which runs where it is not remembered in `cache`. The
    /// CPU, which computes in f32, is the reference that all others are held against.
    pub fn admit(self, precision: Precision, cache: &Path, say: &dyn Fn(&str)) -> Result<Device, DeviceError> {
        let mut device = self.open()?;
        precision.on(self)?;
        if self == Self::Cpu {
            return Ok(device);
        }
        let facts = DeviceFacts::of(self);
        let [name, driver] = [&facts.name, &facts.driver].map(|fact| fact.clone().unwrap_or_default());
        let known = Remembered::recall(cache, &self.to_string(), &name, &driver, precision);
        let remembered = if let Some(remembered) = known {
            remembered
        } else {
            say(&format!("testing {self} ({name}, {driver}) in {precision} once: this can take a minute"));
            self.test(precision, cache)?
        };
        if !remembered.offered.is_empty() && !remembered.offered.contains(&precision) {
            return Err(DeviceError::Precision { choice: self, precision: precision.word() });
        }
        if let Some(fault) = remembered.fault() {
            return Err(DeviceError::Refused { choice: self, name, driver, fault });
        }
        precision.set(self, &mut device)?;
        Ok(device)
    }

    /// Runs the self-test in a process of its own, and remembers it.
    pub fn test(self, precision: Precision, cache: &Path) -> Result<Remembered, DeviceError> {
        self.open()?;
        let untested = |error: std::io::Error| DeviceError::Untested { choice: self, error: error.to_string() };
        let mut command = Command::new(std::env::current_exe().map_err(untested)?);
        command.args(["self-test", &self.to_string(), "--precision", precision.word()]);
        let report = run_apart(command, PATIENCE).map_err(untested)?;
        let DeviceFacts { name, driver, .. } = DeviceFacts::of(self);
        let remembered = Remembered::new(self.to_string(), name.unwrap_or_default(), driver.unwrap_or_default(), precision, report);
        // A cache that cannot be written to costs another test, nothing else.
        let _ = remembered.write(cache);
        Ok(remembered)
    }
}
