//! How fast passes of a backbone are on a device, and what memory they take: measured once, and kept in the cache folder.
//!
//! A pass takes `a + F / r` seconds: `F` its operations, `r` operations a second, `a` what every pass takes, however small. Both are
//! found on a pass of one item and on one of several, made up ([`crate::backbones`]), forward alone and in both directions. Memory
//! is what large allocations hold beyond what they held before, as a multiple of the operations.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use crate::allocator;
use crate::assets::Digest;
use crate::backbones::LoadedBackbone;
use crate::plan::Site;
use crate::replaced::replace_json;

/// A pass of several items is large enough when it takes so many seconds.
const LONG: f64 = 0.15;
/// Items of a pass, at most.
const MANY: usize = 32;
/// A pass is repeated until it took so many seconds together.
const ENOUGH: f64 = 0.06;

/// What was measured of a backbone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Forward alone.
    pub forward: Rate,
    /// Forward and backward.
    pub both: Rate,
}

/// What passes of one kind take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Seconds of every pass, however small.
    pub seconds_a_pass: f64,
    /// Operations a second beyond that.
    pub flops_a_second: f64,
    /// Bytes held at most, as a multiple of operations: forward ones of a pass forward, otherwise backward ones.
    pub bytes_a_flop: f64,
}

/// A calibration in the cache folder, with what it depends on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    device: String,
    precision: String,
    weights_sha256: String,
    threads: usize,
    calibration: Calibration,
}

impl Rate {
    /// Of so many passes.
    pub fn seconds(&self, passes: usize, flops: u64) -> f64 {
        self.seconds_a_pass * passes as f64 + flops as f64 / self.flops_a_second
    }
}

impl Calibration {
    /// What is known of a backbone with so many threads; it is measured if nothing is.
    pub fn of(backbone: &LoadedBackbone, threads: usize, site: Site<'_>) -> Self {
        let path = path(backbone, threads, site);
        if let Some(file) = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<File>(&bytes).ok()) {
            return file.calibration;
        }
        let calibration = Self::measured(backbone, threads);
        let file = File {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: site.device_name.to_owned(),
            precision: site.numbers.word.to_owned(),
            weights_sha256: backbone.weights_sha256.clone(),
            threads,
            calibration,
        };
        if let Err(error) = write(&path, &file) {
            crate::progress::say(&format!("warning: {}: {error}; it is measured again the next time", path.display()));
        }
        calibration
    }

    fn measured(backbone: &LoadedBackbone, threads: usize) -> Self {
        // As much stack as the main thread has: a backward pass is as deep as its network.
        let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(8 << 20).build().expect("the system gives threads");
        pool.install(|| {
            let flops = |n: usize| backbone.spent_by_pass(n);
            Self {
                forward: rate(&|n| backbone.forward_pass(n), &|n| [flops(n).forward_flops; 2]),
                both: rate(&|n| backbone.pass(n), &|n| {
                    let spent = flops(n);
                    // A network that ends at its embedding was not gone through backward.
                    [spent.forward_flops + spent.backward_flops, spent.backward_flops.max(spent.forward_flops)]
                }),
            }
        })
    }
}

/// `flops`: all operations of a pass of so many items, and those that memory is a multiple of.
fn rate(pass: &dyn Fn(usize), flops: &dyn Fn(usize) -> [u64; 2]) -> Rate {
    pass(1); // What is only done once is not measured.
    let one = seconds(pass, 1);
    let (mut n, mut several) = (1, one);
    while several < LONG && n < MANY {
        n *= 2;
        several = seconds(pass, n);
    }
    let before = allocator::held_bytes();
    allocator::forget_peak();
    pass(n);
    let held = allocator::peak_bytes().saturating_sub(before);
    let ([of_one, _], [of_several, kept]) = (flops(1), flops(n));
    let bytes_a_flop = held as f64 / kept.max(1) as f64;
    if n == 1 || several <= one {
        return Rate { seconds_a_pass: 0.0, flops_a_second: of_several as f64 / several, bytes_a_flop };
    }
    let (seconds_a_pass, flops_a_second) = line([of_one as f64, one], [of_several as f64, several]);
    Rate { seconds_a_pass, flops_a_second, bytes_a_flop }
}

/// The line through two points `[flops, seconds]`; one that would begin below zero begins there.
fn line(one: [f64; 2], several: [f64; 2]) -> (f64, f64) {
    let slope = (several[1] - one[1]) / (several[0] - one[0]);
    let start = one[1] - slope * one[0];
    if start < 0.0 { (0.0, several[0] / several[1]) } else { (start, slope.recip()) }
}

/// The shortest of several: what else runs makes it longer.
fn seconds(pass: &dyn Fn(usize), n: usize) -> f64 {
    let (mut shortest, mut total) = (f64::INFINITY, 0.0);
    while total < ENOUGH {
        let started = Instant::now();
        pass(n);
        let took = started.elapsed().as_secs_f64();
        shortest = shortest.min(took);
        total += took;
    }
    shortest
}

fn path(backbone: &LoadedBackbone, threads: usize, site: Site<'_>) -> PathBuf {
    let threads = threads.to_string();
    let parts = [env!("CARGO_PKG_VERSION"), site.device_name, site.numbers.word, &backbone.weights_sha256, &threads];
    site.cache.join("calibration").join(format!("{}.json", Digest::of_parts(&parts)))
}

fn write(path: &Path, file: &File) -> std::io::Result<()> {
    let folder = path.parent().expect("a file in the cache folder");
    fs::create_dir_all(folder)?;
    replace_json(path, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_takes_what_every_pass_takes_and_its_operations() {
        let (start, speed) = line([100.0, 2.0], [1_100.0, 7.0]);
        assert!((start - 1.5).abs() < 1e-9 && (speed - 200.0).abs() < 1e-9, "{start} {speed}");
        assert_eq!(line([100.0, 1.0], [1_000.0, 20.0]), (0.0, 50.0), "nothing takes less than no time");
        let rate = Rate { seconds_a_pass: 0.5, flops_a_second: 200.0, bytes_a_flop: 0.0 };
        assert!((rate.seconds(3, 400) - 3.5).abs() < 1e-9);
    }

    #[test]
    fn a_rate_is_found_of_passes_that_take_as_long_as_they_are_large() {
        let waits = |n: usize| std::thread::sleep(std::time::Duration::from_millis(4 + 3 * n as u64));
        let found = rate(&waits, &|n| [1_000 * n as u64; 2]);
        assert!((2e5..4e5).contains(&found.flops_a_second), "{found:?}: a thousand in three milliseconds, and a little more");
        assert!((0.002..0.02).contains(&found.seconds_a_pass), "{found:?}");
    }
}
