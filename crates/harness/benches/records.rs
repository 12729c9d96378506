//! What it costs to name a trial and to write it down.

use criterion::{Criterion, criterion_group, criterion_main};
use reprogram_harness::cell::{NUMERICS, TrialConfig};
use reprogram_harness::config::Budget;
use reprogram_harness::record::{Costs, ExampleOutcome, ItemReading, Metrics, Outcome, Provenance, Record, Status};
use reprogram_harness::store::{ResultStore, SCHEMA};
use reprogram_methods::{Method, NamedTensor, catalog};

const BUDGET: Budget = Budget { train_items: Some(500), ..Budget::of_all_items(5, 32) };

fn config(method: &Method) -> TrialConfig<'_> {
    TrialConfig {
        numerics: NUMERICS,
        method,
        image_size: Some(20),
        resample: None,
        backbone: "letters-vit",
        weights_sha256: "00",
        encoders: std::collections::BTreeMap::new(),
        dataset: "digits",
        data_sha256: "11",
        budget: &BUDGET,
        augment: None,
        precision: "f32",
        seed: 1,
    }
}

fn record(method: &Method) -> Record {
    let metrics = Metrics::right(360, 0.5, Some(1.25));
    let outcome = Outcome {
        validation: metrics,
        test: metrics,
        selection: String::new(),
        epoch: 1,
        curve: Vec::new(),
        costs: Costs::default(),
        program_sha256: String::new(),
        alignment_notes: Vec::new(),
        batch_invariance: None,
        borders: None,
        refit: None,
    };
    let [version, commit, device, platform, finished_at] = [const { String::new() }; 5];
    Record {
        schema: SCHEMA,
        key: String::new(),
        sweep: "bench".to_owned(),
        method: "vp-ilm".to_owned(),
        signature: method.signature(),
        paradigm: method.paradigm(),
        backbone: "letters-vit".to_owned(),
        dataset: "digits".to_owned(),
        n_classes: 10,
        seed: 1,
        config: config(method).canonical(),
        status: Status::Ok { outcome },
        searched: None,
        provenance: Provenance { version, commit, dirty: false, device, platform, threads: 1, finished_at },
    }
}

fn records(criterion: &mut Criterion) {
    let method = (catalog::find("vp-ilm").expect("it is catalogued").method)();
    criterion.bench_function("key of a trial", |bencher| bencher.iter(|| config(&method).key()));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = ResultStore::open(folder.path()).expect("it can be written to");
    let example = |i: usize| ExampleOutcome {
        id: format!("digits/{i}"),
        reading: ItemReading::Scored { gold: i % 10, prediction: 0, log_probabilities: vec![-2.3; 10], answers: None },
    };
    let examples: Vec<ExampleOutcome> = (0..360).map(example).collect();
    let program = [NamedTensor { name: "delta".to_owned(), shape: vec![1, 1, 28, 28], values: vec![0.0; 784] }];
    let mut record = record(&method);
    let mut n = 0;
    criterion.bench_function("commit of a trial with 360 test items", |bencher| {
        bencher.iter(|| {
            n += 1;
            record.key = format!("{n:064x}");
            store.commit(&record, &examples, &program).expect("it can be written to")
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = records
}
criterion_main!(benches);
