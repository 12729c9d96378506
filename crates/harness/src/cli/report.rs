//! `reprogram report DIR`: tables, plot and page of a results folder, from its records alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::sweep::{publish, store_failure};
use crate::assets::{AssetStore, Network};
use crate::data::{DataError, DataSet};
use crate::manifest::Manifest;
use crate::progress::Console;
use crate::registry::Registry;
use crate::report::{Results, Shown, tensorboard};
use crate::store::ResultStore;

/// Arguments of `reprogram report`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// A sweep's folder of results
    folder: PathBuf,
    /// Show the test items themselves where two methods disagree: names of classes, texts, small images. The data sets have to be on
    /// this machine, and what of them is published is up to you
    #[arg(long)]
    items: bool,
    /// Write learning curves as event files for `TensorBoard` too, into the folder's `tensorboard`
    #[arg(long)]
    tensorboard: bool,
}

/// Reports without the models.
pub fn run(args: &ReportArgs, console: &Console) -> Result<String, Failure> {
    let store = ResultStore::existing(&args.folder).map_err(store_failure)?;
    let mut results = read(&args.folder)?;
    if args.items {
        show_items(&mut results, console)?;
    }
    let mut out = publish(&results, &store)?;
    if args.tensorboard {
        let (n, folder) = tensorboard(&results, &args.folder).map_err(Failure::system)?;
        let _ = writeln!(out, "{}: learning curves of {n} trials", folder.display());
    }
    Ok(out)
}

/// What a results folder holds.
pub(super) fn read(folder: &Path) -> Result<Results, Failure> {
    let store = ResultStore::existing(folder).map_err(store_failure)?;
    Manifest::read(folder).and_then(|manifest| manifest.results(&store)).map_err(store_failure)
}

/// Looks tested items up in their data sets, from this machine's files alone.
fn show_items(results: &mut Results, console: &Console) -> Result<(), Failure> {
    let registry = Registry::from_env().map_err(Failure::bad_input)?;
    let files = AssetStore::from_env(Network::Forbidden).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let names: BTreeSet<String> = results.records.iter().map(|record| record.dataset.clone()).collect();
    for name in names {
        let dataset = DataSet::load(&name, &registry, &files, console).map_err(|error| match error {
            DataError::Asset(_) => Failure::AssetMissing(format!("{error}\n  help: `reprogram fetch {name}` brings it here")),
            other => Failure::bad_input(other),
        })?;
        let records = results.records.iter().filter(|record| record.dataset == name);
        let outcomes = records.filter_map(|record| results.outcomes.get(&record.key)).flatten();
        let ids: BTreeSet<&str> = outcomes.map(|outcome| outcome.id.as_str()).collect();
        let shown = Shown::of(&dataset, ids);
        results.shown.insert(name, shown);
    }
    Ok(())
}
