//! Energy that a device has used, where it tells: counters of processor packages (RAPL), or of an NVIDIA GPU.
//!
//! They count all that runs on the device. Linux lets only some users read those of a processor; who may not gets nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::device::DeviceChoice;

/// Where Linux shows the counters of processors.
const POWERCAP: &str = "/sys/class/powercap";

/// The device of this process, as soon as it is known.
static METER: OnceLock<EnergyMeter> = OnceLock::new();

/// The counters of one device.
#[derive(Debug)]
enum EnergyMeter {
    Nothing,
    Packages(Vec<Package>),
    #[cfg(feature = "cuda")]
    Gpu(crate::device::GpuEnergy),
}

/// A processor's counter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    file: PathBuf,
    /// Microjoules at which it begins again.
    range: u64,
}

/// What the counters showed at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnergyReading {
    /// Microjoules, and where the counter begins again.
    counters: Vec<(u64, u64)>,
}

/// Reads the counters of this device from now on. A process computes on one: whoever says so first is heard.
pub fn watch(choice: DeviceChoice) {
    METER.get_or_init(|| match choice {
        DeviceChoice::Cpu => EnergyMeter::of_packages(Path::new(POWERCAP)),
        DeviceChoice::Wgpu(_) => EnergyMeter::Nothing,
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(index) => crate::device::GpuEnergy::of(index).map_or(EnergyMeter::Nothing, EnergyMeter::Gpu),
        #[cfg(not(feature = "cuda"))]
        DeviceChoice::Cuda(_) => EnergyMeter::Nothing,
    });
}

/// What the counters show now; nothing where there are none, or nobody watches.
pub fn read() -> Option<EnergyReading> {
    METER.get()?.read()
}

impl EnergyMeter {
    /// Packages only: what is inside of them is counted with them.
    fn of_packages(folder: &Path) -> Self {
        let names = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut packages: Vec<Package> = names
            .filter(|name| name.starts_with("intel-rapl:") && name.matches(':').count() == 1)
            .filter_map(|name| {
                let range = number(&folder.join(&name).join("max_energy_range_uj"))?;
                let file = folder.join(name).join("energy_uj");
                number(&file)?;
                Some(Package { file, range })
            })
            .collect();
        packages.sort_by(|a, b| a.file.cmp(&b.file));
        if packages.is_empty() { Self::Nothing } else { Self::Packages(packages) }
    }

    fn read(&self) -> Option<EnergyReading> {
        match self {
            Self::Nothing => None,
            Self::Packages(packages) => {
                let counters = packages.iter().map(|package| Some((number(&package.file)?, package.range)));
                Some(EnergyReading { counters: counters.collect::<Option<_>>()? })
            }
            #[cfg(feature = "cuda")]
            Self::Gpu(gpu) => Some(EnergyReading { counters: vec![(1000 * gpu.millijoules()?, u64::MAX)] }),
        }
    }
}

impl EnergyReading {
    /// Joules from an earlier reading to this one; a counter that has begun again did so once.
    pub fn joules_since(&self, earlier: &Self) -> f64 {
        let used = self.counters.iter().zip(&earlier.counters).map(|(&(now, range), &(then, _))| {
            let microjoules = if now >= then { now - then } else { range - then + now };
            microjoules as f64 / 1e6
        });
        used.sum()
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_summed_up_and_counters_begin_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, file: &str, value: u64| {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(file), format!("{value}\n")).unwrap();
        };
        for (name, value) in [("intel-rapl:0", 900_000), ("intel-rapl:1", 5_000_000), ("intel-rapl:0:0", 700_000)] {
            write(name, "max_energy_range_uj", 1_000_000);
            write(name, "energy_uj", value);
        }
        let meter = EnergyMeter::of_packages(folder.path());
        let before = meter.read().unwrap();
        write("intel-rapl:0", "energy_uj", 400_000);
        write("intel-rapl:1", "energy_uj", 7_000_000);
        write("intel-rapl:0:0", "energy_uj", 999_999);
        let joules = meter.read().unwrap().joules_since(&before);
        assert!((joules - 2.5).abs() < 1e-9, "{joules}: half a joule over the counter's end, and two");
    }

    #[test]
    fn who_may_not_read_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(EnergyMeter::of_packages(folder.path()).read().is_none());
        assert!(EnergyMeter::of_packages(&folder.path().join("absent")).read().is_none());
    }
}
