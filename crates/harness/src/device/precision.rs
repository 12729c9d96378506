//! What numbers a backbone's weights and activations are.
//!
//! On a GPU, floats of 16 bits are what is stored and computed with. On the CPU, `bf16` and `int8` say how matrices lie in memory
//! ([`reprogram_models::Storage`]); activations and sums are f32. What is trained, fitted, or summed over many entries (norms,
//! losses, log-probabilities) is f32 whatever is chosen here.

use burn::tensor::{Device, DeviceConfig, FloatDType};
use reprogram_models::Storage;
use serde::{Deserialize, Serialize};

use super::{DeviceChoice, DeviceError};

/// A type of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of f32, and 8 bits of precision.
    Bf16,
    /// 16 bits with 11 bits of precision, up to 65504. Gradients are not scaled: small ones are lost. GPUs alone.
    F16,
    /// Whole numbers of 8 bits with a scale for 64 of them, for matrices on the CPU.
    Int8,
}

/// What a precision means on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// As the key of a record spells it: weights of 16 bits alone are not the same numbers as all of 16 bits.
    pub word: &'static str,
    /// How matrices lie in memory.
    pub storage: Storage,
}

impl Precision {
    /// Those of the CPU.
    pub const ON_CPU: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];

    /// As the command line spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// What it means on a device, if that has it.
    pub const fn on(self, choice: DeviceChoice) -> Result<Numbers, DeviceError> {
        match (choice, self) {
            (_, Self::F32) => Ok(Numbers { word: "f32", storage: Storage::Floats }),
            (DeviceChoice::Cpu, Self::Bf16) => Ok(Numbers { word: "bf16-weights", storage: Storage::Bf16 }),
            (DeviceChoice::Cpu, Self::Int8) => Ok(Numbers { word: "int8-weights", storage: Storage::Int8 }),
            (DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_), Self::Bf16 | Self::F16) => {
                Ok(Numbers { word: self.word(), storage: Storage::Floats })
            }
            (DeviceChoice::Cpu, Self::F16) | (DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_), Self::Int8) => {
                Err(DeviceError::Precision { choice, precision: self.word() })
            }
        }
    }

    /// Those that a device, which is opened for it, can store and compute with.
    pub fn offered(choice: DeviceChoice, device: &Device) -> Vec<Self> {
        match choice {
            DeviceChoice::Cpu => Self::ON_CPU.to_vec(),
            DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_) => {
                let all = [Self::F32, Self::Bf16, Self::F16].into_iter();
                all.filter(|precision| precision.dtype().is_some_and(|dtype| device.supports_dtype(dtype))).collect()
            }
        }
    }

    /// Lets a device compute in it, for as long as this process lives. To be called before anything is computed there.
    pub fn set(self, choice: DeviceChoice, device: &mut Device) -> Result<(), DeviceError> {
        self.on(choice)?;
        match (choice, self.dtype()) {
            // The CPU computes in f32 whatever its weights lie in.
            (DeviceChoice::Cpu, _) | (_, None | Some(FloatDType::F32)) => Ok(()),
            (DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_), Some(dtype)) => {
                let refused = |_| DeviceError::Precision { choice, precision: self.word() };
                device.configure(DeviceConfig::default().float_dtype(dtype)).map_err(refused)
            }
        }
    }

    /// The floats that it is, if it is floats.
    const fn dtype(self) -> Option<FloatDType> {
        match self {
            Self::F32 => Some(FloatDType::F32),
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F16 => Some(FloatDType::F16),
            Self::Int8 => None,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_is_another_one_on_another_kind_of_device() {
        let gpu = DeviceChoice::Cuda(0);
        let word = |precision: Precision, choice| precision.on(choice).map(|numbers| numbers.word);
        assert_eq!(word(Precision::F32, gpu), word(Precision::F32, DeviceChoice::Cpu));
        assert_ne!(word(Precision::Bf16, gpu), word(Precision::Bf16, DeviceChoice::Cpu));
        assert_eq!(Precision::Bf16.on(gpu).unwrap().storage, Storage::Floats);
        let refused: Vec<String> = [(Precision::F16, DeviceChoice::Cpu), (Precision::Int8, gpu)]
            .map(|(precision, choice)| precision.on(choice).unwrap_err().to_string())
            .to_vec();
        insta::assert_snapshot!(refused.join("\n"));
    }
}
