//! All trials of a sweep as one data frame, for whoever goes on with another tool: `trials.csv` and `trials.parquet`.

use std::fs::File;
use std::path::Path;

use polars::prelude::{
    Column, CsvWriter, DataFrame, IntoLazy as _, NamedFrom as _, ParquetCompression, ParquetWriter, PolarsResult, SerWriter as _, Series,
    col, len,
};

use crate::costs::Parts;
use crate::record::{Outcome, Record, Status};
use crate::report::Results;

/// Writes both files.
pub fn write(results: &Results, folder: &Path) -> PolarsResult<()> {
    let mut frame = trials(&results.records)?;
    CsvWriter::new(File::create(folder.join("trials.csv"))?).finish(&mut frame)?;
    ParquetWriter::new(File::create(folder.join("trials.parquet"))?)
        .with_compression(ParquetCompression::Uncompressed)
        .finish(&mut frame)?;
    Ok(())
}

/// One row a trial, in the order of the records.
pub fn trials(records: &[Record]) -> PolarsResult<DataFrame> {
    let outcome = |record: &Record| match &record.status {
        Status::Ok { outcome } => Some(outcome.clone()),
        Status::Failed { .. } => None,
    };
    let outcomes: Vec<Option<Outcome>> = records.iter().map(outcome).collect();
    let text = |name: &str, value: fn(&Record) -> String| Column::new(name.into(), records.iter().map(value).collect::<Vec<_>>());
    let number = |name: &str, value: fn(&Outcome) -> f64| {
        let values: Vec<Option<f64>> = outcomes.iter().map(|outcome| outcome.as_ref().map(value)).collect();
        Column::from(Series::new(name.into(), values))
    };
    let maybe = |name: &str, value: fn(&Outcome) -> Option<f64>| {
        let values: Vec<Option<f64>> = outcomes.iter().map(|outcome| outcome.as_ref().and_then(value)).collect();
        Column::from(Series::new(name.into(), values))
    };
    let count = |name: &str, value: fn(&Outcome) -> usize| {
        let values: Vec<Option<i64>> = outcomes.iter().map(|outcome| outcome.as_ref().map(|outcome| value(outcome) as i64)).collect();
        Column::from(Series::new(name.into(), values))
    };
    // Records from before it was counted have none.
    let counted = |name: &str, value: fn(&Parts) -> u64| {
        let parts = |outcome: &Option<Outcome>| outcome.as_ref().and_then(|outcome| outcome.costs.parts);
        let values: Vec<Option<i64>> = outcomes.iter().map(|outcome| parts(outcome).map(|parts| value(&parts) as i64)).collect();
        Column::from(Series::new(name.into(), values))
    };
    let columns = vec![
        text("method", |record| record.method.clone()),
        text("paradigm", |record| record.paradigm.to_string()),
        text("signature", |record| record.signature.to_string()),
        text("backbone", |record| record.backbone.clone()),
        text("dataset", |record| record.dataset.clone()),
        Column::new("seed".into(), records.iter().map(|record| record.seed as i64).collect::<Vec<_>>()),
        maybe("test_accuracy", |outcome| outcome.test.accuracy),
        maybe("test_loss", |outcome| outcome.test.loss),
        maybe("test_mse", |outcome| outcome.test.errors.map(|errors| errors.mse)),
        maybe("test_mae", |outcome| outcome.test.errors.map(|errors| errors.mae)),
        maybe("test_mase", |outcome| outcome.test.errors.map(|errors| errors.mase)),
        count("test_items", |outcome| outcome.test.n),
        maybe("validation_accuracy", |outcome| outcome.validation.accuracy),
        maybe("validation_mse", |outcome| outcome.validation.errors.map(|errors| errors.mse)),
        count("epoch", |outcome| outcome.epoch),
        count("trainable_parameters", |outcome| outcome.costs.trainable_parameters),
        count("stored_parameters", |outcome| outcome.costs.stored_parameters),
        count("steps", |outcome| outcome.costs.steps),
        count("forward_items_training", |outcome| outcome.costs.forward_items_training),
        count("reused_items", |outcome| outcome.costs.reused_items),
        count("fused_with", |outcome| outcome.costs.fused_with),
        count("generated_tokens", |outcome| outcome.costs.generated_tokens),
        counted("tokens_training", |parts| parts.training().tokens),
        counted("tokens_evaluation", |parts| parts.evaluation().tokens),
        counted("flops_training", |parts| parts.training().flops()),
        counted("flops_evaluation", |parts| parts.evaluation().flops()),
        counted("peak_bytes_training", |parts| parts.training().peak_bytes),
        counted("peak_bytes_evaluation", |parts| parts.evaluation().peak_bytes),
        count("queries", |outcome| outcome.costs.queries),
        count("backward_items", |outcome| outcome.costs.backward_items),
        number("seconds_training", |outcome| outcome.costs.seconds_training),
        number("seconds_evaluation", |outcome| outcome.costs.seconds_evaluation),
        text("key", |record| record.key.clone()),
    ];
    DataFrame::new(records.len(), columns)
}

/// Mean test accuracy, or mean squared error, by method, backbone and data set.
pub fn means(trials: DataFrame) -> PolarsResult<DataFrame> {
    trials
        .lazy()
        .group_by_stable([col("method"), col("backbone"), col("dataset")])
        .agg([col("test_accuracy").mean(), col("test_mse").mean(), len().alias("seeds")])
        .collect()
}
