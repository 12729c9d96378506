//! The survey's grid with accuracies in it: every (λ, ℓ, τ) down, every ω across, for each backbone and data set that a sweep
//! covers enough points of.
//!
//! A point is contradictory, or unexplored, or some papers of the survey's list are there; and it was measured, or cannot be
//! on this backbone, or was not asked for. Both are said of every point. Beside an accuracy stands its difference from the same ω
//! with nothing at the interfaces: what is the head's is not the manipulation's.

mod csv;
mod latex;
mod markdown;

use std::collections::BTreeSet;

use reprogram_taxonomy::{Alignment, Format, Location, Modality, Operator, Point, Reading, Signature, Site, Status, Verdict};

use super::footnotes::Footnotes;
use super::number::{percent_interval, points};
use super::results::Results;
use super::summary::{Group, Row, Summary};
use super::terms::title;
use crate::measure::Measure;
use crate::record::EmptyCell;
use crate::stats::MeanInterval;

pub use csv::csv;
pub use latex::latex;
pub use markdown::markdown;

/// A sweep without a group of this many measured points has no grid; beside one that has, other groups show the lines that the
/// sweep asks for.
const AT_LEAST: usize = 12;

/// One backbone on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// `backbone / data set`.
    pub title: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// Nothing at the interfaces first, then the grid's places in order.
    pub lines: Vec<Line>,
    /// Numbered from one.
    pub notes: Vec<String>,
    /// Methods that act at places of several kinds, and so at no single point.
    pub elsewhere: Vec<String>,
}

/// One place: a line across all ω.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Nothing for the head alone.
    pub place: Option<Place>,
    /// In the order of [`Alignment::ALL`].
    pub squares: Vec<Square>,
}

/// (λ, ℓ, τ).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// λ.
    pub format: Format,
    /// ℓ.
    pub location: Location,
    /// τ.
    pub operator: Operator,
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Square {
    /// ω.
    pub alignment: Alignment,
    /// What the survey's list says of it.
    pub standing: Standing,
    /// What the sweep says of it.
    pub found: Found,
}

/// What the survey's list says of a point, in the corrected reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has no place on the grid: nothing at the interfaces.
    Alone,
    /// Wrong everywhere.
    Contradictory,
    /// Legal, and no paper of the list is there.
    Unexplored,
    /// These papers are there.
    Published(Vec<&'static str>),
}

/// What a sweep says of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It was measured.
    Measured {
        /// Test accuracy, the interval over seeds.
        accuracy: MeanInterval,
        /// Less that of the same ω alone, if that was measured.
        gain: Option<f64>,
        /// The method, which is the best of them where there are several.
        method: String,
        /// How many stand here.
        n_methods: usize,
    },
    /// It cannot be, for the reason of this note.
    Impossible(usize),
    /// Its trials broke or are missing, for the reasons of these notes.
    Unfinished(Vec<usize>),
    /// The sweep does not ask.
    Unasked,
}

impl Grid {
    /// One for each group, where one of them has enough measured points.
    pub fn all(results: &Results, summary: &Summary) -> Vec<Self> {
        let grids: Vec<Self> = summary.groups.iter().map(|group| Self::of(results, summary, group)).collect();
        if grids.iter().all(|grid| grid.n_measured() < AT_LEAST) {
            return Vec::new();
        }
        grids.into_iter().filter(|grid| grid.n_measured() > 0).collect()
    }

    /// Points with an accuracy, those with nothing at the interfaces left out.
    pub fn n_measured(&self) -> usize {
        let squares = self.lines.iter().filter(|line| line.place.is_some()).flat_map(|line| &line.squares);
        squares.filter(|square| matches!(square.found, Found::Measured { .. })).count()
    }

    fn of(results: &Results, summary: &Summary, group: &Group) -> Self {
        let is_here = |cell: &&EmptyCell| (&cell.backbone, &cell.dataset) == (&group.backbone, &group.dataset);
        let empty: Vec<&EmptyCell> = results.empty_cells.iter().filter(is_here).collect();
        let signatures =
            || group.rows.iter().filter_map(|row| row.signature.as_ref()).chain(empty.iter().filter_map(|cell| cell.signature.as_ref()));
        // What items are: where there are two towers, a site in the other one says so.
        let modality = signatures().flat_map(|signature| &signature.sites).find(|site| site.tower().is_none()).map(Site::modality);
        let mut notes = Footnotes::default();
        let context = Context { summary, group, empty: &empty, modality };
        let alone = context.line(None, &[], &mut notes);
        let places =
            Point::all().map(|Point { format, location, operator, .. }| Place { format, location, operator }).collect::<BTreeSet<_>>();
        let line = |place: Place, notes: &mut Footnotes| context.line(Some(place), &alone.squares, notes);
        // What a sweep does not ask for is left out where it asks for little.
        let asked = |place: &Place| line(*place, &mut Footnotes::default()).squares.iter().filter(|square| square.is_asked()).count();
        let n_asked: usize = places.iter().map(&asked).sum();
        let places = places.into_iter().filter(|place| n_asked >= AT_LEAST || asked(place) > 0);
        let lines: Vec<Line> = places.map(|place| line(place, &mut notes)).collect();
        let apart = |row: &&Row| row.signature.as_ref().is_some_and(|signature| Acts::of(signature) == Acts::Apart);
        Self {
            title: title(group),
            backbone: group.backbone.clone(),
            dataset: group.dataset.clone(),
            elsewhere: group.rows.iter().filter(apart).map(|row| row.method.clone()).collect(),
            lines: std::iter::once(alone).chain(lines).collect(),
            notes: notes.into_texts(),
        }
    }
}

/// Where a method acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acts {
    Nowhere,
    At(Place),
    /// At places of several kinds.
    Apart,
}

impl Acts {
    fn of(signature: &Signature) -> Self {
        let place = |site: &Site| Place { format: site.format(), location: site.location(), operator: site.operator() };
        let places: BTreeSet<Place> = signature.sites.iter().map(place).collect();
        match places.first() {
            None => Self::Nowhere,
            Some(&place) if places.len() == 1 => Self::At(place),
            Some(_) => Self::Apart,
        }
    }
}

struct Context<'a> {
    summary: &'a Summary,
    group: &'a Group,
    empty: &'a [&'a EmptyCell],
    modality: Option<Modality>,
}

impl Context<'_> {
    fn line(&self, place: Option<Place>, alone: &[Square], notes: &mut Footnotes) -> Line {
        let square = |(i, &alignment): (usize, &Alignment)| {
            let mean = alone.get(i).and_then(Square::mean);
            Square { alignment, standing: standing(place, alignment), found: self.found(place, alignment, mean, notes) }
        };
        Line { place, squares: Alignment::ALL.iter().enumerate().map(square).collect() }
    }

    fn found(&self, place: Option<Place>, alignment: Alignment, alone: Option<f64>, notes: &mut Footnotes) -> Found {
        let wanted = place.map_or(Acts::Nowhere, Acts::At);
        let is_here = |signature: &Signature| signature.alignment == alignment && Acts::of(signature) == wanted;
        let rows: Vec<&Row> = self.group.rows.iter().filter(|row| row.signature.as_ref().is_some_and(&is_here)).collect();
        let measured =
            rows.iter().filter_map(|row| Some((row, &row.numbers.as_ref().filter(|numbers| numbers.measure == Measure::Accuracy)?.score)));
        // Of equal ones the first in the sweep's order.
        let best = measured.clone().reduce(|best, other| if other.1.mean > best.1.mean { other } else { best });
        if let Some((row, accuracy)) = best {
            let gain = alone.map(|alone| accuracy.mean - alone);
            return Found::Measured { accuracy: *accuracy, gain, method: row.method.clone(), n_methods: measured.count() };
        }
        if !rows.is_empty() {
            let own = rows.iter().flat_map(|row| &row.notes).map(|&note| notes.number(self.summary.footnotes[note - 1].clone()));
            return Found::Unfinished(own.collect());
        }
        let own = |cell: &&&EmptyCell| cell.signature.as_ref().is_some_and(is_here);
        if let Some(cell) = self.empty.iter().find(own) {
            return Found::Impossible(notes.number(cell.reason.clone()));
        }
        match self.unwritable(place, alignment) {
            Some(reason) => Found::Impossible(notes.number(reason)),
            None => Found::Unasked,
        }
    }

    /// Why no method of this modality can stand at a point, whatever the backbone.
    fn unwritable(&self, place: Option<Place>, alignment: Alignment) -> Option<String> {
        let Place { format, location, operator } = place?;
        match (Point { format, location, operator, alignment }).verdict() {
            // Its notes are lines, which say what is wrong and then what to do.
            Verdict::Contradictory { reason } => reason.to_string().lines().next().map(str::to_owned),
            Verdict::Legal { needs } => {
                let modality = self.modality?;
                let need = needs.iter().find(|need| !need.is_met_by(modality))?;
                Some(format!("{modality} does not meet `{need}`: {}", need.meaning()))
            }
        }
    }
}

fn standing(place: Option<Place>, alignment: Alignment) -> Standing {
    let Some(Place { format, location, operator }) = place else { return Standing::Alone };
    let point = Point { format, location, operator, alignment };
    match point.status(Reading::Corrected) {
        Status::Contradictory => Standing::Contradictory,
        Status::Unexplored => Standing::Unexplored,
        Status::Covered { .. } => Standing::Published(point.papers(Reading::Corrected).map(|paper| paper.id.as_str()).collect()),
    }
}

impl Line {
    /// `learnable · input · additive`.
    pub fn name(&self) -> String {
        match self.place {
            Some(Place { format, location, operator }) => format!("{format} · {location} · {operator}"),
            None => "nothing, ω alone".to_owned(),
        }
    }
}

impl Square {
    /// Whether a sweep has something to say of it that the axes alone do not.
    fn is_asked(&self) -> bool {
        match self.found {
            Found::Measured { .. } | Found::Unfinished(_) => true,
            Found::Impossible(_) | Found::Unasked => false,
        }
    }

    fn mean(&self) -> Option<f64> {
        match &self.found {
            Found::Measured { accuracy, .. } => Some(accuracy.mean),
            Found::Impossible(_) | Found::Unfinished(_) | Found::Unasked => None,
        }
    }

    /// `44.3 ± 1.2 (+3.1)`, or what stands in its place.
    pub(super) fn number(&self) -> String {
        match &self.found {
            Found::Measured { accuracy, gain, n_methods, .. } => {
                let gain = gain.map(|gain| format!(" ({})", points(gain))).unwrap_or_default();
                let several = if *n_methods > 1 { format!(", best of {n_methods}") } else { String::new() };
                format!("{}{gain}{several}", percent_interval(accuracy))
            }
            Found::Impossible(note) if self.standing == Standing::Contradictory => format!("✗ ({note})"),
            Found::Impossible(note) => format!("– ({note})"),
            Found::Unfinished(notes) => format!("unfinished{}", super::terms::marks(notes)),
            Found::Unasked if self.standing == Standing::Contradictory => "✗".to_owned(),
            Found::Unasked => String::new(),
        }
    }

    /// Who is there: `coop, plot and 3 more`, `unexplored`, or nothing.
    pub(super) fn papers(&self) -> String {
        match &self.standing {
            Standing::Alone | Standing::Contradictory => String::new(),
            Standing::Unexplored => "unexplored".to_owned(),
            Standing::Published(papers) => match papers.as_slice() {
                [first, second, _, ..] => format!("{first}, {second} and {} more", papers.len() - 2),
                few => few.join(", "),
            },
        }
    }
}

/// What the signs mean, one a line.
pub(super) fn legend(grids: &[Grid]) -> Vec<String> {
    let mut lines = vec![
        "accuracy in percent, mean over seeds ± half of the 95 % interval; in brackets its difference in points from the same ω with nothing at the interfaces".to_owned(),
        "names: papers of the survey's list at this point (corrected reading; a paper with several values on an axis counts at every combination); unexplored: legal, and no paper of the list is there, which is not to say that none was ever written".to_owned(),
        "✗ contradictory; – impossible on this backbone or with these labels: the note says why; empty: not asked for".to_owned(),
    ];
    let elsewhere: BTreeSet<&str> = grids.iter().flat_map(|grid| &grid.elsewhere).map(String::as_str).collect();
    if !elsewhere.is_empty() {
        let names = elsewhere.into_iter().collect::<Vec<_>>().join(", ");
        lines.push(format!("at places of several kinds, so at no single point: {names}"));
    }
    lines
}

#[cfg(test)]
mod tests;
