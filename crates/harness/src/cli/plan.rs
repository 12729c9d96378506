//! `reprogram plan FILE`: what a sweep would run, and what that would take.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::ComputeArgs;
use super::ahead::Ahead;
use super::failure::Failure;
use super::sweep::{ReuseArgs, expand, read, search_failure, store_failure};
use crate::config::Sweep;
use crate::listing::{Entry, ListFormat, Listing, terminal_width};
use crate::plan::PlannedTrial;
use crate::progress::Console;
use crate::record::Status;
use crate::run::companies;
use crate::search::{Searcher, Untried};
use crate::store::ResultStore;
use reprogram_taxonomy::Cut;

/// Arguments of `reprogram plan`.
#[derive(Debug, Clone, clap::Args)]
pub struct PlanArgs {
    /// The sweep file
    file: PathBuf,
    /// Change a value of the file, as in `--set seeds=[1]`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Folder that the sweep's own folder of results is in
    #[arg(long, default_value = "results")]
    results: PathBuf,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
    /// Same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Trials at a time that seconds are said for
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Measure nothing: say tokens and operations, but neither seconds nor memory
    #[arg(long)]
    no_calibrate: bool,
    #[command(flatten)]
    reuse: ReuseArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Expands and checks; runs nothing.
pub fn run(args: &PlanArgs, console: &Console) -> Result<String, Failure> {
    let sweep = Sweep::parse(&args.file.display().to_string(), &read(&args.file)?, &args.overrides).map_err(Failure::bad_input)?;
    let opened = args.compute.open()?;
    let mut plan = expand(&sweep, &opened, console)?;
    let store = ResultStore::existing(&args.results.join(&sweep.name)).ok();
    if let Some(store) = &store {
        let site = opened.site(None);
        let searcher = Searcher { sweep: &sweep, store, site };
        let settled = searcher.settle(&mut plan, Untried::Leave, &opened.workshop(console));
        settled.map_err(|error| search_failure(error, store.folder()))?;
    }
    let reuse = args.reuse.open(&opened);
    let ahead = Ahead::look(&plan, opened.site(reuse.as_ref()), args.jobs, !args.no_calibrate);
    let mut listing = Listing::new(
        format!("Plan of {}", sweep.name),
        &["backbone", "data set", "seed", "coordinates", "computed once", "tokens", "TFLOP", "MiB", "seconds", "state", "key"],
    );
    let mut to_run = BTreeSet::new();
    for trial in &plan.trials {
        let record = store.as_ref().map(|store| store.record(&trial.key)).transpose().map_err(store_failure)?.flatten();
        let state = match record.map(|record| record.status) {
            Some(Status::Ok { .. }) => "there",
            Some(Status::Failed { .. }) => "failed",
            None => {
                to_run.insert(trial.key.as_str());
                "to run"
            }
        };
        listing.push(
            [
                trial.method_name.as_str().into(),
                trial.backbone.as_str().into(),
                trial.dataset.as_str().into(),
                (trial.seed as usize).into(),
                trial.method.signature().to_string().into(),
                once(trial).into(),
            ]
            .into_iter()
            .chain(ahead.entries(&trial.key))
            .chain([state.into(), trial.key[..12].into()])
            .collect(),
        );
    }
    for search in &plan.searches {
        let row = [search.method_name.as_str(), search.backbone.as_str(), search.dataset.as_str()];
        let n_untried = search.n_untried(store.as_ref()).map_err(store_failure)?;
        let state = format!("search of {} points, {n_untried} to be tried; then {} trials", search.points.len(), sweep.seeds.len());
        listing.push(without_numbers(row, state));
    }
    for cell in &plan.empty_cells {
        let row = [cell.method.as_str(), cell.backbone.as_str(), cell.dataset.as_str()];
        listing.push(without_numbers(row, format!("empty: {}", cell.reason)));
    }
    for cell in &plan.unavailable {
        let row = [cell.method.as_str(), cell.backbone.as_str(), cell.dataset.as_str()];
        listing.push(without_numbers(row, "asset missing".to_owned()));
        listing.note(format!("{}: {}", cell.method, cell.reason));
    }
    listing.note(format!("{} of {} trials are to be run; {} cells stay empty", to_run.len(), plan.trials.len(), plan.empty_cells.len()));
    listing.note(ahead.total(&to_run));
    if !plan.searches.is_empty() {
        listing.note("what a search takes is not foretold");
    }
    let companies = companies(plan.trials.iter());
    let largest = companies.values().copied().max().unwrap_or(0);
    if largest > 1 {
        let n: usize = companies.values().filter(|&&n| n > 1).sum();
        listing.note(format!(
            "{n} trials could go through their models together, up to {largest} at a time: `sweep --fuse auto` does so where that is measured to do more"
        ));
    }
    Ok(listing.render(if args.json { ListFormat::Json } else { args.format }, terminal_width()))
}

/// A row that says why there is nothing to run.
fn without_numbers(row: [&str; 3], state: String) -> Vec<Entry> {
    let nothing = std::iter::repeat_n(Entry::None, 7);
    row.into_iter().map(Entry::from).chain(nothing).chain([state.into(), Entry::None]).collect()
}

/// What of f is computed once an item, for all epochs, trials and runs.
fn once(trial: &PlannedTrial) -> String {
    let of = match trial.cut {
        Cut::Input | Cut::Embedding => return "nothing".to_owned(),
        Cut::Hidden(layer) => format!("{layer} blocks"),
        Cut::Output => "all of f".to_owned(),
    };
    // What is changed in every epoch has no constant half.
    let changes = trial.augment.is_some() && trial.method.signature().is_trainable();
    if changes { format!("{of}, training items apart") } else { of }
}
