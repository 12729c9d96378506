//! Where, when and with what something ran. No number depends on it.

use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::record::Provenance;

/// The provenance of a record that is written now.
pub fn here(device: &str) -> Provenance {
    static COMMIT: OnceLock<(String, bool)> = OnceLock::new();
    let (commit, dirty) = COMMIT.get_or_init(commit).clone();
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit,
        dirty,
        device: device.to_owned(),
        platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        threads: rayon::current_num_threads(),
        finished_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
    }
}

/// The commit of the source tree that this program is run in, and whether the tree has changes; `unknown` elsewhere.
fn commit() -> (String, bool) {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let root = git(&["rev-parse", "--show-toplevel"]).filter(|root| std::path::Path::new(root).join("crates/harness/Cargo.toml").is_file());
    match root.and_then(|_| git(&["rev-parse", "HEAD"])) {
        Some(commit) => (commit, git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty())),
        None => ("unknown".to_owned(), false),
    }
}
