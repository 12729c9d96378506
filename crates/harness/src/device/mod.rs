//! Compute devices, chosen by name at run time.

mod admission;
mod facts;
#[cfg(feature = "cuda")]
mod gpu_energy;
mod precision;

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::DeviceType;

pub use facts::DeviceFacts;
#[cfg(feature = "cuda")]
pub use gpu_energy::GpuEnergy;
pub use precision::{Numbers, Precision};

/// A device as the command line names it: `cpu`, `wgpu`, `wgpu:1`, `cuda`, `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// burn-flex.
    Cpu,
    /// A GPU through wgpu, by its place in the list.
    Wgpu(usize),
    /// An NVIDIA GPU, by its place in the list.
    Cuda(usize),
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No such word.
    #[error("unknown device `{0}`\n  help: `cpu`, `wgpu`, `wgpu:N`, `cuda` or `cuda:N`; `reprogram devices` lists what there is")]
    Word(String),
    /// Compiled without it.
    #[error("this binary was built without `{0}`\n  help: build it with `cargo build --release --features {0}`")]
    NotBuilt(&'static str),
    /// Not there.
    #[error("there is no device `{choice}`: {found} found\n  help: `reprogram devices` lists what there is")]
    NotFound {
        /// What was asked for.
        choice: DeviceChoice,
        /// How many of its kind there are.
        found: usize,
    },
    /// It computes wrong numbers, or crashes.
    #[error(
        "{choice} ({name}, {driver}) fails the self-test: {fault}\n  \
         help: use another device or driver; `reprogram devices --test` runs the test again and shows every operation"
    )]
    Refused {
        /// What was asked for.
        choice: DeviceChoice,
        /// Its name.
        name: String,
        /// Its driver.
        driver: String,
        /// The first operation that fails, and how.
        fault: String,
    },
    /// It does not compute in this precision.
    #[error(
        "{choice} does not compute in {precision}\n  help: `--precision f32`; `reprogram devices` lists what a device that was tested offers"
    )]
    Precision {
        /// What was asked for.
        choice: DeviceChoice,
        /// What it does not offer.
        precision: &'static str,
    },
    /// The self-test could not be started.
    #[error("the self-test of {choice} could not be started: {error}")]
    Untested {
        /// What was asked for.
        choice: DeviceChoice,
        /// What the system said.
        error: String,
    },
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(word: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Word(word.to_owned());
        let (kind, index) = match word.split_once(':') {
            Some((kind, index)) => (kind, index.parse().map_err(|_| unknown())?),
            None => (word, 0),
        };
        match (kind, word.contains(':')) {
            ("cpu", false) => Ok(Self::Cpu),
            ("wgpu", _) => Ok(Self::Wgpu(index)),
            ("cuda", _) => Ok(Self::Cuda(index)),
            _ => Err(unknown()),
        }
    }
}

impl DeviceChoice {
    /// Its first word.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wgpu(_) => "wgpu",
            Self::Cuda(_) => "cuda",
        }
    }

    /// Opens the device. GPUs are asked for by enumeration first, so that a missing driver is an error and no panic.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Wgpu(index) => nth(self, index, available_wgpu()),
            Self::Cuda(index) => nth(self, index, available_cuda()),
        }
    }
}

/// Every device that can be opened.
pub fn available() -> Vec<DeviceChoice> {
    let wgpu = (0..available_wgpu().map_or(0, |devices| devices.len())).map(DeviceChoice::Wgpu);
    let cuda = (0..available_cuda().map_or(0, |devices| devices.len())).map(DeviceChoice::Cuda);
    [DeviceChoice::Cpu].into_iter().chain(wgpu).chain(cuda).collect()
}

/// What was built in, in the order of the command line's words.
pub fn built_in() -> [(&'static str, bool); 3] {
    [("cpu", true), ("wgpu", cfg!(feature = "wgpu")), ("cuda", cfg!(feature = "cuda"))]
}

fn nth(choice: DeviceChoice, index: usize, devices: Result<Vec<Device>, DeviceError>) -> Result<Device, DeviceError> {
    let devices = devices?;
    let found = devices.len();
    devices.into_iter().nth(index).ok_or(DeviceError::NotFound { choice, found })
}

/// What burn finds. A library that is not there makes it panic; that is as nothing found.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn listed(kind: DeviceType) -> Vec<Device> {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec());
    std::panic::set_hook(silent);
    found.unwrap_or_default()
}

#[cfg(feature = "wgpu")]
fn available_wgpu() -> Result<Vec<Device>, DeviceError> {
    Ok(listed(DeviceType::Wgpu))
}

#[cfg(not(feature = "wgpu"))]
fn available_wgpu() -> Result<Vec<Device>, DeviceError> {
    Err(DeviceError::NotBuilt("wgpu"))
}

#[cfg(feature = "cuda")]
fn available_cuda() -> Result<Vec<Device>, DeviceError> {
    Ok(listed(DeviceType::Cuda))
}

#[cfg(not(feature = "cuda"))]
fn available_cuda() -> Result<Vec<Device>, DeviceError> {
    Err(DeviceError::NotBuilt("cuda"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        assert_eq!("cpu".parse(), Ok(DeviceChoice::Cpu));
        assert_eq!("wgpu".parse(), Ok(DeviceChoice::Wgpu(0)));
        assert_eq!("cuda:1".parse(), Ok(DeviceChoice::Cuda(1)));
        for word in ["gpu", "cpu:1", "cuda:", "cuda:x"] {
            assert_eq!(word.parse::<DeviceChoice>(), Err(DeviceError::Word(word.to_owned())));
        }
    }
}
