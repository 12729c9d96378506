//! Made-up results for the tests of tables and plots. Numbers look like a sweep's; no model made them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reprogram_taxonomy::{Alignment, Format, Layers, Location, Modality, Operator, Signature, Site, SiteSpec};
use sha2::{Digest, Sha256};

use super::comparison::{Asked, Scope};
use super::results::{MissingTrial, Results};
use crate::forecasts::ItemErrors;
use crate::record::{
    Costs, EmptyCell, EpochPoint, ExampleOutcome, ForecastErrors, ItemReading, Metrics, Outcome, Provenance, Record, Status,
};

/// One method of a canned group.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) trainable: usize,
    /// One test accuracy a seed.
    pub(crate) accuracies: Vec<f64>,
}

/// One backbone on one data set.
pub(crate) struct Group {
    pub(crate) backbone: &'static str,
    pub(crate) dataset: &'static str,
    pub(crate) n_classes: usize,
    pub(crate) items: usize,
}

pub(crate) fn method(name: &'static str, signature: Signature, trainable: usize, accuracies: &[f64]) -> Method {
    Method { name, signature, trainable, accuracies: accuracies.to_vec() }
}

pub(crate) fn signature(modality: Modality, sites: &[(Format, Location, Operator)], alignment: Alignment) -> Signature {
    let site = |&(format, location, operator): &(Format, Location, Operator)| {
        let layers = (location == Location::Hidden).then_some(Layers::All);
        Site::new(SiteSpec { modality, format, operator, location, layers, tower: None }).unwrap()
    };
    Signature { sites: sites.iter().map(site).collect(), alignment }
}

/// Adds a finished trial a seed, with outcomes whose hard items are mostly hard for every method.
pub(crate) fn add(results: &mut Results, group: &Group, method: &Method) {
    if !results.methods.iter().any(|listed| listed == method.name) {
        results.methods.push(method.name.to_owned());
    }
    for (seed, &accuracy) in method.accuracies.iter().enumerate() {
        let record = record(results, group, method, seed as u64, accuracy);
        results.outcomes.insert(record.key.clone(), outcomes(group, &record.key, accuracy));
        results.records.push(record);
    }
}

/// Adds a trial that broke.
pub(crate) fn add_failed(results: &mut Results, group: &Group, method: &Method, seed: u64, reason: &str) {
    let failed = Status::Failed { reason: reason.to_owned() };
    let record = Record { status: failed, ..record(results, group, method, seed, 0.0) };
    results.records.push(record);
}

fn record(results: &Results, group: &Group, method: &Method, seed: u64, accuracy: f64) -> Record {
    let name = format!("{} {} {} {} {seed}", results.sweep, group.backbone, group.dataset, method.name);
    let accuracy = (accuracy * group.items as f64).round() / group.items as f64;
    let paradigm = method.signature.paradigm();
    let trained = method.trainable > 0;
    let loss = 2.4 * (1.0 - accuracy) + 0.1;
    let curve = (1..=if trained { 20 } else { 0 }).map(|epoch| point(epoch, accuracy, seed)).collect();
    let costs = Costs {
        trainable_parameters: method.trainable,
        held_parameters: 0,
        stored_parameters: method.trainable + 520,
        forward_items_training: if trained { 20_000 } else { 0 },
        forward_items_evaluation: 2 * group.items,
        reused_items: if trained { 0 } else { group.items },
        fused_with: 0,
        generated_tokens: 0,
        backward_items: if trained { 20_000 } else { 0 },
        queries: 0,
        steps: if trained { 640 } else { 0 },
        seconds_training: if trained { 31.4 + seed as f64 } else { 0.0 },
        seconds_evaluation: 2.25,
        peak_memory_bytes: 412 << 20,
        parts: None,
    };
    let metrics = |n, accuracy| Metrics::right(n, accuracy, Some(loss));
    let outcome = Outcome {
        validation: metrics(200, (accuracy + 0.01).min(1.0)),
        test: metrics(group.items, accuracy),
        selection: "highest validation accuracy, earliest epoch on ties".to_owned(),
        epoch: if trained { 18 } else { 0 },
        curve,
        costs,
        program_sha256: hex(&format!("program {name}")),
        alignment_notes: vec![],
        batch_invariance: None,
        borders: None,
        refit: None,
    };
    Record {
        schema: 1,
        key: hex(&name),
        sweep: results.sweep.clone(),
        method: method.name.to_owned(),
        signature: method.signature.clone(),
        paradigm,
        backbone: group.backbone.to_owned(),
        dataset: group.dataset.to_owned(),
        n_classes: group.n_classes,
        seed,
        config: serde_json::json!({ "learning_rate": 0.01 }),
        status: Status::Ok { outcome },
        searched: None,
        provenance: Provenance {
            version: "0.1.0".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            dirty: false,
            device: "cpu (flex)".to_owned(),
            platform: "linux x86_64".to_owned(),
            threads: 8,
            finished_at: format!("2027-03-01T10:{:02}:00Z", 10 + seed),
        },
    }
}

fn point(epoch: usize, accuracy: f64, seed: u64) -> EpochPoint {
    let progress = 1.0 - (-(epoch as f64) / 5.0).exp();
    let wobble = 0.01 * ((epoch as u64 * 7 + seed * 3) % 5) as f64;
    EpochPoint {
        epoch,
        train_loss: 2.3 - 1.9 * accuracy * progress,
        validation_accuracy: Some((accuracy * progress - wobble).clamp(0.0, 1.0)),
        validation_loss: 2.3 - 1.7 * accuracy * progress,
    }
}

fn outcomes(group: &Group, key: &str, accuracy: f64) -> Vec<ExampleOutcome> {
    let mut hard = rng(group.dataset);
    let mut noise = rng(key);
    let mut scored: Vec<(f64, usize)> =
        (0..group.items).map(|item| (0.7 * hard.random::<f64>() + 0.3 * noise.random::<f64>(), item)).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let right = (accuracy * group.items as f64).round() as usize;
    let outcome = |(rank, &(_, item)): (usize, &(f64, usize))| {
        let gold = item % group.n_classes;
        let prediction = if rank < right { gold } else { (gold + 1) % group.n_classes };
        ExampleOutcome {
            id: format!("{item:05}"),
            reading: ItemReading::Scored { gold, prediction, log_probabilities: vec![], answers: None },
        }
    };
    scored.iter().enumerate().map(outcome).collect()
}

/// Adds a finished trial a seed of a method that forecasts, with errors around `mse`, most items being as hard for every method.
pub(crate) fn add_forecasts(results: &mut Results, group: &Group, name: &'static str, mses: &[f64]) {
    let canned = method(name, signature(Modality::TimeSeries, &[], Alignment::Linear), 49_248, &vec![0.5; mses.len()]);
    let first = results.records.len();
    add(results, group, &canned);
    for (record, &mse) in results.records[first..].iter_mut().zip(mses) {
        let outcomes = forecasts(group, &record.key, mse);
        let errors = ForecastErrors::of(&outcomes).unwrap();
        let Status::Ok { outcome } = &mut record.status else { panic!("it finished") };
        outcome.test = Metrics::forecast(group.items, errors);
        outcome.validation = Metrics::forecast(200, ForecastErrors { mse: mse - 0.01, ..errors });
        outcome.selection = "lowest validation mean squared error, then first".to_owned();
        for point in &mut outcome.curve {
            point.validation_accuracy = None;
        }
        record.n_classes = 0;
        results.outcomes.insert(record.key.clone(), outcomes);
    }
}

fn forecasts(group: &Group, key: &str, mse: f64) -> Vec<ExampleOutcome> {
    let (mut hard, mut noise) = (rng(group.dataset), rng(key));
    let outcome = |item: usize| {
        let apart = (mse * (0.5 + 0.8 * hard.random::<f64>() + 0.2 * noise.random::<f64>())).sqrt() as f32;
        let (gold, forecast) = (vec![1.0, -1.0], vec![1.0 + apart, -1.0 - apart]);
        let errors = ItemErrors::of(&gold, &forecast, 0.4);
        ExampleOutcome { id: format!("{item:05}"), reading: ItemReading::Forecast { gold, forecast, errors } }
    };
    (0..group.items).map(outcome).collect()
}

fn rng(name: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(Sha256::digest(name).into())
}

fn hex(name: &str) -> String {
    Sha256::digest(name).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

pub(crate) const DIGITS: Group = Group { backbone: "letters-vit", dataset: "digits", n_classes: 10, items: 1000 };
pub(crate) const HOURS: Group = Group { backbone: "smollm2", dataset: "hours", n_classes: 1, items: 300 };
pub(crate) const TWEETS: Group = Group { backbone: "smollm2", dataset: "tweets", n_classes: 2, items: 400 };

/// Two groups, every paradigm, a comparison of each verdict, an empty cell, a failed and a missing trial.
pub(crate) fn realistic() -> Results {
    use {Alignment::*, Format::*, Location::*, Operator::*};
    let mut results = Results {
        sweep: "first-look".to_owned(),
        about: "Does reprogramming beat a linear probe at equal budgets?\n\nTwo frozen backbones, one protocol.".to_owned(),
        ..Results::default()
    };
    let vision = |sites: &[_], alignment| signature(Modality::Vision, sites, alignment);
    let frame: &[_] = &[(Learnable, Input, Additive)];
    for method in [
        method("control", vision(frame, RuleBased), 1176, &[0.44, 0.43, 0.455]),
        method("RLM", vision(frame, RuleBased), 1176, &[0.25, 0.28, 0.22]),
        method("FLM", vision(frame, Statistical), 1176, &[0.51, 0.5, 0.525]),
        method("ILM", vision(frame, Statistical), 1176, &[0.59, 0.61, 0.575]),
        method("BLM", vision(frame, Statistical), 1176, &[0.74, 0.735, 0.75]),
        method("BLM+", vision(frame, Statistical), 1176, &[0.69, 0.71, 0.675]),
        method("linear", vision(frame, Linear), 5616, &[0.86, 0.855, 0.87]),
    ] {
        add(&mut results, &DIGITS, &method);
    }
    let text = |sites: &[_], alignment| signature(Modality::Text, sites, alignment);
    let demonstrations: &[_] = &[(Fixed, Input, Concatenative)];
    let soft = method("soft prompt", text(&[(Learnable, Embedding, Concatenative)], RuleBased), 4608, &[0.7, 0.72]);
    for method in [
        method("zero-shot", text(&[], RuleBased), 0, &[0.5, 0.5, 0.5]),
        method("ICL-4", text(demonstrations, RuleBased), 0, &[0.51, 0.53, 0.49]),
        method("ICL-4 calibrated", text(demonstrations, Statistical), 0, &[0.77, 0.76, 0.775]),
        method("linear probe", text(&[], Linear), 1154, &[0.75, 0.755, 0.7425]),
    ] {
        add(&mut results, &TWEETS, &method);
    }
    add(&mut results, &TWEETS, &soft);
    add_failed(&mut results, &TWEETS, &soft, 2, "loss is not a number\n  at step 214");
    let missing = MissingTrial {
        method: "soft prompt".to_owned(),
        backbone: "smollm2".to_owned(),
        dataset: "tweets".to_owned(),
        seed: 3,
        reason: "stopped".to_owned(),
    };
    results.missing.push(missing);
    results.empty_cells.push(EmptyCell {
        method: "ICL-4".to_owned(),
        backbone: "letters-vit".to_owned(),
        dataset: "digits".to_owned(),
        signature: None,
        reason: "the sites act on text, but letters-vit takes vision".to_owned(),
    });
    let pair = |a: &str, b: &str| Asked { a: a.to_owned(), b: b.to_owned(), scope: Scope::BothMethods };
    results.comparisons = vec![pair("control", "ILM"), pair("ILM", "RLM"), pair("zero-shot", "ICL-4"), pair("linear probe", "soft prompt")];
    results.methods =
        ["control", "RLM", "FLM", "ILM", "BLM", "BLM+", "linear", "zero-shot", "ICL-4", "ICL-4 calibrated", "soft prompt", "linear probe"]
            .map(str::to_owned)
            .to_vec();
    results
}
