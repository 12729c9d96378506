//! `reprogram rescore DIR`: any metric of a results folder, from its stored outcomes, without a model.

use std::fs;
use std::path::PathBuf;

use super::failure::Failure;
use super::report::read;
use crate::listing::{ListFormat, terminal_width};
use crate::metric::Metric;
use crate::rescore::{cells, measurable, trials};

/// Arguments of `reprogram rescore`.
#[derive(Debug, Clone, clap::Args)]
pub struct RescoreArgs {
    /// A sweep's folder of results
    folder: PathBuf,
    /// What to score by, several in a row; without it all that the folder has numbers for
    #[arg(long = "metric", value_name = "NAME", value_enum, num_args = 1..)]
    metrics: Vec<Metric>,
    /// A row a trial, instead of a row a cell with means over seeds
    #[arg(long)]
    trials: bool,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
    /// Write it into this file, instead of printing it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Scores what is stored.
pub fn run(args: &RescoreArgs) -> Result<String, Failure> {
    let results = read(&args.folder)?;
    let metrics = if args.metrics.is_empty() { measurable(&results) } else { args.metrics.clone() };
    let listing = if args.trials { trials(&results, &metrics) } else { cells(&results, &metrics) };
    let Some(path) = &args.output else { return Ok(listing.render(args.format, terminal_width())) };
    fs::write(path, listing.render(args.format, None)).map_err(|error| Failure::System(format!("{}: {error}", path.display())))?;
    Ok(format!("{} rows: {}\n", listing.rows.len(), path.display()))
}
