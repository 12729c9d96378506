//! The energy counter of an NVIDIA GPU.

use nvml_wrapper::Nvml;

use super::facts::cuda_uuid;

/// A GPU that counts.
#[derive(Debug)]
pub struct GpuEnergy {
    library: Nvml,
    uuid: String,
}

impl GpuEnergy {
    /// Of the device at this place; nothing where it has no counter.
    pub fn of(index: usize) -> Option<Self> {
        let gpu = Self { library: Nvml::init().ok()?, uuid: cuda_uuid(index)? };
        gpu.millijoules()?;
        Some(gpu)
    }

    /// Since the driver was loaded.
    pub fn millijoules(&self) -> Option<u64> {
        self.library.device_by_uuid(self.uuid.as_str()).ok()?.total_energy_consumption().ok()
    }
}
