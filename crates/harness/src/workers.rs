//! Processes of this program that run trials which another one hands them.
//!
//! A worker is started with the same arguments and `--worker`. It reads keys of trials from its standard input, a line for
//! those that run together, runs and records them, and answers with a line each. When its input ends, it drops what it is doing and ends: so does it when
//! its master is killed.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;

use crate::interrupt;
use crate::run::Done;
use crate::store::Commit;

/// A worker that does not do its work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It could not be started.
    #[error("no worker process could be started: {0}\n  help: `--jobs 1` does without")]
    Start(#[source] io::Error),
    /// It ended before its answer.
    #[error(
        "a worker process ended while it ran trial {key}: {status}\n  help: run the same command again; if memory is short, `--jobs 1` takes less"
    )]
    Ended {
        /// The trial's key.
        key: String,
        /// How.
        status: String,
    },
}

/// The master's end of a worker.
pub(crate) struct Worker {
    child: Child,
    keys: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts one with this many threads.
    pub(crate) fn start(n_threads: usize) -> Result<Self, WorkerError> {
        let mut command = Command::new(std::env::current_exe().map_err(WorkerError::Start)?);
        command.args(std::env::args_os().skip(1)).arg("--worker").env("RAYON_NUM_THREADS", n_threads.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(WorkerError::Start)?;
        let keys = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it was asked for"));
        Ok(Self { child, keys, answers })
    }

    /// Lets it run trials together, and waits.
    pub(crate) fn run(&mut self, asked: &[&str]) -> Result<Vec<Done>, WorkerError> {
        let key = asked.join(" ");
        let hears = self.keys.as_mut().is_some_and(|keys| writeln!(keys, "{key}").is_ok());
        let mut answers = asked.iter().map(|_| {
            let mut line = String::new();
            self.answers.read_line(&mut line).ok()?;
            Done::from_word(line.trim())
        });
        if hears && let Some(done) = answers.by_ref().collect::<Option<Vec<Done>>>() {
            return Ok(done);
        }
        if interrupt::requested() {
            return Ok(vec![Done::Interrupted]);
        }
        self.keys = None;
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        Err(WorkerError::Ended { key, status })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.keys = None;
        let _ = self.child.wait();
    }
}

/// The worker's end: keys come in, answers go out, until the input ends.
/// No answer ends it: its master then sees that it ended.
pub(crate) fn serve(run: impl Fn(&[&str]) -> Option<Vec<Done>>) {
    let (sender, keys) = mpsc::channel::<String>();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(key) = line else { break };
            if sender.send(key).is_err() {
                return;
            }
        }
        interrupt::request();
    });
    for line in keys {
        let Some(done) = run(&line.split(' ').collect::<Vec<_>>()) else { return };
        let mut out = io::stdout().lock();
        let told = done.into_iter().try_for_each(|done| writeln!(out, "{}", done.word()));
        if told.and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

impl Done {
    const fn word(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Committed { failed: false, commit: Commit::First } => "first",
            Self::Committed { failed: false, commit: Commit::Same } => "same",
            Self::Committed { failed: false, commit: Commit::Different } => "different",
            Self::Committed { failed: true, commit: Commit::First } => "failed",
            Self::Committed { failed: true, commit: Commit::Same } => "failed, same",
            Self::Committed { failed: true, commit: Commit::Different } => "failed, different",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        let committed = [Commit::First, Commit::Same, Commit::Different]
            .into_iter()
            .flat_map(|commit| [false, true].map(|failed| Self::Committed { failed, commit }));
        std::iter::once(Self::Interrupted).chain(committed).find(|done| done.word() == word)
    }
}
