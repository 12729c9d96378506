//! Folders in the hub's layout, and whether they are loaded right.

use std::fs;
use std::path::PathBuf;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::place::Place;

fn fixture(family: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures").join(family).join(file)
}

/// A copy of a family's fixture, under `model`.
fn place_with(family: &str) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("model")).unwrap();
    for file in ["config.json", "model.safetensors", "expected.safetensors"] {
        fs::copy(fixture(family, file), place.path("model").join(file)).unwrap();
    }
    place
}

const PARITY: [&str; 3] = ["parity", "model", "model/expected.safetensors"];

/// The file again, with those tensors that `keep` wants, and the first value of each that `shift` names moved by 1.
fn rewrite(place: &Place, from: &str, to: &str, keep: impl Fn(&str) -> bool, shift: &str) {
    let bytes = place.read(from);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.iter().filter(|(name, _)| keep(name)).map(|(name, view)| {
        let mut data = view.data().to_vec();
        if name == shift {
            let first = f32::from_le_bytes(data[..4].try_into().unwrap()) + 1.0;
            data[..4].copy_from_slice(&first.to_le_bytes());
        }
        (name.to_owned(), view.dtype(), view.shape().to_vec(), data)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    fs::write(place.path(to), safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn a_checkpoint_that_is_loaded_right_agrees() {
    let out = place_with("clip").run(&PARITY).ok();
    assert!(out.contains("coop.grad_ctx") && out.contains("Nothing in the file was left unchecked."), "{out}");
    let csv = place_with("llama").run(&[&PARITY[..], &["--format", "csv"]].concat()).ok();
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",ok")), "{csv}");
}

#[test]
fn a_changed_weight_is_seen() {
    let place = place_with("llama");
    rewrite(&place, "model/model.safetensors", "model/model.safetensors", |_| true, "model.norm.weight");
    let ran = place.run(&PARITY);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let verdicts = |name: &str| ran.out.lines().find(|line| line.starts_with(name)).map(|line| line.ends_with("TOO FAR"));
    assert_eq!((verdicts("hidden.1 "), verdicts("logits ")), (Some(false), Some(true)), "{}", ran.out);
    assert!(ran.err.contains("tensors are too far from the reference"), "{}", ran.err);
    let lenient = place.run(&[&PARITY[..], &["--atol", "1e9", "--rtol", "1e9"]].concat());
    assert_eq!(lenient.code, Some(1), "tokens are equal or not, whatever the tolerance: {}", lenient.out);
}

#[test]
fn weights_may_lie_in_several_files() {
    let place = place_with("llama");
    let is_first = |name: &str| name.contains("layers.0");
    rewrite(&place, "model/model.safetensors", "model/a.safetensors", is_first, "");
    rewrite(&place, "model/model.safetensors", "model/b.safetensors", |name| !is_first(name), "");
    let bytes = place.read("model/model.safetensors");
    let names: Vec<String> = SafeTensors::deserialize(&bytes).unwrap().names().into_iter().map(str::to_owned).collect();
    let map: serde_json::Map<String, serde_json::Value> =
        names.iter().map(|name| (name.clone(), if is_first(name) { "a.safetensors" } else { "b.safetensors" }.into())).collect();
    fs::remove_file(place.path("model/model.safetensors")).unwrap();
    place.put("model/model.safetensors.index.json", &serde_json::json!({ "weight_map": map }).to_string());
    place.run(&PARITY).ok();
    fs::remove_file(place.path("model/b.safetensors")).unwrap();
    insta::assert_snapshot!(place.run(&PARITY).failed(3));
}

#[test]
fn what_is_no_checkpoint_is_said_to_be_none() {
    let mut said = Vec::new();
    let mut after = |change: &dyn Fn(&Place), code: i32| {
        let place = place_with("llama");
        change(&place);
        said.push(place.run(&PARITY).failed(code));
    };
    let config = |place: &Place, from: &str, to: &str| place.put("model/config.json", &place.text("model/config.json").replace(from, to));
    after(&|place| fs::remove_file(place.path("model/config.json")).unwrap(), 3);
    after(&|place| fs::remove_file(place.path("model/model.safetensors")).unwrap(), 3);
    after(&|place| config(place, "\"model_type\": \"llama\"", "\"model_type\": \"mamba\""), 3);
    after(&|place| config(place, "{", "{\"use_new_trick\": true, "), 3);
    after(&|place| rewrite(place, "model/model.safetensors", "model/model.safetensors", |name| !name.contains("layers.1.mlp"), ""), 3);
    after(&|place| fs::write(place.path("model/model.safetensors"), [0; 5]).unwrap(), 3);
    after(&|place| place.put("model/expected.safetensors", "rubbish"), 2);
    after(&|place| drop(fs::copy(fixture("clip", "expected.safetensors"), place.path("model/expected.safetensors"))), 2);
    insta::assert_snapshot!(said.join("\n\n"));
}
