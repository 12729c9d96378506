//! `reprogram methods`: the catalogue: what there is, what each entry is made of, and whom to cite.

use reprogram_methods::catalog::{self, CATALOG, Entry as Catalogued, Size};
use reprogram_methods::{Formula, Method, Sizes};
use reprogram_taxonomy::{Paradigm, Point, Reading};

use super::ComputeArgs;
use super::explain::{load_data, load_encoders};
use super::failure::Failure;
use crate::backbones;
use crate::config::Budget;
use crate::listing::{Entry, ListFormat, Listing, terminal_width};
use crate::plan::Cell;
use crate::progress::Console;
use crate::suggest::instead_of;
use crate::trial::TrialError;

/// Arguments of `reprogram methods`.
#[derive(Debug, Clone, clap::Args)]
pub struct MethodsArgs {
    #[command(subcommand)]
    show: Show,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Show {
    /// All entries, a line each
    #[command(name = "list")]
    All(ListArgs),
    /// One entry: parts, recipe, reference, deviations; with a backbone and a data set its size there
    #[command(name = "show")]
    One(ShowArgs),
    /// BibTeX of the papers that entries refer to
    Cite(CiteArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct ListArgs {
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

#[derive(Debug, Clone, clap::Args)]
struct ShowArgs {
    /// An entry of the catalogue
    name: String,
    /// Count its parameters on this checkpoint
    #[arg(long, requires = "data")]
    on: Option<String>,
    /// For the classes of this data set
    #[arg(long, requires = "on")]
    data: Option<String>,
    /// Pixels of an image's edge on the backbone's canvas
    #[arg(long)]
    image_size: Option<usize>,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
    #[command(flatten)]
    compute: ComputeArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct CiteArgs {
    /// Entries of the catalogue
    #[arg(required = true)]
    names: Vec<String>,
}

/// Answers from the catalogue; only `show --on` loads a model.
pub fn run(args: &MethodsArgs, console: &Console) -> Result<String, Failure> {
    match &args.show {
        Show::All(args) => Ok(list().render(args.format, terminal_width())),
        Show::One(args) => show(args, console).map(|listing| listing.render(args.format, terminal_width())),
        Show::Cite(args) => cite(&args.names),
    }
}

fn list() -> Listing {
    let mut listing = Listing::new(format!("{} methods", CATALOG.len()), &["coordinates", "paradigm", "what it is"]);
    for entry in CATALOG {
        let method = (entry.method)();
        let (coordinates, paradigm) = (method.signature().to_string(), method.paradigm().to_string());
        listing.push(vec![entry.name.into(), coordinates.into(), paradigm.into(), entry.title.into()]);
    }
    for paradigm in Paradigm::ALL {
        let n = CATALOG.iter().filter(|entry| (entry.method)().paradigm() == *paradigm).count();
        listing.note(format!("{paradigm}: {n}"));
    }
    listing
        .note("`reprogram methods show NAME` tells more of one; a sweep takes any of them by `use = \"NAME\"`, and any other composition.");
    listing
}

fn show(args: &ShowArgs, console: &Console) -> Result<Listing, Failure> {
    let entry = find(&args.name)?;
    let method = (entry.method)();
    let mut listing = described(entry, &method);
    if let (Some(backbone), Some(dataset)) = (&args.on, &args.data) {
        let heading = format!("{backbone}, {dataset}");
        listing.push(vec![heading.into(), on(args, &method, backbone, dataset, console)?.into()]);
    }
    Ok(listing)
}

fn described(entry: &Catalogued, method: &Method) -> Listing {
    let mut listing = Listing::new(entry.name, &["explanation"]);
    let mut say = |heading: &str, explanation: String| listing.push(vec![heading.into(), Entry::Text(explanation)]);
    let signature = method.signature();
    say("what it is", entry.title.to_owned());
    say("coordinates", signature.to_string());
    say("paradigm", method.paradigm().to_string());
    say("reference", entry.reference.to_owned());
    say("deviations", entry.deviations.to_owned());
    for (heading, formula) in sizes(entry) {
        say(heading, formula.0.to_owned());
    }
    let named: Vec<&str> = sizes(entry).flat_map(|(_, formula)| formula.names()).collect();
    let legend = Sizes::NAMES.iter().filter(|(name, _)| named.contains(name)).map(|(name, meaning)| format!("{name}: {meaning}"));
    let legend = legend.collect::<Vec<_>>().join("; ");
    if !legend.is_empty() {
        say("where", legend);
    }
    say("checked", checked(entry));
    for part in &method.manipulations {
        say("manipulation", written(part));
    }
    say("alignment", written(&method.alignment));
    if signature.is_trainable() {
        say("recipe", written(&method.recipe));
    }
    for site in &signature.sites {
        let point = Point { format: site.format(), location: site.location(), operator: site.operator(), alignment: signature.alignment };
        let papers: Vec<&str> = point.papers(Reading::Corrected).map(|paper| paper.id.as_str()).collect();
        say("papers at this point", if papers.is_empty() { "none of the survey's list".to_owned() } else { papers.join(", ") });
    }
    listing
}

/// Formulae for its parameters, those that say something of their own.
fn sizes(entry: &Catalogued) -> impl Iterator<Item = (&'static str, Formula)> {
    let Size { trained, held, fitted } = entry.size;
    let said =
        [("trained", trained, true), ("held by the optimizer", held, held != trained), ("fitted", fitted, fitted != Size::NONE.fitted)];
    said.into_iter().filter(|(_, _, says_something)| *says_something).map(|(heading, formula, _)| (heading, formula))
}

/// Where it was checked; every entry goes through the tests of the catalogue.
fn checked(entry: &Catalogued) -> String {
    let tests = "tests of the catalogue: formulae, gradients, weights that stay, a run".to_owned();
    entry.checked.iter().map(ToString::to_string).chain([tests]).collect::<Vec<_>>().join("; ")
}

/// As a sweep file writes it.
fn written(value: &impl serde::Serialize) -> String {
    toml::Value::try_from(value).map_or_else(|error| format!("(cannot be written: {error})"), |value| value.to_string())
}

/// Its size on a backbone for a data set, or why it does not fit.
fn on(args: &ShowArgs, method: &Method, backbone: &str, dataset: &str, console: &Console) -> Result<String, Failure> {
    let opened = args.compute.open()?;
    let workshop = opened.workshop(console);
    let loaded = backbones::load(backbone, &workshop)?;
    let data = load_data(dataset, &workshop)?;
    let encoders = load_encoders(method, &workshop)?;
    let budget = Budget::of_all_items(1, 1);
    let cell = Cell { name: &args.name, method, backbone, dataset, budget: &budget, image_size: args.image_size, augment: None };
    match cell.check(&loaded, &encoders, &data, 1, &opened.device) {
        Ok((_, built)) => Ok(format!(
            "{} numbers trained, {} held by the optimizer, {} fitted; {} passes through the model an item",
            built.n_trainable,
            built.n_held,
            built.n_stored - built.n_held,
            built.n_passes
        )),
        Err(TrialError::Misfit(misfit)) => Ok(format!("does not fit: {misfit}")),
        Err(error @ (TrialError::Data(_) | TrialError::Interrupted | TrialError::NotFinite { .. } | TrialError::Generate(_))) => {
            Err(Failure::bad_input(error))
        }
    }
}

fn cite(names: &[String]) -> Result<String, Failure> {
    let mut records: Vec<&str> = Vec::new();
    for name in names {
        for record in find(name)?.citations() {
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    Ok(records.join("\n\n") + "\n")
}

fn find(name: &str) -> Result<&'static Catalogued, Failure> {
    catalog::find(name).ok_or_else(|| {
        let help = instead_of(name, CATALOG.iter().map(|entry| entry.name), "reprogram methods list");
        Failure::BadInput(format!("there is no method `{name}`\n  help: {help}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sweep;
    use reprogram_methods::catalog::Checked;

    #[test]
    fn an_entry_is_described_as_a_sweep_writes_it() {
        let entry = find("vpt-deep").unwrap();
        insta::assert_snapshot!(described(entry, &(entry.method)()).render(ListFormat::Terminal, Some(100)));
    }

    #[test]
    fn what_is_shown_of_every_entry_can_be_written() {
        for entry in CATALOG {
            let text = described(entry, &(entry.method)()).render(ListFormat::Csv, None);
            assert!(!text.contains("cannot be written"), "{text}");
        }
    }

    #[test]
    fn sweeps_that_are_said_to_run_an_entry_do() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benchmarks");
        for (entry, checked) in CATALOG.iter().flat_map(|entry| entry.checked.iter().map(move |checked| (entry, checked))) {
            if let Checked::Sweep(name) = checked {
                let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
                let sweep = Sweep::parse(name, &text, &[]).unwrap();
                let runs = sweep.experiments.iter().any(|experiment| experiment.methods.iter().any(|method| method == entry.name));
                assert!(runs, "{name} does not run {}", entry.name);
            }
        }
    }

    #[test]
    fn a_paper_of_several_entries_is_cited_once() {
        let names = ["vp-flm", "vp-ilm", "blackvip"].map(str::to_owned);
        let text = cite(&names).unwrap();
        assert_eq!(text.matches("eprint").count(), 2, "{text}");
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let error = find("vtp-deep").unwrap_err();
        insta::assert_snapshot!(error.to_string(), @"
        there is no method `vtp-deep`
          help: did you mean `vpt-deep`? `reprogram methods list` lists all
        ");
    }
}
