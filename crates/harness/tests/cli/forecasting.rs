//! Forecasts from a sweep file to tables: a tiny language model, a linear map and the last value on series that a test can compute.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::catalogue::{put_data, sha256};
use super::place::{Place, Ran};

const STEPS: usize = 200;
const HISTORY: usize = 24;
const HORIZON: usize = 5;
const SEASON: usize = 6;
/// Rows of train, validation and test.
const ROWS: [usize; 3] = [120, 30, 50];

/// Two variables, as they stand in the file.
fn variables() -> [Vec<f64>; 2] {
    let mut state = 1_u32;
    let mut variables = [Vec::new(), Vec::new()];
    for step in 0..STEPS {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        variables[0].push((step / 7) as f64 + f64::from(state >> 28) / 16.0);
        variables[1].push((step % SEASON) as f64 + f64::from(state >> 30));
    }
    variables
}

/// The table of a data set of them, whose file is put into the place.
pub(crate) fn hours(place: &Place) -> String {
    let mut content = "step,up,round\n".to_owned();
    let [up, round] = variables();
    for (step, (up, round)) in up.iter().zip(&round).enumerate() {
        writeln!(content, "{step},{up},{round}").unwrap();
    }
    fs::write(place.path("hours.csv"), &content).unwrap();
    let [train, validation, test] = ROWS;
    let mut table = format!(
        "[hours]\nabout = ''\nmodality = 'time-series'\nlicence = ''\ncitation = ''\nsplit = {{}}\n\
         reader = {{ series-windows = {{ columns = ['up', 'round'], history = {HISTORY}, horizon = {HORIZON}, season = {SEASON}, rows = {{ \
         train = {train}, validation = {validation}, test = {test} }} }} }}\n"
    );
    let held_out = |rows: usize| 2 * (rows - HORIZON + 1);
    for (part, n) in [("train", held_out(train - HISTORY)), ("validation", held_out(validation)), ("test", held_out(test))] {
        write!(
            table,
            "[[hours.parts]]\npart = '{part}'\nrows = [{n}]\n[[hours.parts.files]]\nfile = 'hours.csv'\nbytes = {}\nsha256 = '{}'\n\
             sources = [{{ mirror = 'hours.csv' }}]\n",
            content.len(),
            sha256(content.as_bytes())
        )
        .unwrap();
    }
    table
}

/// Errors of the last value on all test windows: squared, absolute, scaled.
fn by_hand() -> [f64; 3] {
    let (train, first) = (ROWS[0], ROWS[0] + ROWS[1]);
    let (mut sums, mut n) = ([0.0; 3], 0.0);
    for values in variables() {
        let mean = values[..train].iter().sum::<f64>() / train as f64;
        let deviation = (values[..train].iter().map(|value| (value - mean).powi(2)).sum::<f64>() / train as f64).sqrt();
        let season: f64 = (SEASON..train).map(|step| (values[step] - values[step - SEASON]).abs()).sum();
        let unit = season / (train - SEASON) as f64;
        for origin in first..=STEPS - HORIZON {
            for step in 0..HORIZON {
                let apart = (values[origin + step] - values[origin - 1]).abs();
                let errors = [(apart / deviation).powi(2), apart / deviation, apart / unit];
                sums.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
                n += 1.0;
            }
        }
    }
    sums.map(|sum| sum / n)
}

const SWEEP: &str = "name = 'ahead'
seeds = [1, 2]

[method.patched]
manipulation = [
    { part = 'series-prompt', about = 'GOOD' },
    { part = 'patch-prototypes', patches = { length = 8, stride = 4 }, width = 4, heads = 2, head-width = 3, prototypes = 5, vocabulary = 9, dropout = 0.0 },
]
alignment = { part = 'forecast-head', patches = { length = 8, stride = 4 }, width = 8 }
recipe = { learning-rate = 0.01 }

[method.chosen]
use = 'linear-forecast'
search.space = { 'recipe.learning-rate' = [1e-9, 1e-2] }

[[experiment]]
backbones = ['./tiny.gguf']
datasets = ['hours']
methods = ['patched', 'linear-forecast', 'chosen', 'last-value', 'linear-probe']
compare = [['last-value', 'linear-forecast'], ['linear-forecast', 'last-value']]
budget = { epochs = 6, batch-size = 8, train-items = 120 }
";

fn place() -> Place {
    let place = Place::with_empty_cache();
    put_data(&place);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    fs::copy(fixtures.join("gguf/llama3.gguf"), place.path("tiny.gguf")).unwrap();
    place.put("ahead.toml", SWEEP);
    place
}

fn run(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    let folder = place.path("");
    command.env("REPROGRAM_REGISTRY", &folder).env("REPROGRAM_MIRROR", &folder);
    place.ran(command.output().unwrap())
}

fn outcomes(place: &Place) -> BTreeMap<String, Vec<Value>> {
    let mut outcomes = BTreeMap::<String, Vec<Value>>::new();
    for name in place.list("ahead/records") {
        let record: Value = serde_json::from_slice(&place.read(&format!("ahead/records/{name}"))).unwrap();
        assert_eq!(record["status"]["kind"], "ok", "{record}");
        outcomes.entry(record["method"].as_str().unwrap().to_owned()).or_default().push(record["status"]["outcome"].clone());
    }
    outcomes
}

#[test]
fn series_are_forecast_from_end_to_end() {
    let place = place();
    let swept = run(&place, &["sweep", "ahead.toml", "--offline", "--results", ".", "--jobs", "1"]).ok();
    let outcomes = outcomes(&place);
    let mse =
        |method: &str| outcomes[method].iter().map(|outcome| outcome["test"]["errors"]["mse"].as_f64().unwrap()).collect::<Vec<f64>>();

    // What is not learned is computed by hand.
    for outcome in &outcomes["last-value"] {
        assert!(outcome["test"].get("accuracy").is_none() && outcome["test"].get("loss").is_none(), "{outcome}");
        for (name, expected) in ["mse", "mae", "mase"].into_iter().zip(by_hand()) {
            let found = outcome["test"]["errors"][name].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-4 * expected, "{name}: {found} is not {expected}");
        }
    }

    // The epoch is the one of the lowest error on validation, and training helps.
    for method in ["patched", "linear-forecast", "chosen"] {
        for outcome in &outcomes[method] {
            let curve: Vec<f64> =
                outcome["curve"].as_array().unwrap().iter().map(|point| point["validation_loss"].as_f64().unwrap()).collect();
            let least = curve.iter().copied().fold(f64::INFINITY, f64::min);
            let chosen = outcome["epoch"].as_u64().unwrap() as usize;
            assert_eq!(outcome["validation"]["errors"]["mse"].as_f64(), Some(curve[chosen - 1]));
            assert!((curve[chosen - 1] - least).abs() < 1e-12, "{curve:?}, epoch {chosen}");
            assert!(outcome["selection"].as_str().unwrap().starts_with("lowest validation mean squared error"), "{outcome}");
            let losses: Vec<f64> = outcome["curve"].as_array().unwrap().iter().map(|point| point["train_loss"].as_f64().unwrap()).collect();
            assert!(losses[5] < losses[0], "{method}: {losses:?}");
        }
    }
    let both = |method: &str| mse(method).iter().sum::<f64>();
    assert!(both("linear-forecast") < both("last-value"), "{swept}");

    // Tables: the lowest is the best, and less is better.
    let table = place.text("ahead/table.md");
    assert!(table.contains("| method | MSE | vs best | MAE | MASE |") && !table.contains("accuracy %"), "{table}");
    let best = table.lines().find(|line| line.contains("| best |")).unwrap();
    let lowest = outcomes.keys().min_by(|a, b| both(a).total_cmp(&both(b))).unwrap();
    assert!(best.starts_with(&format!("| {lowest} |")), "{lowest} is the lowest\n{table}");
    let verdict = |pair: &str| table.lines().find(|line| line.contains(pair)).unwrap().rsplit('|').nth(1).unwrap().trim().to_owned();
    assert_eq!([verdict("linear-forecast vs last-value"), verdict("last-value vs linear-forecast")], ["better", "worse"], "{table}");
    assert!(place.text("ahead/comparisons.csv").contains(",mse,"));
    assert!(place.text("ahead/report.html").contains("MASE"));
    assert!(place.text("ahead/trials.csv").lines().next().unwrap().contains("test_mse"));

    // Outcomes alone say the same, and a folder is as good as itself.
    let scored: Vec<Value> = serde_json::from_str(&run(&place, &["rescore", "ahead", "--trials", "--format", "json"]).ok()).unwrap();
    assert_eq!(scored.len(), outcomes.values().map(Vec::len).sum::<usize>());
    for row in &scored {
        let (method, found) = (row["name"].as_str().unwrap(), row["mse"].as_f64().unwrap());
        assert!(mse(method).iter().any(|mse| (mse - found).abs() < 1e-6), "{row}");
    }
    let same = run(&place, &["compare", "ahead", "ahead"]).ok();
    assert!(same.contains("mse") && same.contains("the same") && !same.contains("not compared"), "{same}");
    let wrong = run(&place, &["compare", "ahead", "ahead", "--metric", "accuracy"]);
    assert!(wrong.code == Some(1) && wrong.out.contains("is neither right nor wrong"), "{}{}", wrong.out, wrong.err);

    // What makes no forecast is a footnote.
    let reason = "./tiny.gguf takes text input, but the data set holds time-series";
    assert!(table.lines().any(|line| line.contains(reason)), "{table}");
}

#[test]
fn forecasts_of_classes_and_classes_of_the_future_are_misfits() {
    let place = place();
    let of_texts = "not legal: ./tiny.gguf takes text input, but the data set holds time-series";
    let of_series = "series that are to be forecast, but this data set asks for one of 3 classes";
    for (method, dataset, expected) in [
        ("last-value", "hours", "legal: it runs".to_owned()),
        ("last-value", "waves", format!("not legal: last-value needs {of_series}")),
        ("time-llm", "waves", format!("not legal: series-prompt needs {of_series}")),
        ("last-value", "words", "not legal: ./tiny.gguf with this method takes time-series input, but the data set holds text".to_owned()),
        ("linear-probe", "hours", of_texts.to_owned()),
        ("zero-shot", "hours", of_texts.to_owned()),
        ("cot-zero-shot", "hours", of_texts.to_owned()),
    ] {
        let told = run(&place, &["explain", method, "./tiny.gguf", dataset, "--offline"]).ok();
        assert_eq!(told.lines().last(), Some(expected.as_str()), "{told}");
        assert_eq!(told.contains("hours: time-series, the next 5 values"), dataset == "hours", "{told}");
    }
}
