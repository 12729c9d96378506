//! What a sweep would take, said before it runs, and held against what it took.

use serde_json::Value;

use crate::place::{Place, SWEEP, digits};

/// One that learns nothing, one at the input, one whose first blocks are kept, one behind f, one by queries, one that tunes f.
const METHODS: &str = r#"experiment.0.methods=["flm-only", "vp-ilm", "late", "linear-only", "bar", "full-fine-tuning"]"#;

const LATE: &str = r#"
[method.late]
manipulation = [{ part = "deep-prompt", tokens = 2, layers = [1, 2], modality = "vision", init = "xavier" }]
alignment = { part = "linear", on = "features" }
recipe = { learning-rate = 0.01 }
"#;

fn planned(place: &Place, arguments: &[&str]) -> Vec<Value> {
    serde_json::from_str(&place.run(&[&["plan", "toy.toml", "--json"], arguments].concat()).ok()).unwrap()
}

/// Counts of a part: items, tokens, operations.
fn counts(part: &Value) -> [u64; 4] {
    ["items", "tokens", "forward_flops", "backward_flops"].map(|name| part[name].as_u64().unwrap_or(0))
}

#[test]
fn what_is_predicted_of_operations_is_what_they_are() {
    if !digits() {
        return;
    }
    predicts(METHODS, "2", &[]);
    // Of more epochs, it is not known which will be chosen.
    let few = r#"experiment.0.methods=["flm-only", "late", "linear-only"]"#;
    predicts(few, "1", &["--set", r#"experiment.0.budget.refit="train-and-validation""#]);
}

fn predicts(methods: &str, epochs: &str, more: &[&str]) {
    let place = Place::new();
    place.put("toy.toml", &format!("{SWEEP}{LATE}"));
    let epochs = format!("experiment.0.budget.epochs={epochs}");
    let set = [&["--set", methods, "--set", "experiment.0.compare=[]", "--set", &epochs], more].concat();
    let said = place.run(&[&["sweep", "toy.toml", "--jobs", "1", "--fuse", "off", "--reuse-disk", "0"], set.as_slice()].concat()).ok();
    assert!(said.contains("Predicted against real, toy"), "{said}");
    assert!(place.text("results/toy/predicted.md").contains("| operations"));
    let predicted: Value = serde_json::from_slice(&place.read("results/toy/predicted.json")).unwrap();
    let records = place.list("results/toy/records");
    assert!(!records.is_empty());
    for file in records {
        let record: Value = serde_json::from_slice(&place.read(&format!("results/toy/records/{file}"))).unwrap();
        let (name, seed) = (record["method"].as_str().unwrap(), &record["seed"]);
        let (foreseen, real) = (&predicted["trials"][record["key"].as_str().unwrap()], &record["status"]["outcome"]["costs"]["parts"]);
        for part in ["fitting", "steps", "validation", "test"] {
            assert_eq!(counts(&foreseen[part]), counts(&real[part]), "{name}, seed {seed}: {part}");
            let computes = foreseen[part]["forward_flops"].as_u64() > Some(0);
            assert_eq!(foreseen[part]["seconds"].as_f64() > Some(0.0), computes, "{name}, seed {seed}: {part} of {foreseen}");
        }
        assert!(real["test"]["peak_bytes"].as_u64() > Some(1 << 20), "{name}: {real}");
    }
}

#[test]
fn a_plan_says_what_its_trials_would_take() {
    if !digits() {
        return;
    }
    let place = Place::new();
    place.put("toy.toml", SWEEP);
    let counted = planned(&place, &["--no-calibrate"]);
    let frame = counted.iter().find(|row| row["name"] == "vp-ilm").unwrap();
    assert!(frame["tokens"].as_u64() > Some(1_000) && frame["TFLOP"].as_f64() > Some(0.0), "{frame}");
    assert!(frame["seconds"].is_null() && frame["MiB"].is_null(), "{frame}");
    let timed = planned(&place, &["--jobs", "2"]);
    let frame = timed.iter().find(|row| row["name"] == "vp-ilm").unwrap();
    assert!(frame["seconds"].as_f64() > Some(0.0) && frame["MiB"].as_f64() > Some(1.0), "{frame}");
    let text = place.run(&["plan", "toy.toml", "--format", "md"]).ok();
    assert!(text.contains("with one trial at a time of ") && text.contains(" MiB in the largest"), "{text}");
}
