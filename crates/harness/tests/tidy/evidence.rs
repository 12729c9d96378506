//! What the catalogue says to have been run lies in committed results.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking and says what it measured")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reprogram_harness::record::{Record, Status};
use reprogram_methods::catalog::{CATALOG, Checked, Entry};

/// Names of methods by the sweeps of `results/reference` that have a finished trial of theirs.
fn ran(results: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for sweep in fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.join("records").is_dir()) {
        let name = sweep.file_name().unwrap().to_string_lossy().into_owned();
        for file in fs::read_dir(sweep.join("records")).unwrap() {
            let record: Record = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
            if matches!(record.status, Status::Ok { .. }) {
                found.entry(record.method).or_default().insert(name.clone());
            }
        }
    }
    found
}

/// The sweeps that an entry names.
fn sweeps(entry: &Entry) -> BTreeSet<String> {
    let sweep = |checked: &Checked| match checked {
        Checked::Sweep(name) => Some((*name).to_owned()),
        Checked::Parity(_) | Checked::Code(_) => None,
    };
    entry.checked.iter().filter_map(sweep).collect()
}

#[test]
fn sweeps_that_the_catalogue_names_have_run_the_entry() {
    let ran = ran(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/reference"));
    let none = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in CATALOG {
        let said = sweeps(entry);
        let ran = ran.get(entry.name).unwrap_or(&none);
        if !said.is_subset(ran) {
            wrong.push(format!("{}: `checked` says {said:?}, results/reference has {ran:?}", entry.name));
        }
    }
    assert!(wrong.is_empty(), "these entries name sweeps that have no finished trial of theirs:\n{}", wrong.join("\n"));
}

/// Entries that no committed sweep has run by their own name, and why.
const NOT_RUN: [(&str, &str); 1] = [("self-consistency", "its forty paths; benchmarks/cot.toml runs five, under a name that says so")];

#[test]
fn every_entry_has_run_or_says_why_not() {
    let silent: Vec<&str> = CATALOG.iter().filter(|entry| sweeps(entry).is_empty()).map(|entry| entry.name).collect();
    assert_eq!(silent, NOT_RUN.map(|(name, _)| name), "names of entries without a sweep, and those that have a reason");
}
