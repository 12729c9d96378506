//! `reprogram data`: the data sets: what there is, what an item looks like, whether files are what the tables say.

mod list;
mod show;
mod verify;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::failure::Failure;
use crate::assets::{AssetStore, Network, Progress, grouped};
use crate::listing::{ListFormat, terminal_width};
use crate::registry::{DataSetEntry, Holdout, PartName, Registry};
use crate::suggest::instead_of;

/// Arguments of `reprogram data`.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    #[command(subcommand)]
    show: Show,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Show {
    /// All data sets, a line each
    #[command(name = "list")]
    All(ListArgs),
    /// One data set: terms, sources, division, classes, items; pictures of items as a PNG
    #[command(name = "show")]
    One(ShowArgs),
    /// Hash files, read every item, count; say what occurs more than once. Exit code 1 where a data set is not what its table says
    Verify(VerifyArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct ShowArgs {
    /// A data set
    name: String,
    /// Write pictures of items, by class, to this PNG file; recordings and series are drawn as lines
    #[arg(long)]
    out: Option<PathBuf>,
    /// Items shown of each class [default: 2 as text, 8 as pictures, 3 where there are more than 20 classes]
    #[arg(long)]
    each: Option<usize>,
    /// Show items of this part; the first one otherwise
    #[arg(long, value_parser = part)]
    part: Option<PartName>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct VerifyArgs {
    /// Data sets
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// Every data set whose files can be had; the others are listed as missing
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct PlaceArgs {
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
    /// Ask nothing outside of this machine: only the cache, the mirror folder and the hub's own cache
    #[arg(long)]
    offline: bool,
}

/// Looks at data sets.
pub fn run(args: &DataArgs, progress: &dyn Progress) -> Result<String, Failure> {
    let registry = Registry::from_env().map_err(Failure::bad_input)?;
    let network = if args.place().offline { Network::Forbidden } else { Network::Allowed };
    let store = AssetStore::from_env(network).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    answer(args, &registry, &store, progress)
}

fn answer(args: &DataArgs, registry: &Registry, store: &AssetStore, progress: &dyn Progress) -> Result<String, Failure> {
    let listing = match &args.show {
        Show::All(_) => list::list(registry, store),
        Show::One(args) => show::show(args, find(registry, &args.name)?, store, progress)?,
        Show::Verify(args) => return verify::run(args, registry, store, progress),
    };
    Ok(listing.render(args.place().format, terminal_width()))
}

impl DataArgs {
    const fn place(&self) -> &PlaceArgs {
        match &self.show {
            Show::All(args) => &args.place,
            Show::One(args) => &args.place,
            Show::Verify(args) => &args.place,
        }
    }
}

fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a DataSetEntry, Failure> {
    registry.dataset(name).map_err(|_| {
        let help = instead_of(name, registry.datasets().keys().map(String::as_str), "reprogram data list");
        Failure::BadInput(format!("there is no data set `{name}`\n  help: {help}"))
    })
}

fn part(text: &str) -> Result<PartName, String> {
    let all = [PartName::All, PartName::Train, PartName::Validation, PartName::Test];
    all.into_iter().find(|part| part.as_str() == text).ok_or_else(|| "one of all, train, validation, test".to_owned())
}

/// Items of each part as it is in the files, and the shares that are held out of them: `train 6,920 (validation 10 %), test 1,821`.
fn sizes(entry: &DataSetEntry) -> Vec<String> {
    let held_out: Vec<String> = [("test", entry.split().test), ("validation", entry.split().validation)]
        .into_iter()
        .filter_map(|(split, holdout)| match holdout {
            Holdout::Official => None,
            Holdout::ByContent { percent } | Holdout::ByGroup { percent, .. } => Some(format!("{split} {percent} %")),
            Holdout::Fold { fold, of } => Some(format!("{split} fold {fold} of {of}")),
        })
        .collect();
    let size = |part: &crate::registry::Part| {
        let n = part.total.map_or_else(|| "unknown".to_owned(), |n| grouped(n as u64));
        match (part.name, held_out.as_slice()) {
            (PartName::All | PartName::Train, [_, ..]) => format!("{} {n} ({})", part.name.as_str(), held_out.join(", ")),
            (PartName::All | PartName::Train | PartName::Validation | PartName::Test, _) => format!("{} {n}", part.name.as_str()),
        }
    };
    entry.parts().iter().map(size).collect()
}

/// What is asked of an item: one of so many classes, or open answers.
fn task(entry: &DataSetEntry) -> String {
    match entry.classes().len() {
        0 => "open answers".to_owned(),
        n => format!("{n} classes"),
    }
}
