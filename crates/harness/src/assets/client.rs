//! Runs a package client in a folder of its own, and says how far it is.

use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Progress, Reason};

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Of what a client says, the end matters.
const LAST_LINES: usize = 4;

/// A package client about to run.
pub(super) struct Client {
    pub(super) command: Command,
    /// The command as a user would type it.
    pub(super) shown: String,
    /// What brings the client, where it is missing.
    pub(super) install: &'static str,
}

/// The folders that a client works in. Both lie in the cache's file system and go away with the download.
pub(super) struct Workplace {
    /// Where the package is to be put.
    pub(super) download: PathBuf,
    /// Where the client keeps its own temporary files.
    pub(super) scratch: PathBuf,
}

impl Workplace {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let place = Self { download: folder.join("download"), scratch: folder.join("scratch") };
        fs::create_dir(&place.download)?;
        fs::create_dir(&place.scratch)?;
        Ok(place)
    }

    /// Bytes in both folders so far.
    fn bytes(&self) -> u64 {
        bytes_under(&self.download) + bytes_under(&self.scratch)
    }

    /// The one file that the client put there.
    fn only_file(&self, shown: &str) -> Result<PathBuf, Reason> {
        let entries =
            fs::read_dir(&self.download).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|error| Reason::read(&error))?;
        match entries.as_slice() {
            [only] => Ok(only.path()),
            other => Err(Reason::NotOneFile { command: shown.to_owned(), found: other.len() }),
        }
    }
}

impl Client {
    /// Runs it to its end and returns the one file that it downloaded.
    pub(super) fn download(mut self, place: &Workplace, name: &str, progress: &dyn Progress) -> Result<PathBuf, Reason> {
        let program = self.command.get_program().to_string_lossy().into_owned();
        let mut said = tempfile::tempfile_in(&place.scratch).map_err(|error| Reason::read(&error))?;
        let ears = said.try_clone().map_err(|error| Reason::read(&error))?;
        self.command.env("TMPDIR", &place.scratch).stdin(Stdio::null()).stdout(Stdio::null()).stderr(ears);
        let mut child = self.command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Reason::ClientMissing { client: program.clone(), install: self.install },
            _ => Reason::ClientFailed { command: self.shown.clone(), status: "did not start".to_owned(), said: error.to_string() },
        })?;
        let status = loop {
            match child.try_wait().map_err(|error| Reason::read(&error))? {
                Some(status) => break status,
                None => thread::sleep(LOOK_EVERY),
            }
            progress.advanced(name, place.bytes());
        };
        if status.success() {
            return place.only_file(&self.shown);
        }
        let said = last_lines(&mut said);
        if said.contains("No module named pip") {
            return Err(Reason::ClientMissing { client: format!("{program} -m pip"), install: self.install });
        }
        Err(Reason::ClientFailed { command: self.shown, status: status.to_string(), said })
    }
}

fn last_lines(said: &mut fs::File) -> String {
    let mut bytes = Vec::new();
    if said.rewind().and_then(|()| said.read_to_end(&mut bytes)).is_err() {
        return "it said nothing that could be read".to_owned();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join(" | ")
}

/// Files come and go while a client works, so what cannot be read counts as nothing.
fn bytes_under(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
