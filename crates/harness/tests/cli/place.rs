//! A folder in which the command is run, and what came of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A sweep of two methods that fit, and one that does not.
pub(crate) const SWEEP: &str = r#"name = "toy"
seeds = [1, 2]

[[experiment]]
backbones = ["letters-vit"]
datasets = ["digits"]
methods = ["flm-only", "vp-ilm", "prompt-tuning"]
image-size = 20
compare = [["flm-only", "vp-ilm"]]
budget = { epochs = 1, batch-size = 20, train-items = 40, validation-items = 20, test-items = 40 }
"#;

/// A folder of its own. Downloads go to a cache that stays between runs of the tests.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    cache: PathBuf,
}

/// A finished command. The place's folder is written `FOLDER`.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-cache") }
    }

    /// With a cache that holds nothing.
    pub(crate) fn with_empty_cache() -> Self {
        let place = Self::new();
        let cache = place.path("cache");
        Self { cache, ..place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The record's numbers: times, memory and what others had computed aside.
    pub(crate) fn numbers(&self, record: &str) -> serde_json::Value {
        let mut record: serde_json::Value = serde_json::from_slice(&self.read(record)).unwrap();
        record["provenance"].take();
        for cost in ["seconds_training", "seconds_evaluation", "peak_memory_bytes", "reused_items", "fused_with", "parts"] {
            record["status"]["outcome"]["costs"][cost].take();
        }
        // What a batch does to rounding depends on who shared it.
        record["status"]["outcome"].as_object_mut().map(|outcome| outcome.remove("batch_invariance"));
        record
    }

    /// Names in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reprogram"));
        command.args(arguments).current_dir(self.folder.path()).env("REPROGRAM_CACHE", &self.cache).env("COLUMNS", "120");
        for name in ["REPROGRAM_REGISTRY", "REPROGRAM_MIRROR", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments).output().unwrap())
    }

    pub(crate) fn ran(&self, output: Output) -> Ran {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(folder, "FOLDER");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// Its standard output, if it went as wished.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    /// Its standard error, if it ended with this code. What was fetched on the way is left out.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        assert!(self.out.is_empty(), "results go to standard output, and there are none: {}", self.out);
        self.err.lines().filter(|line| !line.starts_with("fetching ")).collect::<Vec<_>>().join("\n")
    }
}

/// Whether the data set `digits` is in the cache; it is fetched on the first call. On CI it has to be.
pub(crate) fn digits() -> bool {
    static FETCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let fetched = FETCHED.get_or_init(|| {
        let ran = Place::new().run(&["fetch", "digits"]);
        if ran.code == Some(0) { Ok(()) } else { Err(ran.err) }
    });
    if let Err(reason) = fetched {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{reason}");
        println!("not run: {reason}");
    }
    fetched.is_ok()
}
