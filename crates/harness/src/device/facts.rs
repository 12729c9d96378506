//! What a device says of itself, without being opened: a driver may crash on that.

use super::DeviceChoice;

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceFacts {
    /// Its name.
    pub name: Option<String>,
    /// Its driver, with version.
    pub driver: Option<String>,
    /// Bytes of memory; graphics interfaces do not tell.
    pub memory: Option<u64>,
}

impl DeviceFacts {
    /// What the system says.
    pub fn of(choice: DeviceChoice) -> Self {
        match choice {
            DeviceChoice::Cpu => cpu(),
            DeviceChoice::Wgpu(index) => wgpu(index),
            DeviceChoice::Cuda(index) => cuda(index),
        }
    }
}

/// Model name and memory, where the system has the files that say so.
fn cpu() -> DeviceFacts {
    let field = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':').map(|value| value.trim().to_owned()))
    };
    let memory =
        field("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix("kB").and_then(|number| number.trim().parse::<u64>().ok()));
    DeviceFacts {
        name: field("/proc/cpuinfo", "model name"),
        driver: Some("burn-flex".to_owned()),
        memory: memory.map(|kibibytes| kibibytes * 1024),
    }
}

#[cfg(feature = "wgpu")]
fn wgpu(index: usize) -> DeviceFacts {
    use std::task::{Context, Poll, Waker};

    // The interfaces in the order in which burn tries them; the first that has any adapter is the one.
    for backend in [wgpu::Backends::VULKAN, wgpu::Backends::METAL, wgpu::Backends::DX12, wgpu::Backends::GL] {
        let descriptor = wgpu::InstanceDescriptor { backends: backend, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        let instance = wgpu::Instance::new(descriptor);
        let listing = std::pin::pin!(instance.enumerate_adapters(backend));
        // Only a browser lists its adapters later than at once.
        let Poll::Ready(adapters) = listing.poll(&mut Context::from_waker(Waker::noop())) else { continue };
        if adapters.is_empty() {
            continue;
        }
        return adapters.get(index).map(wgpu::Adapter::get_info).map_or_else(DeviceFacts::default, |info| {
            let driver = [info.driver, info.driver_info].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
            DeviceFacts { name: Some(info.name), driver: Some(format!("{:?}, {driver}", info.backend)), memory: None }
        });
    }
    DeviceFacts::default()
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_index: usize) -> DeviceFacts {
    DeviceFacts::default()
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> DeviceFacts {
    let Ok(library) = nvml_wrapper::Nvml::init() else { return DeviceFacts::default() };
    let device = u32::try_from(index).ok().and_then(|index| library.device_by_index(index).ok());
    let driver = library.sys_driver_version().ok().map(|version| format!("CUDA, NVIDIA {version}"));
    DeviceFacts {
        name: device.as_ref().and_then(|device| device.name().ok()),
        driver,
        memory: device.and_then(|device| device.memory_info().ok()).map(|memory| memory.total),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> DeviceFacts {
    DeviceFacts::default()
}
