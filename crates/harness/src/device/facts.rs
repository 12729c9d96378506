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
    /// A device as a record names it.
    pub fn in_words(choice: DeviceChoice) -> String {
        match choice {
            DeviceChoice::Cpu => choice.to_string(),
            DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_) => {
                let Self { name, driver, .. } = Self::of(choice);
                let known: Vec<String> = name.into_iter().chain(driver).collect();
                if known.is_empty() { choice.to_string() } else { format!("{choice} ({})", known.join(", ")) }
            }
        }
    }

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

/// As burn does: the first interface that reaches a GPU, or else the first with a driver that computes on the processor, of
/// which it lists one.
#[cfg(feature = "wgpu")]
fn wgpu(index: usize) -> DeviceFacts {
    const INTERFACES: &[wgpu::Backends] = if cfg!(target_os = "macos") {
        &[wgpu::Backends::METAL]
    } else {
        &[wgpu::Backends::VULKAN, wgpu::Backends::DX12, wgpu::Backends::GL]
    };
    let is_software = |info: &wgpu::AdapterInfo| info.device_type == wgpu::DeviceType::Cpu;
    let mut software = Vec::new();
    let mut chosen = None;
    for &interface in INTERFACES {
        let found = adapters(interface);
        if found.iter().any(|info| !is_software(info)) {
            chosen = Some(found);
            break;
        }
        if software.is_empty() {
            software = found;
        }
    }
    let mut seen_software = false;
    let listed = chosen.unwrap_or(software).into_iter().filter(|info| !is_software(info) || !std::mem::replace(&mut seen_software, true));
    listed.into_iter().nth(index).map_or_else(DeviceFacts::default, |info| {
        let driver = [info.driver, info.driver_info].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        DeviceFacts { name: Some(info.name), driver: Some(format!("{:?}, {driver}", info.backend)), memory: None }
    })
}

#[cfg(feature = "wgpu")]
fn adapters(interface: wgpu::Backends) -> Vec<wgpu::AdapterInfo> {
    use std::task::{Context, Poll, Waker};

    let descriptor = wgpu::InstanceDescriptor { backends: interface, ..wgpu::InstanceDescriptor::new_without_display_handle() };
    let instance = wgpu::Instance::new(descriptor);
    let listing = std::pin::pin!(instance.enumerate_adapters(interface));
    // Only a browser lists its adapters later than at once.
    match listing.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(adapters) => adapters.iter().map(wgpu::Adapter::get_info).collect(),
        Poll::Pending => Vec::new(),
    }
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_index: usize) -> DeviceFacts {
    DeviceFacts::default()
}

/// The management library counts devices in an order of its own, and hides none: the two know a device by its UUID.
#[cfg(feature = "cuda")]
fn cuda(index: usize) -> DeviceFacts {
    use cudarc::driver::result::{device, init};

    let Some(handle) = init().ok().and_then(|()| device::get(index.try_into().ok()?).ok()) else { return DeviceFacts::default() };
    let name = device::get_name(handle).ok();
    let Ok(library) = nvml_wrapper::Nvml::init() else { return DeviceFacts { name, ..DeviceFacts::default() } };
    let memory = cuda_uuid(index).and_then(|uuid| library.device_by_uuid(uuid).ok()?.memory_info().ok());
    let driver = library.sys_driver_version().ok().map(|version| format!("CUDA, NVIDIA {version}"));
    DeviceFacts { name, driver, memory: memory.map(|memory| memory.total) }
}

/// What the management library knows a device by.
#[cfg(feature = "cuda")]
pub(super) fn cuda_uuid(index: usize) -> Option<String> {
    use cudarc::driver::result::{device, init};

    let handle = init().ok().and_then(|()| device::get(index.try_into().ok()?).ok())?;
    let uuid = device::get_uuid(handle).ok()?;
    let hex: String = uuid.bytes.iter().map(|byte| format!("{:02x}", byte.to_ne_bytes()[0])).collect();
    Some(format!("GPU-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> DeviceFacts {
    DeviceFacts::default()
}
