//! `reprogram sweep FILE`: expand, check, run what is missing, report.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::{ComputeArgs, Opened};
use crate::config::Sweep;
use crate::interrupt;
use crate::jobs::{Fuse, Jobs};
use crate::listing::{ListFormat, terminal_width};
use crate::manifest::Manifest;
use crate::plan::{Plan, PlanError};
use crate::predicted::Predicted;
use crate::progress::Console;
use crate::report::{self, Results};
use crate::reuse::{Bounds, Reuse};
use crate::run::{Retry, RunError, Runner, Tally};
use crate::search::{SearchError, Searcher, Untried};
use crate::store::{ResultStore, StoreError};

/// Arguments of `reprogram sweep`.
#[derive(Debug, Clone, clap::Args)]
pub struct SweepArgs {
    /// The sweep file
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) options: SweepOptions,
}

/// Options of a sweep, wherever it comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct SweepOptions {
    /// Change a value of the file, as in `--set seeds=[1]` or `--set experiment.0.budget.epochs=5`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// Folder that the sweep's own folder of results goes into
    #[arg(long, default_value = "results")]
    pub(super) results: PathBuf,
    /// Run only trials that have no record yet (this is the default; records are never computed twice)
    #[arg(long, conflicts_with = "retry_failed")]
    only_missing: bool,
    /// Run failed trials again
    #[arg(long)]
    retry_failed: bool,
    /// Trials at a time on a processor, each with its share of the threads: a number, or `auto`, which measures what does more.
    /// On a GPU it is one, unless a number says else
    #[arg(long, value_name = "N", default_value = "auto")]
    pub(super) jobs: Jobs,
    /// Trials that go through the model together as one batch, where they differ in seed, start or recipe alone: a number, `off`,
    /// or `auto`, which measures whether that does more
    #[arg(long, value_name = "N", default_value = "auto")]
    pub(super) fuse: Fuse,
    /// Run trials whose keys come in on standard input
    #[arg(long, hide = true)]
    pub(super) worker: bool,
    #[command(flatten)]
    reuse: ReuseArgs,
    #[command(flatten)]
    pub(super) compute: ComputeArgs,
}

/// What is kept of what no learned number changes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReuseArgs {
    /// Compute in each trial again what it has in common with others
    #[arg(long)]
    no_reuse: bool,
    /// Memory for what trials have in common, in each process
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    reuse_memory: usize,
    /// Disk space for it, in the cache folder; 0 writes nothing
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    reuse_disk: u64,
}

impl ReuseArgs {
    pub(super) fn open(&self, opened: &Opened) -> Option<Reuse> {
        let bounds = Bounds { memory: self.reuse_memory << 20, disk: self.reuse_disk << 20 };
        (!self.no_reuse).then(|| Reuse::new(opened.store.settings().cache.join("reuse"), bounds))
    }
}

/// Runs a sweep file.
pub fn run(args: &SweepArgs, console: &Console) -> Result<String, Failure> {
    let text = read(&args.file)?;
    run_text(&args.file.display().to_string(), &text, &args.options, console)
}

/// Reads a sweep file.
pub(super) fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        Failure::BadInput(format!("{}: {error}\n  help: sweep files end in .toml; `benchmarks/` holds some", file.display()))
    })
}

/// Runs the text of a sweep file; `file` is its name in messages.
pub(super) fn run_text(file: &str, text: &str, options: &SweepOptions, console: &Console) -> Result<String, Failure> {
    let sweep = Sweep::parse(file, text, &options.overrides).map_err(Failure::bad_input)?;
    let opened = options.compute.open()?;
    let mut plan = expand(&sweep, &opened, console)?;
    let folder = options.results.join(&sweep.name);
    interrupt::listen();
    let reuse = options.reuse.open(&opened);
    let site = opened.site(reuse.as_ref());
    if !plan.searches.is_empty() {
        let store = ResultStore::open(&folder).map_err(Failure::system)?;
        let searcher = Searcher { sweep: &sweep, store: &store, site };
        let untried = if options.worker { Untried::Leave } else { Untried::Run };
        searcher.settle(&mut plan, untried, &opened.workshop(console)).map_err(|error| search_failure(error, &folder))?;
    }
    if plan.trials.is_empty() && plan.unavailable.is_empty() {
        let reasons: Vec<String> = plan
            .empty_cells
            .iter()
            .map(|cell| format!("  {} · {} · {}: {}", cell.method, cell.backbone, cell.dataset, cell.reason))
            .collect();
        return Err(Failure::BadInput(format!("{file}: no cell of this sweep can run\n{}", reasons.join("\n"))));
    }
    let store = ResultStore::open(&folder).map_err(Failure::system)?;
    let manifest = Manifest::new(&sweep, &plan);
    if !options.worker {
        manifest.write(&folder).map_err(Failure::system)?;
    }
    let retry = if options.retry_failed { Retry::Failed } else { Retry::Nothing };
    let jobs = match options.jobs {
        Jobs::Measured if !opened.is_cpu() => Jobs::Fixed(1),
        jobs => jobs,
    };
    let runner = Runner { plan: &plan, sweep: &sweep.name, store: &store, site, watcher: console };
    if options.worker {
        runner.serve();
        return Ok(String::new());
    }
    let tally = runner.run(retry, jobs, options.fuse).map_err(run_failure)?;
    if tally.interrupted {
        let done = tally.present + tally.ran;
        let total = plan.trials.len();
        return Err(Failure::Interrupted(format!(
            "stopped: {done} of {total} trials are recorded in {}; run the same command to go on",
            folder.display()
        )));
    }
    let results = manifest.results(&store).map_err(store_failure)?;
    let mut out = publish(&results, &store)?;
    let _ = writeln!(out, "\n{} trials ran, {} were there already. Results: {}", tally.ran, tally.present, folder.display());
    verdict(&tally, &plan, out)
}

/// Expands a sweep, with failures sorted into their exit codes.
pub(super) fn expand(sweep: &Sweep, opened: &Opened, console: &Console) -> Result<Plan, Failure> {
    Plan::new(sweep, &opened.workshop(console)).map_err(|error| match error {
        PlanError::Registry(_) | PlanError::Data { .. } | PlanError::Twice { .. } => Failure::bad_input(error),
        PlanError::Backbone(_) => Failure::AssetMissing(error.to_string()),
    })
}

pub(super) fn search_failure(error: SearchError, folder: &Path) -> Failure {
    match error {
        SearchError::Store(error) => store_failure(error),
        SearchError::Interrupted => Failure::Interrupted(format!(
            "stopped in a search: what was tried is in {}; run the same command to go on",
            folder.join("searched").display()
        )),
    }
}

/// Writes every table, plot and page, and returns what the terminal shows.
pub(super) fn publish(results: &Results, store: &ResultStore) -> Result<String, Failure> {
    let written =
        report::write(results, store.folder()).map_err(|error| Failure::System(format!("{}: {error}", store.folder().display())))?;
    crate::frame::write(results, store.folder()).map_err(Failure::system)?;
    let mut out = report::terminal(results, terminal_width());
    for path in written {
        let _ = writeln!(out, "{}", path.display());
    }
    out.push_str(&predicted(results, store.folder())?);
    Ok(out)
}

/// Writes what was predicted beside what it took, and returns what the terminal shows of it.
fn predicted(results: &report::Results, folder: &Path) -> Result<String, Failure> {
    let predicted = Predicted::read(folder).map_err(store_failure)?;
    let Some(listing) = report::against_real(results, &predicted) else { return Ok(String::new()) };
    let path = folder.join("predicted.md");
    fs::write(&path, listing.render(ListFormat::Md, None)).map_err(|error| Failure::System(format!("{}: {error}", path.display())))?;
    Ok(format!("{}\n\n{}", path.display(), listing.render(ListFormat::Terminal, terminal_width())))
}

fn run_failure(error: RunError) -> Failure {
    match error {
        RunError::Store(error) => store_failure(error),
        RunError::Worker(_) => Failure::system(error),
    }
}

/// A results folder that cannot be written is the system's fault, a damaged one the input's.
pub(super) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Io { .. } => Failure::system(error),
        StoreError::Damaged { .. } => Failure::bad_input(error),
    }
}

fn verdict(tally: &Tally, plan: &Plan, out: String) -> Result<String, Failure> {
    if let Some(cell) = plan.unavailable.first() {
        let n = plan.unavailable.len();
        return Err(Failure::AssetMissing(format!("{out}\n{n} cells have no results, because an asset is missing: {}", cell.reason)));
    }
    if tally.failed > 0 {
        return Err(Failure::TrialsFailed(format!("{out}\n{} trials failed; `--retry-failed` runs them again", tally.failed)));
    }
    if tally.differing > 0 {
        let n = tally.differing;
        return Err(Failure::TrialsFailed(format!(
            "{out}\n{n} trials gave other numbers than a record that was committed first; see `duplicates/`"
        )));
    }
    Ok(out)
}
