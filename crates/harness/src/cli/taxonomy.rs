//! `reprogram taxonomy`: the axes, the grid that they span, and the papers on it.

mod axes;
mod explain;
mod grid;
mod papers;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use reprogram_taxonomy::{Alignment, Coverage, Format, Location, Modality, Operator, Paradigm, Reading};

use crate::cli::failure::Failure;
use crate::listing::{ListFormat, Listing, terminal_width};

/// Arguments of `reprogram taxonomy`.
#[derive(Debug, clap::Args)]
pub struct TaxonomyArgs {
    #[command(subcommand)]
    show: Show,
    /// How the table is written
    #[arg(long, value_enum, global = true, default_value = "terminal")]
    format: ListFormat,
}

#[derive(Debug, clap::Subcommand)]
enum Show {
    /// The four axes and their values
    Axes,
    /// The 72 points: which are contradictory, which are covered by a paper, which are unexplored
    Grid(GridArgs),
    /// The survey's list of papers, as published and corrected
    Papers(PapersArgs),
    /// One point or one paper, with needs, papers and disputes
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
struct GridArgs {
    /// Whose coordinates to count
    #[arg(long, value_enum, default_value = "both")]
    reading: Readings,
    /// One row a point, with its needs, instead of the matrix
    #[arg(long)]
    long: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Readings {
    /// The list's own coordinates
    Published,
    /// What code and definitions support
    Corrected,
    /// Side by side
    Both,
}

impl Readings {
    const fn each(self) -> &'static [Reading] {
        match self {
            Self::Published => &[Reading::Published],
            Self::Corrected => &[Reading::Corrected],
            Self::Both => Reading::ALL,
        }
    }
}

#[derive(Debug, clap::Args)]
struct PapersArgs {
    /// Whose coordinates to show and to filter by
    #[arg(long, value_parser = one_of(Reading::ALL, Reading::as_str), default_value = "corrected")]
    reading: Reading,
    /// Only papers of this paradigm
    #[arg(long, value_parser = one_of(papers::PARADIGMS, Paradigm::as_str))]
    paradigm: Option<Paradigm>,
    /// Only papers with this λ (`--format` is the output's)
    #[arg(long, value_name = "FORMAT", value_parser = one_of(Format::ALL, Format::as_str))]
    lambda: Option<Format>,
    /// Only papers with this ℓ
    #[arg(long, value_parser = one_of(Location::ALL, Location::as_str))]
    location: Option<Location>,
    /// Only papers with this τ
    #[arg(long, value_parser = one_of(Operator::ALL, Operator::as_str))]
    operator: Option<Operator>,
    /// Only papers with this ω
    #[arg(long, value_parser = one_of(Alignment::ALL, Alignment::as_str))]
    alignment: Option<Alignment>,
    /// Only papers on this kind of data
    #[arg(long, value_parser = one_of(Modality::ALL, Modality::as_str))]
    modality: Option<Modality>,
    /// Only papers whose listed coordinates are doubtful, with the reasons
    #[arg(long)]
    disputed: bool,
    /// Every column, also on a terminal
    #[arg(long)]
    long: bool,
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// A point like `learnable/input/additive/statistical` (or its four words), or a paper: its name, arXiv number or title
    #[arg(required = true)]
    name: Vec<String>,
}

/// The text that goes to standard output.
pub fn run(args: &TaxonomyArgs) -> Result<String, Failure> {
    Ok(listing(args)?.render(args.format, terminal_width()))
}

fn listing(args: &TaxonomyArgs) -> Result<Listing, Failure> {
    let is_terminal = args.format == ListFormat::Terminal;
    Ok(match &args.show {
        Show::Axes => axes::listing(),
        Show::Grid(grid) if is_terminal && !grid.long => grid::matrix(grid.reading.each()),
        Show::Grid(grid) => grid::by_point(grid.reading.each()),
        Show::Papers(papers) if is_terminal && !papers.long => papers::summary(papers),
        Show::Papers(papers) => papers::full(papers),
        Show::Explain(explain) => explain::listing(&explain.name.join(" "))?,
    })
}

/// A parser of words that shows in `--help` which words there are.
fn one_of<T: Copy + Send + Sync + 'static>(values: &'static [T], spelling: fn(T) -> &'static str) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(move |&value| spelling(value)))
        .map(move |word| *values.iter().find(|&&value| spelling(value) == word).expect("the parser knows these words only"))
}

/// One sentence on how much of the grid a reading covers.
fn coverage_sentence(reading: Reading) -> String {
    let coverage = Coverage::of(reading);
    let papers = match reading {
        Reading::Published => format!("As published ({} papers)", coverage.n_papers),
        Reading::Corrected => format!("Corrected ({} papers with a frozen backbone)", coverage.n_papers),
    };
    format!(
        "{papers}: {} of {} points covered, {} unexplored, {} contradictory.",
        coverage.n_covered,
        coverage.n_points(),
        coverage.n_unexplored,
        coverage.n_contradictory
    )
}

/// `1 paper`, `2 papers`.
fn count_papers(n: usize) -> String {
    if n == 1 { "1 paper".to_owned() } else { format!("{n} papers") }
}

#[cfg(test)]
mod tests;
