//! What the terminal shows while something is under way: lines and bars on standard error, never on standard output.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::assets::Progress;
use crate::jobs::{Decision, Division};
use crate::measure::Measure;
use crate::plan::PlannedTrial;
use crate::record::Outcome;
use crate::run::Watcher;

/// Bars on a terminal, a line at the beginning of each download elsewhere.
#[derive(Default)]
pub struct Console {
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Console {
    fn bars(&self) -> MutexGuard<'_, BTreeMap<String, ProgressBar>> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a line to standard error. A closed pipe is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

impl Progress for Console {
    fn began(&self, name: &str, bytes: Option<u64>) {
        if !stderr().is_terminal() {
            let size = bytes.map(|bytes| format!(" ({:.1} MB)", bytes as f64 / 1e6)).unwrap_or_default();
            say(&format!("fetching {name}{size}"));
            return;
        }
        let style = ProgressStyle::with_template("fetching {msg} {bytes}/{total_bytes} {bar:30} {bytes_per_sec}");
        let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_message(name.to_owned());
        self.bars().insert(name.to_owned(), style.map_or(bar.clone(), |style| bar.with_style(style)));
    }

    fn advanced(&self, name: &str, bytes: u64) {
        if let Some(bar) = self.bars().get(name) {
            bar.set_position(bytes);
        }
    }

    fn finished(&self, name: &str) {
        if let Some(bar) = self.bars().remove(name) {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Console {
    fn divided(&self, backbone: &str, Decision { division: Division { trials, threads }, together, gain }: Decision) {
        match gain {
            Some(gain) if together > 1 => say(&format!(
                "{backbone}: up to {together} trials through the model together: {gain:.1} times the items of one at a time; `--fuse off` takes less memory"
            )),
            None if together > 1 => say(&format!("{backbone}: up to {together} trials through the model together")),
            Some(gain) if trials > 1 => say(&format!(
                "{backbone}: {trials} trials at a time, {threads} threads each: {gain:.1} times the passes of one at a time; `--jobs 1` takes less memory"
            )),
            None if trials > 1 => say(&format!("{backbone}: {trials} trials at a time, {threads} threads each")),
            Some(_) | None => {}
        }
    }

    fn began(&self, trial: &PlannedTrial, at: usize, of: usize) {
        say(&format!("[{at}/{of}] {} · {} · {} · seed {}", trial.method_name, trial.backbone, trial.dataset, trial.seed));
    }

    fn finished(&self, trial: &PlannedTrial, outcome: &Outcome, seconds: f64) {
        let (measure, value) = match outcome.validation.measure() {
            Measure::Accuracy => ("", outcome.validation.value()),
            Measure::Mse => ("mse ", outcome.validation.value()),
        };
        say(&format!("        {} · seed {}: validation {measure}{value:.3} · {seconds:.1} s", trial.method_name, trial.seed));
    }

    fn failed(&self, trial: &PlannedTrial, reason: &str) {
        say(&format!("        {} · seed {} failed: {reason}", trial.method_name, trial.seed));
    }
}
