//! `reprogram report DIR`: tables, plot and page of a results folder, from its records alone.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::sweep::{publish, store_failure};
use crate::manifest::Manifest;
use crate::report::Results;
use crate::store::ResultStore;

/// Arguments of `reprogram report`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// A sweep's folder of results
    folder: PathBuf,
}

/// Reports without the models.
pub fn run(args: &ReportArgs) -> Result<String, Failure> {
    let store = ResultStore::existing(&args.folder).map_err(store_failure)?;
    let manifest = Manifest::read(&args.folder).map_err(store_failure)?;
    publish(manifest, &store)
}

/// What a results folder holds.
pub(super) fn read(folder: &Path) -> Result<Results, Failure> {
    let store = ResultStore::existing(folder).map_err(store_failure)?;
    Manifest::read(folder).and_then(|manifest| manifest.results(&store)).map_err(store_failure)
}
