//! Training images that are changed at random: what that changes of keys, reuse and numbers, and what it does not.

use serde_json::Value;

use crate::place::{Place, SWEEP, digits};

#[test]
fn training_images_are_changed_and_nothing_else() {
    if !digits() {
        return;
    }
    let place = Place::new();
    let methods = r#"["flm-only", "linear-only", "vp-rlm"]"#;
    let plain = SWEEP.replace(r#"["flm-only", "vp-ilm", "prompt-tuning"]"#, methods).replace(r#"compare = [["flm-only", "vp-ilm"]]"#, "");
    let keys = r#"augment = ["horizontal-flip", { random-crop = { padding = 2 } }, { random-resized-crop = { area = [0.6, 1.0] } }]"#;
    place.put("plain.toml", &plain);
    place.put("changed.toml", &plain.replace("image-size = 20", &format!("image-size = 20\n{keys}")));
    let planned = |file: &str| -> Vec<Value> { serde_json::from_str(&place.run(&["plan", file, "--format", "json"]).ok()).unwrap() };
    let column = |rows: &[Value], method: &str, column: &str| -> Vec<String> {
        let rows = rows.iter().filter(|row| row["name"] == method);
        rows.map(|row| row[column].as_str().unwrap_or_default().to_owned()).collect()
    };
    let (before, after) = (planned("plain.toml"), planned("changed.toml"));
    assert_eq!(column(&before, "flm-only", "key"), column(&after, "flm-only", "key"), "nothing is trained");
    for method in ["linear-only", "vp-rlm"] {
        assert_ne!(column(&before, method, "key"), column(&after, method, "key"), "{method}");
    }
    assert_eq!(column(&after, "linear-only", "computed once")[0], "all of f, training items apart");
    assert_eq!(column(&before, "linear-only", "computed once")[0], "all of f");

    let swept = |results: &str, file: &str, arguments: &[&str]| -> Vec<Value> {
        place.run(&[&["sweep", file, "--results", results], arguments].concat()).ok();
        let folder = format!("{results}/toy/records");
        place.list(&folder).iter().map(|name| place.numbers(&format!("{folder}/{name}"))).collect()
    };
    let changed = swept("one", "changed.toml", &["--jobs", "1", "--fuse", "off"]);
    assert_eq!(
        swept("two", "changed.toml", &["--jobs", "2", "--fuse", "off", "--no-reuse"]),
        changed,
        "threads and reuse make no difference"
    );
    let loss = |records: &[Value], method: &str, seed: u64| -> f64 {
        let record = records.iter().find(|record| record["method"] == method && record["seed"] == seed).unwrap();
        record["status"]["outcome"]["curve"][0]["train_loss"].as_f64().unwrap()
    };
    let plain = swept("plain", "plain.toml", &["--jobs", "1", "--fuse", "off"]);
    let together = swept("together", "changed.toml", &["--jobs", "1", "--fuse", "2"]);
    for method in ["linear-only", "vp-rlm"] {
        for seed in [1, 2] {
            assert!((loss(&plain, method, seed) - loss(&changed, method, seed)).abs() > 1e-3, "{method}: the images are others");
            assert!((loss(&together, method, seed) - loss(&changed, method, seed)).abs() < 1e-4, "{method}: the same others");
        }
    }
}

#[test]
fn an_unknown_change_is_refused() {
    let place = Place::new();
    let text = SWEEP.replace("image-size = 20", "augment = [\"horizontal-flop\"]");
    place.put("toy.toml", &text);
    insta::assert_snapshot!(place.run(&["plan", "toy.toml"]).failed(2));
}
