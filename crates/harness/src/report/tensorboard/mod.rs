//! Learning curves as event files, for whoever reads them with `TensorBoard`. One run a trial: `METHOD/BACKBONE/DATASET/seed-N`.
//!
//! ```text
//! train/loss  validation/accuracy  validation/loss      by epoch
//! test/accuracy  test/loss                              at the chosen epoch
//! ```
//!
//! The time of all events is that at which the trial ended, so that the same records give the same bytes.

mod event;
mod framing;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use self::event::{Event, Scalar};
use super::results::Results;
use crate::measure::Measure;
use crate::record::{Outcome, Record, Status};

/// The folder beside the records.
const FOLDER: &str = "tensorboard";

/// Writes a file for each finished trial that learned by epochs. Returns how many, and the folder that is to be looked at.
pub fn write(results: &Results, dir: &Path) -> io::Result<(usize, PathBuf)> {
    let folder = dir.join(FOLDER);
    let mut n = 0;
    for record in &results.records {
        let Status::Ok { outcome } = &record.status else { continue };
        if outcome.curve.is_empty() {
            continue;
        }
        let run = folder.join(run(record));
        fs::create_dir_all(&run)?;
        let seconds = ended(record);
        let name = format!("events.out.tfevents.{:010}.{}", seconds as u64, record.key.get(..16).unwrap_or(&record.key));
        fs::write(run.join(name), bytes(outcome, seconds))?;
        n += 1;
    }
    Ok((n, folder))
}

fn run(record: &Record) -> PathBuf {
    [&record.method, &record.backbone, &record.dataset]
        .into_iter()
        .map(|name| plain(name))
        .chain([format!("seed-{}", record.seed)])
        .collect()
}

/// A name as one of a folder.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_+=.@".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    if name.chars().all(|c| c == '.') { "-".repeat(name.len().max(1)) } else { name }
}

/// Seconds since 1970; zero where the record does not say in the form that it should.
fn ended(record: &Record) -> f64 {
    let time = humantime::parse_rfc3339(&record.provenance.finished_at).ok();
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |since| since.as_secs_f64())
}

fn bytes(outcome: &Outcome, seconds: f64) -> Vec<u8> {
    let scalar = |tag, value: f64| Scalar { tag, value: value as f32 };
    let mut events = vec![Event::Version];
    for point in &outcome.curve {
        let accuracy = point.validation_accuracy.map(|accuracy| scalar("validation/accuracy", accuracy));
        let scalars = [scalar("train/loss", point.train_loss)].into_iter().chain(accuracy);
        let scalars = scalars.chain([scalar("validation/loss", point.validation_loss)]).collect();
        events.push(Event::Scalars { step: point.epoch, scalars });
    }
    let loss = outcome.test.loss.map(|loss| scalar("test/loss", loss));
    let value = match outcome.test.measure() {
        Measure::Accuracy => scalar("test/accuracy", outcome.test.value()),
        Measure::Mse => scalar("test/mse", outcome.test.value()),
    };
    let scalars = [value].into_iter().chain(loss).collect();
    events.push(Event::Scalars { step: outcome.epoch, scalars });
    events.iter().flat_map(|event| framing::framed(&event.message(seconds))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned::realistic;

    #[test]
    fn every_trial_that_learned_has_a_run_and_twice_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let results = realistic();
        let curves = results.records.iter().filter(|record| matches!(&record.status, Status::Ok { outcome } if !outcome.curve.is_empty()));
        let (n, folder) = write(&results, dir.path()).unwrap();
        assert_eq!((n, n > 0), (curves.count(), true));
        let run = folder.join("soft-prompt/smollm2/tweets/seed-1");
        let file = fs::read_dir(&run).unwrap().next().unwrap().unwrap().path();
        assert!(file.file_name().unwrap().to_string_lossy().starts_with("events.out.tfevents.1803895860."), "{}", file.display());
        let before = fs::read(&file).unwrap();
        write(&results, dir.path()).unwrap();
        assert_eq!((fs::read(&file).unwrap(), fs::read_dir(&run).unwrap().count()), (before, 1));
    }

    #[test]
    fn names_become_names_of_folders() {
        assert_eq!(["../a b/c", "..", "ρ-1.5@x"].map(plain), ["..-a-b-c", "--", "ρ-1.5@x"]);
    }
}
