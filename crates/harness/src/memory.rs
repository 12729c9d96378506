//! Peak memory and processor time of this process, where the system says.

use std::time::Duration;

/// Highest resident size so far, in bytes; zero where the system does not say.
pub fn peak_resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|number| number.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// Processor time of all threads so far; nothing where the system does not say.
pub fn processor_time() -> Option<Duration> {
    let status = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses that may hold anything; the 14th and 15th are the user's and the system's share.
    let mut fields = status.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // Linux shows 100 ticks a second to programs, on every architecture that Rust runs on.
    Some(Duration::from_millis(10 * ticks))
}
