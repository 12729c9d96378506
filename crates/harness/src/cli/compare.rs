//! `reprogram compare A B`: is a results folder worse than another, cell by cell, on the same items?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::report::read;
use crate::compare::{Compared, ItemMetric, Question, listing};
use crate::listing::{ListFormat, terminal_width};

/// Arguments of `reprogram compare`.
#[derive(Debug, Clone, clap::Args)]
pub struct CompareArgs {
    /// Results to compare with
    a: PathBuf,
    /// Results in question
    b: PathBuf,
    /// What an item is worth: its own is what trials are judged by, accuracy or the squared error of forecasts
    #[arg(long, value_enum, default_value = "own")]
    metric: ItemMetric,
    /// Bear a loss of this much, as a share (.02 is two points of accuracy) or in the unit of the metric
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    margin: f64,
    /// Items that come in clusters: lines of ITEM,CLUSTER, which are then drawn and tested together
    #[arg(long, value_name = "FILE")]
    clusters: Option<PathBuf>,
    /// Do not mind trials of A that B has not
    #[arg(long)]
    common: bool,
    /// B is a rerun of A: other answers or log-probabilities under the same keys are a failure too, better or worse
    #[arg(long)]
    rerun: bool,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// Compares; a loss is exit code 1.
pub fn run(args: &CompareArgs) -> Result<String, Failure> {
    if !(args.margin >= 0.0 && args.margin.is_finite()) {
        return Err(Failure::BadInput(format!("a margin of {} bears nothing\n  help: it is a share, zero or more", args.margin)));
    }
    let clusters = args.clusters.as_deref().map(read_clusters).transpose()?.unwrap_or_default();
    let question = Question { metric: args.metric, margin: args.margin, clusters };
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let compared = Compared::of(&a, &b, &question);
    if compared.cells.is_empty() && compared.broken.is_empty() {
        return Err(Failure::BadInput(format!(
            "{} and {} have no finished trial in common\n  help: `reprogram report DIR` shows what a folder holds",
            args.a.display(),
            args.b.display()
        )));
    }
    let text =
        listing(&args.a.display().to_string(), &args.b.display().to_string(), &compared, &question).render(args.format, terminal_width());
    match reason(&compared, args) {
        None => Ok(text),
        Some(reason) => Err(Failure::Differs { text, reason }),
    }
}

/// What is wrong with B, if anything is.
fn reason(compared: &Compared, args: &CompareArgs) -> Option<String> {
    let worse: Vec<String> = compared.losses().map(|cell| format!("{} · {} · {}", cell.method, cell.backbone, cell.dataset)).collect();
    let unpaired = compared.unpaired().count();
    let mut reasons = Vec::new();
    if !worse.is_empty() {
        reasons.push(format!("{} of {} cells are worse: {}", worse.len(), compared.cells.len(), worse.join("; ")));
    }
    if let (true, Some(pooled)) = (compared.is_worse_together(), &compared.pooled) {
        reasons.push(format!("all {} cells together are worse, by {:.4} on average", compared.cells.len(), -pooled.gain));
    }
    let changed: usize = compared.cells.iter().map(|cell| cell.drift.changed).sum();
    if args.rerun && changed > 0 {
        let trials: usize = compared.cells.iter().map(|cell| cell.drift.trials).sum();
        reasons.push(format!("{changed} of {trials} trials have other numbers under the same key"));
    }
    if !compared.broken.is_empty() {
        reasons.push(format!("{} trials that were finished in A broke in B", compared.broken.len()));
    }
    if unpaired > 0 {
        reasons.push(format!("{unpaired} cells could not be compared item by item"));
    }
    if !compared.only_a.is_empty() && !args.common {
        let n = compared.only_a.len();
        reasons.push(format!("{n} trials of A are not in B\n  help: `--common` compares what both have"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn read_clusters(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::BadInput(format!("{}: {error}", path.display())))?;
    let mut clusters = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong =
            |what: &str| Failure::BadInput(format!("{}, line {}: {what}\n  help: each line is ITEM,CLUSTER", path.display(), number + 1));
        let (item, cluster) = line.split_once(',').ok_or_else(|| wrong("there is no comma"))?;
        if clusters.insert(item.trim().to_owned(), cluster.trim().to_owned()).is_some() {
            return Err(wrong("the item has a cluster already"));
        }
    }
    Ok(clusters)
}
