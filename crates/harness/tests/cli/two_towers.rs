//! Methods of two towers through the command: every one that the built-in model fits trains, is tested and recorded.

use super::place::{Place, digits};

const METHODS: [&str; 14] = [
    "zero-shot-clip",
    "clip-ensemble",
    "zpe",
    "coop",
    "coop-class-specific",
    "coop-front",
    "kgcoop",
    "cocoop",
    "maple",
    "plot",
    "vp-pad-clip",
    "described",
    "decoupled",
    "cupl",
];

/// What digits look like, in two groups.
fn sweep() -> String {
    let of = (0..10).map(|digit| format!("\"{digit}\" = [[\"a written {digit}.\", \"the digit {digit}.\"], [\"no other than {digit}.\"]]"));
    let of = of.collect::<Vec<_>>().join(", ");
    let names = METHODS.map(|name| format!("\"{name}\"")).join(", ");
    format!(
        r#"name = "towers"
seeds = [1]

[method.coop-front]
manipulation = [{{ part = "class-template", templates = ["{{}}."] }}, {{ part = "class-context", tokens = 4, name = "front" }}]
alignment = {{ part = "nearest-text" }}

[method.described]
manipulation = [{{ part = "class-descriptions", of = {{ {of} }} }}, {{ part = "pixel-frame" }}]
alignment = {{ part = "top-texts", k = 1, weights = [0.5, 0.5] }}

[method.decoupled]
manipulation = [{{ part = "class-descriptions", of = {{ {of} }} }}, {{ part = "decoupled-frame", frames = 2, by = "clusters", squash = "tanh", init-std = 0.0 }}]
alignment = {{ part = "counted-texts", k = 2 }}

[[experiment]]
backbones = ["tiny-clip-cifar"]
datasets = ["digits"]
methods = [{names}]
image-size = 28
budget = {{ epochs = 1, batch-size = 10, train-items = 20, validation-items = 10, test-items = 20 }}
"#
    )
}

#[test]
fn methods_of_two_towers_run() {
    if !digits() {
        return;
    }
    let place = Place::new();
    place.put("towers.toml", &sweep());
    let out = place.run(&["sweep", "towers.toml", "--results", "."]).ok();
    assert!(out.contains("13 trials ran, 0 were there already"), "{out}");
    let table = place.text("towers/table.md");
    assert!(table.contains("class-descriptions needs sentences about"), "{table}");
    let records = place.list("towers/records");
    let notes: Vec<String> = records.iter().map(|name| place.text(&format!("towers/records/{name}"))).collect();
    assert!(notes.iter().all(|record| record.contains("\"kind\": \"ok\"")), "a trial failed");
    assert!(
        notes.iter().any(|record| record.contains("weights of the sentences, in their order: 0.")),
        "what was found without labels is said"
    );
}
