//! Every catalogued method from a sweep file to its record, on the smallest models and data that there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use reprogram_methods::ManipulationSpec;
use reprogram_methods::catalog::CATALOG;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest as _, Sha256};

use super::forecasting::hours;
use super::place::Place;

const CLASSES: [&str; 3] = ["A", "BCD", "BE"];
/// What catalogued descriptions are about.
const DESCRIBED: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const N_ITEMS: usize = 150;

/// Pictures, words and series of three classes, and hours to be forecast, as tables and files of a registry's folder.
pub(crate) fn put_data(place: &Place) {
    let mut pictures = String::new();
    let mut described = String::new();
    let (mut words, mut series) = (String::new(), String::new());
    for item in 0..N_ITEMS {
        let (label, mut state) = (item % 3, item as u32 + 1);
        for pixel in 0..16 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bright = if pixel % 3 == label { 8 } else { 0 };
            write!(pictures, "{},", (state >> 29) + bright).unwrap();
            write!(described, "{},", state >> 28).unwrap();
        }
        writeln!(pictures, "{label}").unwrap();
        writeln!(described, "{}", item % DESCRIBED.len()).unwrap();
        write!(series, "{label}").unwrap();
        for step in 0..24 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            write!(series, " {}.{}", step % (label + 2), state >> 28).unwrap();
        }
        writeln!(series).unwrap();
        let word: String = (0..5).map(|digit| ["GO", "D", "MM", "VERY"][item / 4_usize.pow(digit) % 4]).collect();
        writeln!(words, "{} {word}{}", CLASSES[label], ["L", "U", "Y"][label]).unwrap();
    }
    let classes = format!("{CLASSES:?}");
    let exemplar = |n: usize| format!("{{ text = 'GO{n}', rationale = 'MM', answer = '{}' }}", CLASSES[n % 3]);
    let exemplars = (0..8).map(exemplar).collect::<Vec<_>>().join(", ");
    let of_pictures = "modality = 'vision'\nreader = { image-csv = { height = 4, width = 4, highest = 15 } }";
    let mut tables = String::new();
    for (name, file, content, labels, own) in [
        ("pictures", "pictures.csv", &pictures, CLASSES.as_slice(), of_pictures.to_owned()),
        ("described", "described.csv", &described, DESCRIBED.as_slice(), of_pictures.to_owned()),
        (
            "words",
            "words.txt",
            &words,
            CLASSES.as_slice(),
            format!(
                "modality = 'text'\nreader = {{ label-lines = {{ labels = {classes}, encoding = 'utf-8' }} }}\n\
                 template = {{ instruction = 'DO', input = '<{{text}}', cue = '>', separator = ';', labels = {classes}, variants = [{{ input = '{{text}}', cue = '=' }}], answer = {{ \
                 phrase = 'so', extraction = 'line@1', exemplars = [{exemplars}] }} }}"
            ),
        ),
        (
            "waves",
            "waves.txt",
            &series,
            &CLASSES,
            "modality = 'time-series'\nreader = { series-lines = { labels = [0, 1, 2], length = 24 } }".to_owned(),
        ),
    ] {
        fs::write(place.path(file), content).unwrap();
        let rows = vec![N_ITEMS / labels.len(); labels.len()];
        let sha256 = sha256(content.as_bytes());
        write!(
            tables,
            "[{name}]\nabout = ''\nclasses = {labels:?}\nlicence = ''\ncitation = ''\n{own}\nsplit = {{ test-percent = 30, validation-percent = 30 }}\n\
             [[{name}.parts]]\npart = 'all'\nrows = {rows:?}\n[[{name}.parts.files]]\nfile = '{file}'\nbytes = {}\nsha256 = '{sha256}'\n\
             sources = [{{ mirror = '{file}' }}]\n\n",
            content.len()
        )
        .unwrap();
    }
    place.put("datasets.toml", &(tables + &hours(place)));
}

/// A small classifier of sounds: two graphs, and a map to labels whose numbers say nothing.
fn put_sounds(place: &Place) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/acoustic");
    let numbers = |n: usize| -> Vec<u8> { (0..n).flat_map(|i| (((i * 37 % 23) as f32 - 11.0) / 5.0).to_le_bytes()).collect() };
    let (weight, bias) = (numbers(30 * 5), numbers(30));
    let views = [
        ("head.weight", TensorView::new(Dtype::F32, vec![30, 5], &weight).unwrap()),
        ("head.bias", TensorView::new(Dtype::F32, vec![30], &bias).unwrap()),
    ];
    let head = safetensors::serialize(views, None).unwrap();
    let mut table =
        "[tiny-sounds]\nabout = ''\nfamily = 'speech-embedding'\nmodality = 'audio'\nformat = 'onnx'\nlicence = ''\ncitation = ''\n"
            .to_owned();
    for (role, file, content) in [
        ("weights", "network.onnx", fs::read(fixtures.join("network.onnx")).unwrap()),
        ("preprocessor", "mel.onnx", fs::read(fixtures.join("mel.onnx")).unwrap()),
        ("head", "head.safetensors", head),
    ] {
        fs::write(place.path(file), &content).unwrap();
        write!(
            table,
            "[[tiny-sounds.weights.files]]\nrole = '{role}'\n[tiny-sounds.weights.files.asset]\nfile = '{file}'\nbytes = {}\n\
             sha256 = '{}'\nsources = [{{ mirror = '{file}' }}]\n",
            content.len(),
            sha256(&content)
        )
        .unwrap();
    }
    place.put("models.toml", &(table + &encoder(place)));
}

/// The language model again, by the name of the encoder that finds near texts.
fn encoder(place: &Place) -> String {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/gguf/llama3.gguf");
    fs::copy(fixture, place.path("encoder.gguf")).unwrap();
    let content = place.read("encoder.gguf");
    format!(
        "[all-minilm-l6-v2]\nabout = ''\nfamily = 'llama'\nmodality = 'text'\nformat = 'gguf'\nlicence = ''\ncitation = ''\n\
         [[all-minilm-l6-v2.weights.files]]\nrole = 'weights'\n[all-minilm-l6-v2.weights.files.asset]\nfile = 'encoder.gguf'\nbytes = {}\n\
         sha256 = '{}'\nsources = [{{ mirror = 'encoder.gguf' }}]\n",
        content.len(),
        sha256(&content)
    )
}

pub(crate) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn every_entry_runs_from_end_to_end() {
    let place = Place::with_empty_cache();
    put_data(&place);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    fs::copy(fixtures.join("gguf/llama3.gguf"), place.path("tiny.gguf")).unwrap();
    fs::create_dir(place.path("vit")).unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(fixtures.join("vit").join(file), place.path("vit").join(file)).unwrap();
    }
    put_sounds(&place);
    let names: Vec<&str> = CATALOG.iter().map(|entry| entry.name).collect();
    let described = |part: &ManipulationSpec| matches!(part, ManipulationSpec::ClassDescriptions(_));
    let of_descriptions = CATALOG.iter().filter(|entry| (entry.method)().manipulations.iter().any(described));
    let of_descriptions: Vec<&str> = of_descriptions.map(|entry| entry.name).collect();
    place.put(
        "all.toml",
        &format!(
            "name = 'all'\nseeds = [1]\n[[experiment]]\nbackbones = ['letters-vit', 'tiny-clip-cifar', './vit', './tiny.gguf', 'tiny-sounds']\ndatasets = ['pictures', 'words', 'waves', 'hours']\n\
             methods = {names:?}\nimage-size = 12\nbudget = {{ epochs = 1, batch-size = 6, train-items = 12, validation-items = 4, test-items = 4 }}\n\n\
             [[experiment]]\nbackbones = ['tiny-clip-cifar']\ndatasets = ['described']\nmethods = {of_descriptions:?}\n\
             image-size = 20\nbudget = {{ epochs = 1, batch-size = 10, train-items = 20, validation-items = 4, test-items = 4 }}\n"
        ),
    );
    let swept = |results: &str, own: &[&str]| {
        let mut command = place.command(&[&["sweep", "all.toml", "--offline", "--results", results, "--jobs", "1"], own].concat());
        let folder = place.path("");
        command.env("REPROGRAM_REGISTRY", &folder).env("REPROGRAM_MIRROR", &folder);
        place.ran(command.output().unwrap()).ok()
    };
    let out = swept(".", &[]);
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for record in place.list("all/records") {
        let record: serde_json::Value = serde_json::from_slice(&place.read(&format!("all/records/{record}"))).unwrap();
        assert_eq!(record["status"]["kind"], "ok", "{record}");
        *runs.entry(record["method"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let idle: Vec<&str> = names.into_iter().filter(|name| !runs.contains_key(*name)).collect();
    assert!(idle.is_empty(), "nothing here runs {idle:?}: give this test a model or data that do\n{out}");

    // Whatever is kept and read again, the numbers are those of a run that keeps nothing.
    swept("alone", &["--no-reuse"]);
    let (mut reused, mut differing) = (0, Vec::new());
    for name in place.list("all/records") {
        let read =
            |folder: &str| -> serde_json::Value { serde_json::from_slice(&place.read(&format!("{folder}/records/{name}"))).unwrap() };
        let (kept, alone) = (read("all"), read("alone/all"));
        reused += kept["status"]["outcome"]["costs"]["reused_items"].as_u64().unwrap();
        assert_eq!(alone["status"]["outcome"]["costs"]["reused_items"], 0, "{name}");
        for split in ["validation", "test"] {
            let of = |record: &serde_json::Value, key: &str| record["status"]["outcome"][split][key].as_f64();
            let loss = of(&kept, "loss").zip(of(&alone, "loss"));
            let is_near = loss.is_none_or(|(kept, alone)| (kept - alone).abs() <= 1e-5 * kept.max(1.0));
            let mse = |record: &serde_json::Value| record["status"]["outcome"][split]["errors"]["mse"].as_f64();
            let is_near = is_near && mse(&kept).zip(mse(&alone)).is_none_or(|(kept, alone)| (kept - alone).abs() <= 1e-5 * kept);
            if of(&kept, "accuracy") != of(&alone, "accuracy") || !is_near {
                differing.push(format!("{} on {}, {split}: {loss:?}", kept["method"], kept["backbone"]));
            }
        }
    }
    assert!(reused > 0, "nothing was kept, so that nothing was compared");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

const SEARCHED: &str = "name = 'found'\nseeds = [1, 2]\n[method.tuned]\nuse = 'linear-only'\n[method.tuned.search]\n\
    space = { \"recipe.learning-rate\" = [1e-7, 0.1] }\n[method.tight]\nuse = 'auto-vp'\nsearch = { draw = 2, seed = 9 }\n\
    [[experiment]]\nbackbones = ['letters-vit']\ndatasets = ['pictures']\nmethods = ['tuned', 'tight']\n\
    budget = { epochs = 3, batch-size = 8, train-items = 32, validation-items = 16, test-items = 8 }\n";

#[test]
fn a_search_reads_no_test_item_and_is_settled_once() {
    let place = Place::with_empty_cache();
    put_data(&place);
    put_sounds(&place);
    place.put("found.toml", SEARCHED);
    let run = |arguments: &[&str]| {
        let mut command = place.command(&[arguments, &["--offline"]].concat());
        let folder = place.path("");
        command.env("REPROGRAM_REGISTRY", &folder).env("REPROGRAM_MIRROR", &folder);
        place.ran(command.output().unwrap())
    };
    let plan = run(&["plan", "found.toml", "--results", "."]).ok();
    assert!(plan.contains("search of 2 points, 2 to be tried; then 2 trials"), "{plan}");
    let ran = run(&["sweep", "found.toml", "--results", ".", "--jobs", "2"]);
    assert_eq!(ran.err.matches("search 1/2").count(), 2, "{}", ran.err);
    assert!(ran.ok().contains("4 trials ran, 0 were there already"));
    assert_eq!(["searched", "records", "outcomes"].map(|folder| place.list(&format!("found/{folder}")).len()), [4, 4, 4]);
    for record in place.list("found/records") {
        let record: serde_json::Value = serde_json::from_slice(&place.read(&format!("found/records/{record}"))).unwrap();
        let searched = &record["searched"];
        assert_eq!((searched["points"].as_u64(), searched["tried"].as_array().map(Vec::len)), (Some(2), Some(2)), "{record}");
        assert!(searched["costs"]["steps"].as_u64() == Some(24) && searched["validation"]["n"] == 16, "{record}");
        if record["method"] == "tuned" {
            assert_eq!(searched["chosen"]["recipe.learning-rate"], "0.1", "the other rate moves nothing");
            assert_eq!(record["config"]["method"]["recipe"]["learning-rate"], 0.1);
        }
    }
    let again = run(&["sweep", "found.toml", "--results", ".", "--jobs", "1"]);
    assert!(!again.err.contains("search 1/2"), "{}", again.err);
    assert!(again.ok().contains("0 trials ran, 4 were there already"));
    let clash = run(&["sweep", "found.toml", "--results", ".", "--set", "seeds=[9]"]).failed(2);
    assert!(clash.contains("its search has seed 9, which is one of the sweep's"), "{clash}");
}
