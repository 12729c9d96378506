//! What floats a backbone's weights and activations are.
//!
//! What is trained, fitted, or summed over many entries (norms, losses, log-probabilities) is f32 whatever is chosen here.

use burn::tensor::{Device, DeviceConfig, FloatDType};
use serde::{Deserialize, Serialize};

use super::{DeviceChoice, DeviceError};

/// A type of floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of f32, and 8 bits of precision.
    Bf16,
    /// 16 bits with 11 bits of precision, up to 65504. Gradients are not scaled: small ones are lost.
    F16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// As the command line and the key of a record spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// What a device computes in.
    ///
    /// # Panics
    /// When it was set to a type that is none of these: only [`Precision::set`] sets one.
    pub fn of(device: &Device) -> Self {
        let dtype = device.settings().float_dtype;
        Self::ALL.into_iter().find(|precision| precision.dtype() == dtype).expect("only `Precision::set` sets a device's floats")
    }

    /// Those that a device, which is opened for it, can store and compute with.
    pub fn offered(device: &Device) -> Vec<Self> {
        Self::ALL.into_iter().filter(|precision| device.supports_dtype(precision.dtype())).collect()
    }

    /// Lets a device compute in it, for as long as this process lives. To be called before anything is computed there.
    pub fn set(self, choice: DeviceChoice, device: &mut Device) -> Result<(), DeviceError> {
        if self == Self::F32 {
            return Ok(());
        }
        let refused = |_| DeviceError::Precision { choice, precision: self.word() };
        device.configure(DeviceConfig::default().float_dtype(self.dtype())).map_err(refused)
    }

    const fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
