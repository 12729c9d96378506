//! Trials that go through f together: the same records as apart, and who did so is said.

use serde_json::Value;

use crate::place::{Place, digits};

/// Four trials that differ in seed and learning rate, two whose first half is kept, and two that nothing is trained in.
const FUSING: &str = r#"name = "fusing"
seeds = [1, 2]

[method.faster]
use = "vp-ilm"
recipe = { learning-rate = 0.03 }

[method.late]
manipulation = [{ part = "deep-prompt", tokens = 2, layers = [1, 2], modality = "vision", init = "xavier" }]
alignment = { part = "linear", on = "features" }
recipe = { learning-rate = 0.01 }

[[experiment]]
backbones = ["letters-vit"]
datasets = ["digits"]
methods = ["flm-only", "vp-ilm", "late", "faster"]
image-size = 20
budget = { epochs = 2, batch-size = 16, train-items = 40, validation-items = 20, test-items = 40, refit = "train-and-validation" }
"#;

fn record(place: &Place, results: &str, name: &str) -> Value {
    serde_json::from_str(&place.text(&format!("{results}/fusing/records/{name}"))).unwrap()
}

#[test]
fn trials_together_have_the_records_of_trials_apart() {
    if !digits() {
        return;
    }
    let place = Place::new();
    place.put("fusing.toml", FUSING);
    let plan = place.run(&["plan", "fusing.toml"]).ok();
    assert!(plan.contains("6 trials could go through their models together, up to 4 at a time"), "{plan}");
    place.run(&["sweep", "fusing.toml", "--results", "apart", "--fuse", "off", "--jobs", "1"]).ok();
    let together = place.run(&["sweep", "fusing.toml", "--results", "together", "--fuse", "3", "--jobs", "1"]);
    assert!(together.err.contains("letters-vit: up to 3 trials through the model together"), "{}", together.err);
    together.ok();
    // Workers take bundles, too.
    place.run(&["sweep", "fusing.toml", "--results", "beside", "--fuse", "2", "--jobs", "2"]).ok();

    let names = place.list("apart/fusing/records");
    assert_eq!(names.len(), 8);
    let mut sizes = Vec::new();
    for results in ["together", "beside"] {
        assert_eq!(place.list(&format!("{results}/fusing/records")), names, "the same keys");
        for name in &names {
            let (apart, together) = (record(&place, "apart", name), record(&place, results, name));
            let [apart, together] = [&apart, &together].map(|record| &record["status"]["outcome"]);
            for (what, at) in [("epoch", "/epoch"), ("validation", "/validation/accuracy"), ("test", "/test/accuracy")] {
                assert_eq!(apart.pointer(at), together.pointer(at), "{name}: {what}");
            }
            for at in ["/validation/loss", "/test/loss", "/curve/1/train_loss"] {
                let [apart, together] = [apart, together].map(|outcome| outcome.pointer(at).and_then(Value::as_f64));
                let apart_by = apart.zip(together).map_or(0.0, |(apart, together)| (apart - together).abs());
                assert!(apart_by < 1e-4 && apart.is_some() == together.is_some(), "{name}: {at} is {apart_by} apart");
            }
            let count = |outcome: &Value, cost: &str| outcome["costs"][cost].as_u64();
            for cost in ["trainable_parameters", "forward_items_training", "forward_items_evaluation", "backward_items", "steps"] {
                assert_eq!(count(apart, cost), count(together, cost), "{name}: {cost}");
            }
            assert_eq!(count(apart, "fused_with"), None, "nothing is said where there was nobody");
            sizes.push((results, count(together, "fused_with").unwrap_or(0)));
        }
    }
    let n = |results: &str, others: u64| sizes.iter().filter(|size| **size == (results, others)).count();
    assert_eq!(
        [n("together", 2), n("together", 1), n("together", 0)],
        [3, 2, 3],
        "three and one, two, and two in which nothing is trained"
    );
    assert_eq!([n("beside", 1), n("beside", 0)], [6, 2]);
}

/// One that leaves the range of floats fails alone.
#[test]
fn a_trial_that_fails_leaves_the_others() {
    if !digits() {
        return;
    }
    let place = Place::new();
    let (head, rest) = FUSING.split_once("[method.late]").unwrap();
    let (late, experiment) = rest.split_once("[[experiment]]").unwrap();
    let wild = late.replace("learning-rate = 0.01", "learning-rate = 1e39, optimizer = { sgd = { momentum = 0.0 } }");
    let experiment = experiment.replace(r#"["flm-only", "vp-ilm", "late", "faster"]"#, r#"["late", "wild"]"#);
    place.put("fusing.toml", &format!("{head}[method.late]{late}[method.wild]{wild}[[experiment]]{experiment}"));
    let ran = place.run(&["sweep", "fusing.toml", "--results", ".", "--fuse", "4", "--jobs", "1"]);
    assert_eq!(ran.code, Some(4), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("2 trials failed") && ran.err.contains("is not finite"), "{}", ran.err);
    let records = place.list("fusing/records").into_iter().map(|name| record(&place, ".", &name));
    let kinds: Vec<(String, String)> =
        records.map(|record| [&record["method"], &record["status"]["kind"]].map(|text| text.as_str().unwrap().to_owned()).into()).collect();
    assert!(kinds.iter().all(|(method, kind)| (method == "wild") == (kind == "failed")), "{kinds:?}");
}
