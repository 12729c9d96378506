//! Canned results folders through the binary: an unchanged rerun, planted regressions, and other metrics of what is stored.

use reprogram_harness::manifest::{Manifest, ManifestTrial};
use reprogram_harness::record::{ExampleOutcome, ItemReading, Record};
use reprogram_harness::store::ResultStore;
use serde_json::{Value, json};

use crate::place::{Place, Ran};

const ITEMS: usize = 400;
const SEEDS: [u64; 3] = [1, 2, 3];

/// One method's trials as they are to be found in a folder.
struct Canned {
    method: &'static str,
    /// Stands in the configuration, and so in the key.
    learning_rate: f64,
    /// Of all items.
    accuracy: f64,
}

const BEFORE: [Canned; 2] = [
    Canned { method: "linear-only", learning_rate: 0.03, accuracy: 0.84 },
    Canned { method: "vp-ilm", learning_rate: 0.1, accuracy: 0.58 },
];

/// Easy items are easy for everybody: the first ones are right.
fn outcomes(canned: &Canned, seed: u64) -> Vec<ExampleOutcome> {
    let right = (canned.accuracy * ITEMS as f64).round() as usize;
    let outcome = |item: usize| {
        let gold = item % 2;
        // A few items change with the seed.
        let is_right = item < right - 4 || (item + seed as usize) % 8 < 4 && item < right + 4;
        let (prediction, sure) = (if is_right { gold } else { 1 - gold }, if item.is_multiple_of(3) { 0.9_f32 } else { 0.6 });
        let log = |class: usize| if class == prediction { sure.ln() } else { (1.0 - sure).ln() };
        ExampleOutcome {
            id: format!("{item:04}"),
            reading: ItemReading::Scored { gold, prediction, log_probabilities: vec![log(0), log(1)], answers: None },
        }
    };
    (0..ITEMS).map(outcome).collect()
}

fn record(canned: &Canned, seed: u64, outcomes: &[ExampleOutcome]) -> Record {
    let right = outcomes.iter().filter(|outcome| outcome.is_right() == Some(true)).count();
    let metrics = json!({ "n": ITEMS, "accuracy": right as f64 / ITEMS as f64, "loss": 0.5 });
    let config = json!({ "method": { "recipe": { "learning-rate": canned.learning_rate } }, "seed": seed });
    let key = reprogram_harness::assets::Digest::of(format!("{} {config}", canned.method).as_bytes()).to_string();
    let record = json!({
        "schema": 1, "key": key, "sweep": "canned", "method": canned.method, "signature": { "sites": [], "alignment": "linear" },
        "paradigm": "baseline", "backbone": "letters-vit", "dataset": "digits", "n_classes": 2, "seed": seed, "config": config,
        "status": { "kind": "ok", "outcome": {
            "validation": metrics, "test": metrics, "selection": "none", "epoch": 0, "curve": [], "program_sha256": "", "alignment_notes": [],
            "costs": { "trainable_parameters": 0, "stored_parameters": 0, "forward_items_training": 0, "forward_items_evaluation": 0,
                "backward_items": 0, "steps": 0, "seconds_training": 0.0, "seconds_evaluation": 0.0, "peak_memory_bytes": 0 },
        } },
        "provenance": { "version": "0.1.0", "commit": "unknown", "dirty": false, "device": "cpu", "platform": "linux", "threads": 1,
            "finished_at": "2027-03-01T10:00:00Z" },
    });
    serde_json::from_value(record).unwrap()
}

/// Writes a folder as a sweep would.
fn folder(place: &Place, name: &str, methods: &[Canned]) {
    let store = ResultStore::open(&place.path(name)).unwrap();
    let mut trials = Vec::new();
    for canned in methods {
        for seed in SEEDS {
            let examples = outcomes(canned, seed);
            let record = record(canned, seed, &examples);
            store.commit(&record, &examples, &[]).unwrap();
            let Record { method, backbone, dataset, key, .. } = record;
            trials.push(ManifestTrial { method, backbone, dataset, seed, key });
        }
    }
    let methods = methods.iter().map(|canned| canned.method.to_owned()).collect();
    let name_of_sweep = "canned".to_owned();
    let manifest = Manifest {
        name: name_of_sweep,
        about: String::new(),
        methods,
        comparisons: vec![],
        trials,
        empty_cells: vec![],
        unavailable: vec![],
    };
    manifest.write(&place.path(name)).unwrap();
}

fn compared(after: &[Canned], options: &[&str]) -> Ran {
    let place = Place::with_empty_cache();
    folder(&place, "before", &BEFORE);
    folder(&place, "after", after);
    place.run(&[&["compare", "before", "after"], options].concat())
}

fn verdicts(ran: &Ran) -> Vec<(String, String)> {
    let rows: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "name"), text(row, "verdict"))).collect()
}

#[test]
fn an_unchanged_rerun_passes() {
    let ran = compared(&BEFORE, &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_worse_learning_rate_is_caught() {
    let [linear, ilm] = BEFORE;
    let ran = compared(&[linear, Canned { learning_rate: 10.0, accuracy: 0.41, ..ilm }], &[]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(format!("{}\n{}", ran.out, ran.err));
}

/// A constant that stands in no configuration: the keys are the same, the numbers are not.
#[test]
fn a_wrong_constant_is_caught() {
    let [linear, ilm] = BEFORE;
    let ran = compared(&[Canned { accuracy: 0.74, ..linear }, Canned { accuracy: 0.585, ..ilm }], &["--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let expected = [("linear-only", "loss"), ("vp-ilm", "no difference shown"), ("all cells together", "loss")]
        .map(|(name, verdict)| (name.to_owned(), verdict.to_owned()));
    assert_eq!(verdicts(&ran), expected);
    let said = "error: 1 of 2 cells are worse: linear-only · letters-vit · digits; all 2 cells together are worse, by 0.04";
    assert!(ran.err.starts_with(said), "{}", ran.err);
}

#[test]
fn a_margin_bears_a_loss_and_a_gain_is_none() {
    let [linear, ilm] = BEFORE;
    let after = [Canned { accuracy: 0.81, ..linear }, Canned { accuracy: 0.7, ..ilm }];
    let ran = compared(&after, &["--margin", "0.05", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let expected = [("linear-only", "loss within the margin"), ("vp-ilm", "gain"), ("all cells together", "gain")];
    assert_eq!(verdicts(&ran), expected.map(|(name, verdict)| (name.to_owned(), verdict.to_owned())));
}

/// Better ones too: a rerun gives what it gave.
#[test]
fn other_numbers_under_the_same_keys_fail_a_rerun() {
    let [linear, ilm] = BEFORE;
    let after = [linear, Canned { accuracy: 0.7, ..ilm }];
    assert_eq!(compared(&after, &[]).code, Some(0));
    let ran = compared(&after, &["--rerun"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.trim(), "error: 3 of 6 trials have other numbers under the same key");
    assert_eq!(compared(&BEFORE, &["--rerun"]).code, Some(0));
}

#[test]
fn trials_that_vanished_are_no_success() {
    let [linear, _] = BEFORE;
    let ran = compared(&[linear], &[]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("3 trials of A are not in B\n  help: `--common` compares what both have"), "{}", ran.err);
    let [linear, _] = BEFORE;
    assert_eq!(compared(&[linear], &["--common"]).code, Some(0));
}

#[test]
fn other_worths_of_an_item_and_clusters_are_taken() {
    let place = Place::with_empty_cache();
    folder(&place, "before", &BEFORE);
    let [linear, ilm] = BEFORE;
    folder(&place, "after", &[Canned { accuracy: 0.7, ..linear }, ilm]);
    for metric in ["accuracy", "nll", "brier"] {
        let ran = place.run(&["compare", "before", "after", "--metric", metric]);
        assert_eq!(ran.code, Some(1), "{metric}: {}{}", ran.out, ran.err);
    }
    let all_one: Vec<String> = (0..ITEMS).map(|item| format!("{item:04},one speaker")).collect();
    place.put("clusters.csv", &all_one.join("\n"));
    let ran = place.run(&["compare", "before", "after", "--clusters", "clusters.csv"]);
    assert_eq!(ran.code, Some(0), "one cluster shows nothing: {}{}", ran.out, ran.err);
    place.put("clusters.csv", "0000 no comma\n");
    insta::assert_snapshot!(place.run(&["compare", "before", "after", "--clusters", "clusters.csv"]).failed(2), @r"
    error: clusters.csv, line 1: there is no comma
      help: each line is ITEM,CLUSTER
    ");
}

#[test]
fn folders_without_a_common_trial_are_bad_input() {
    let place = Place::with_empty_cache();
    folder(&place, "before", &BEFORE[..1]);
    folder(&place, "after", &BEFORE[1..]);
    insta::assert_snapshot!(place.run(&["compare", "before", "after"]).failed(2), @r"
    error: before and after have no finished trial in common
      help: `reprogram report DIR` shows what a folder holds
    ");
    assert_eq!(place.run(&["compare", "before", "none"]).code, Some(2));
}

#[test]
fn every_metric_comes_from_what_is_stored() {
    let place = Place::with_empty_cache();
    folder(&place, "before", &BEFORE);
    insta::assert_snapshot!(place.run(&["rescore", "before"]).ok());
    let ran = place.run(&["rescore", "before", "--metric", "accuracy", "brier", "--trials", "--format", "json"]).ok();
    let rows: Vec<Value> = serde_json::from_str(&ran).unwrap();
    assert_eq!(rows.len(), 6);
    for row in &rows {
        let canned = BEFORE.iter().find(|canned| row["name"] == canned.method).unwrap();
        let examples = outcomes(canned, row["seed"].as_u64().unwrap());
        let right = examples.iter().filter(|outcome| outcome.is_right() == Some(true)).count();
        assert!((row["accuracy"].as_f64().unwrap() - right as f64 / ITEMS as f64).abs() < 1e-12);
        assert!(row["brier"].as_f64().unwrap() > 0.0 && row.get("nll").is_none());
    }
    place.run(&["rescore", "before", "--format", "csv", "--output", "metrics.csv"]).ok();
    assert_eq!(place.text("metrics.csv").lines().count(), 3);
}

/// The committed results, beside what papers report.
#[test]
fn reported_numbers_stand_beside_committed_ones() {
    let place = Place::with_empty_cache();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results/reference");
    let table = |name: &str| -> Vec<Value> {
        let out = place.run(&["reproduce", name, "--results", committed, "--format", "json"]).ok();
        serde_json::from_str(&out).unwrap()
    };
    let measured: Vec<Value> = table("reported").into_iter().filter(|row| row["measured %"].is_number()).collect();
    assert!(measured.len() >= 10, "{}", measured.len());
    assert!(measured.iter().all(|row| row["differences in protocol"].as_array().is_some_and(|all| all.len() > 1)));
    let gaps = table("gaps");
    assert!(
        gaps.iter().filter(|row| ["agrees", "contradicts", "not shown"].iter().any(|verdict| row["verdict"] == *verdict)).count() >= 10
    );
    assert!(!table("orders").is_empty() && !table("unrun").is_empty());
    assert_eq!(table("survey").len(), 70);
}

#[test]
fn what_was_not_measured_is_said_and_several_tables_are_no_data() {
    let place = Place::with_empty_cache();
    let out = place.run(&["reproduce", "reported"]).ok();
    assert!(out.contains("0 of ") && out.contains(" reported numbers stand beside a measured one"), "{out}");
    assert!(out.contains("vision-reprogramming was not measured: results/reference/vision-reprogramming"), "{out}");
    insta::assert_snapshot!(place.run(&["reproduce", "--format", "csv"]).failed(2), @r"
    error: several tables are no data
      help: name one: survey, reported, gaps, orders or unrun
    ");
}
