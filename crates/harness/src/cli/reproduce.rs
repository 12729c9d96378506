//! `reprogram reproduce [TABLE]`: what papers report, beside what was measured here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use reprogram_taxonomy::Reading;

use super::failure::Failure;
use super::report::read;
use crate::listing::{ListFormat, Listing, terminal_width};
use crate::reproduce::{Claims, Measured, gaps, orders, reported, survey, unrun};

/// Arguments of `reprogram reproduce`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReproduceArgs {
    /// Which table; without it all of them but the survey's
    #[arg(value_enum)]
    table: Option<ReproducedTable>,
    /// Folder that the sweeps' folders of results are in
    #[arg(long, default_value = "results/reference")]
    results: PathBuf,
    /// Whose coordinates the survey's table shows
    #[arg(long, default_value = "published", value_parser = PossibleValuesParser::new(["published", "corrected"]).map(|text| reading(&text)))]
    reading: Reading,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReproducedTable {
    /// The survey's papers on the four axes
    Survey,
    /// Reported and measured numbers side by side
    Reported,
    /// Gaps between methods, reported and measured
    Gaps,
    /// Orders of methods, reported and measured
    Orders,
    /// What cannot be run here, and what would run it
    Unrun,
}

fn reading(text: &str) -> Reading {
    if text == "corrected" { Reading::Corrected } else { Reading::Published }
}

/// Reads records; runs nothing.
pub fn run(args: &ReproduceArgs) -> Result<String, Failure> {
    use ReproducedTable::{Gaps, Orders, Reported, Survey, Unrun};
    let claims = Claims::built_in();
    let measured = measured(&claims, args);
    let listing = |table: ReproducedTable| -> Listing {
        match table {
            Survey => survey(args.reading),
            Reported => reported(&claims, &measured),
            Gaps => gaps(&claims, &measured),
            Orders => orders(&claims, &measured),
            Unrun => unrun(&claims),
        }
    };
    match (args.table, args.format) {
        (Some(table), format) => Ok(listing(table).render(format, terminal_width())),
        (None, ListFormat::Terminal | ListFormat::Md | ListFormat::Latex) => {
            let tables = [Reported, Gaps, Orders, Unrun].map(|table| listing(table).render(args.format, terminal_width()));
            Ok(tables.join("\n"))
        }
        (None, ListFormat::Csv | ListFormat::Json) => {
            Err(Failure::BadInput("several tables are no data\n  help: name one: survey, reported, gaps, orders or unrun".to_owned()))
        }
    }
}

/// Results of every sweep that a claim names.
fn measured(claims: &Claims, args: &ReproduceArgs) -> Measured {
    let results = |sweep: &String| {
        let folder = args.results.join(sweep);
        let found = read(&folder).map_err(|failure| failure.to_string().lines().next().unwrap_or_default().to_owned());
        (sweep.clone(), found)
    };
    claims.claims.iter().map(|claim| results(&claim.sweep)).collect::<BTreeMap<_, _>>()
}
