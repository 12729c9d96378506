//! A GPU from end to end: it is listed, passes the self-test, and computes what the reference implementations do, for every
//! family that has a fixture.
//!
//! `REPROGRAM_TEST_DEVICE` names the device as `--device` does (`wgpu`, `cuda:1`); this program has to be built with its feature.
//! Without the variable nothing of this runs, and each test says so.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard};

/// One process on the device at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Bench {
    device: String,
    _turn: MutexGuard<'static, ()>,
}

impl Bench {
    /// Says that it did not run, where no device is named.
    fn new() -> Option<Self> {
        let device = std::env::var("REPROGRAM_TEST_DEVICE").unwrap_or_default();
        if device.is_empty() {
            println!("not run: REPROGRAM_TEST_DEVICE names no device");
            return None;
        }
        Some(Self { device, _turn: TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) })
    }

    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reprogram"));
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("device-cache");
        command.args(arguments).env("REPROGRAM_CACHE", cache).env("COLUMNS", "200");
        command
    }
}

fn text(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Folders in the hub's layout with what their reference implementation computes.
fn families() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    let folders = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let has = |folder: &Path, file: &str| folder.join(file).is_file();
    let mut folders: Vec<PathBuf> = folders
        .filter(|folder| ["config.json", "model.safetensors", "expected.safetensors"].iter().all(|file| has(folder, file)))
        .collect();
    folders.sort();
    assert!(folders.len() >= 8, "the fixtures have moved: {folders:?}");
    folders
}

#[test]
fn the_device_passes_every_operation() {
    let Some(bench) = Bench::new() else { return };
    let (out, err) = text(&Bench::command(&["devices", "--test", "--format", "csv"]).output().unwrap());
    println!("{out}");
    let first_word = |device: &str| if device.contains(':') { device.to_owned() } else { format!("{device}:0") };
    let lines: Vec<&str> = out.lines().filter(|line| line.contains(&format!(",{},", first_word(&bench.device)))).collect();
    assert!(lines.len() > 25, "{out}\n{err}");
    assert!(lines.iter().all(|line| line.ends_with(",ok")), "{out}\n{err}");
    let (listed, err) = text(&Bench::command(&["devices"]).output().unwrap());
    println!("{listed}");
    assert!(listed.lines().any(|line| line.starts_with(&first_word(&bench.device)) && line.contains("passed")), "{listed}\n{err}");
}

/// As `(tensors, largest difference of values, of gradients as a share of their largest entry)`.
fn figures(csv: &str) -> (usize, f32, f32) {
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let largest = |of_gradients: bool, column: usize| {
        let rows = rows.iter().filter(|row| row[3].contains("relative") == of_gradients);
        rows.filter_map(|row| row[column].parse().ok()).fold(0.0f32, f32::max)
    };
    (rows.len(), largest(false, 1), largest(true, 2))
}

#[test]
fn every_family_agrees_with_its_reference() {
    let Some(bench) = Bench::new() else { return };
    let mut wrong = Vec::new();
    for folder in families() {
        let expected = folder.join("expected.safetensors");
        let arguments = ["parity", folder.to_str().unwrap(), expected.to_str().unwrap(), "--device", &bench.device, "--format", "csv"];
        let output = Bench::command(&arguments).output().unwrap();
        let (out, err) = text(&output);
        let (n_tensors, values, gradients) = figures(&out);
        let family = folder.file_name().unwrap().to_string_lossy().into_owned();
        println!("{family}: {n_tensors} tensors, values {values:.1e}, gradients {gradients:.1e} of their largest entry");
        if output.status.code() != Some(0) || n_tensors < 3 {
            wrong.push(format!("{family}: {:?}\n{out}\n{err}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_driver_that_is_not_there_is_said() {
    let Some(bench) = Bench::new() else { return };
    let unseen = |arguments: &[&str]| {
        let mut command = Bench::command(arguments);
        command.env("VK_ICD_FILENAMES", "/nowhere.json").env("VK_DRIVER_FILES", "/nowhere.json").env("CUDA_VISIBLE_DEVICES", "");
        command.env("__EGL_VENDOR_LIBRARY_FILENAMES", "/nowhere.json").env("LIBGL_DRIVERS_PATH", "/nowhere");
        let output = command.output().unwrap();
        (output.status.code(), text(&output))
    };
    let (code, (out, err)) = unseen(&["devices"]);
    assert!(code == Some(0) && !err.contains("panicked"), "{out}\n{err}");
    if out.contains("built in, but no device found") {
        let folder = &families()[0];
        let expected = folder.join("expected.safetensors");
        let (code, (_, err)) = unseen(&["parity", folder.to_str().unwrap(), expected.to_str().unwrap(), "--device", &bench.device]);
        assert!(code == Some(2) && err.contains("there is no device") && err.contains("help:"), "{err}");
    }
}
