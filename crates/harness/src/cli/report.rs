//! `reprogram report DIR`: tables, plot and page of a results folder, from its records alone.

use std::path::PathBuf;

use super::failure::Failure;
use super::sweep::{publish, store_failure};
use crate::manifest::Manifest;
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
