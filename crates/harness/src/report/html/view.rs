//! What the page's template is given: words and drawings, nothing left to compute.

use std::collections::BTreeSet;

use serde::Serialize;

use super::facets::{FacetView, coordinates};
use super::items::ItemsView;
use super::ranks::RanksView;
use crate::measure::Measure;
use crate::record::{Provenance, Record, Status};
use crate::report::checks::checks;
use crate::report::cost_axis::COST_AXES;
use crate::report::curves::Curve;
use crate::report::grid::{Found, Grid, Line, Square, Standing, legend};
use crate::report::number::{NONE, loss, percent_interval, points, score, seconds};
use crate::report::plot::{PlotError, facets, svg};
use crate::report::ranking::pools;
use crate::report::results::{Cell, Results};
use crate::report::summary::{Group, Mark, Row, Summary};
use crate::report::table::{Align, COMPARISON_COLUMNS, COST_COLUMNS, Column, columns_by};
use crate::report::terms::{protocol, subtitle, title};

#[derive(Debug, Serialize)]
pub(super) struct Page {
    style: &'static str,
    script: &'static str,
    sweep: String,
    about: Vec<String>,
    /// Name and value.
    facts: Vec<(&'static str, String)>,
    grids: Vec<GridView>,
    /// Of the grids.
    signs: Vec<String>,
    facets: Vec<FacetView>,
    groups: Vec<GroupView>,
    comparisons: Option<TableView>,
    ranks: Option<RanksView>,
    footnotes: Vec<String>,
    protocol: Vec<String>,
}

#[derive(Debug, Serialize)]
struct GridView {
    title: String,
    /// ω.
    across: Vec<&'static str>,
    lines: Vec<(String, Vec<SquareView>)>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SquareView {
    /// A word for the style sheet.
    kind: &'static str,
    /// In percent, for a bar.
    share: Option<f64>,
    accuracy: String,
    gain: String,
    /// Numbered from one, within the grid.
    notes: Vec<usize>,
    papers: String,
    /// All of them.
    all_papers: String,
}

#[derive(Debug, Serialize)]
struct GroupView {
    title: String,
    subtitle: String,
    measure: MeasureView,
    table: TableView,
    /// Coordinates by method, as JSON.
    coordinates: String,
    checks: Vec<String>,
    plots: Vec<PlotView>,
    items: Option<ItemsView>,
    curves: Vec<CurveView>,
    costs: TableView,
    trials: Vec<TrialView>,
    configurations: Vec<(String, String)>,
}

/// By what a group is judged, in the words of its headings.
#[derive(Debug, Serialize)]
struct MeasureView {
    name: &'static str,
    /// Behind `test` and `validation`.
    unit: &'static str,
    validation_curve: &'static str,
    training_curve: &'static str,
}

/// The measure against a cost.
#[derive(Debug, Serialize)]
struct PlotView {
    title: &'static str,
    svg: String,
    /// The methods that no other one beats.
    front: String,
}

#[derive(Debug, Serialize)]
struct TableView {
    caption: String,
    /// Header, and whether its cells are numbers.
    columns: Vec<(&'static str, bool)>,
    rows: Vec<RowView>,
}

#[derive(Debug, Serialize)]
struct RowView {
    /// Whose row it is; nothing where it is of two.
    method: String,
    /// The best of its group, or not shown to differ from it.
    is_tied: bool,
    notes: Vec<usize>,
    /// Text, and what to sort by.
    cells: Vec<(String, Option<f64>)>,
}

#[derive(Debug, Serialize)]
struct CurveView {
    method: String,
    seeds: usize,
    svg: String,
}

#[derive(Debug, Serialize)]
struct TrialView {
    method: String,
    seed: u64,
    status: String,
    epoch: String,
    validation: String,
    test: String,
    loss: String,
    seconds: String,
    key: String,
    notes: Vec<String>,
}

impl Page {
    pub(super) fn of(results: &Results, summary: &Summary) -> Result<Self, PlotError> {
        let groups: Result<Vec<GroupView>, PlotError> = summary.groups.iter().map(|group| group_view(results, summary, group)).collect();
        let comparisons = (!summary.comparisons.is_empty()).then(|| {
            let rows = summary.comparisons.iter().map(|row| RowView {
                method: String::new(),
                is_tied: false,
                notes: vec![],
                cells: cells(COMPARISON_COLUMNS, row),
            });
            TableView {
                caption: "Comparisons that the sweep asks for".to_owned(),
                columns: headers(COMPARISON_COLUMNS),
                rows: rows.collect(),
            }
        });
        let paragraphs = results.about.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        let grids = Grid::all(results, summary);
        Ok(Self {
            style: include_str!("../../../assets/report/style.css"),
            script: include_str!("../../../assets/report/script.js"),
            facets: FacetView::all(summary),
            sweep: results.sweep.clone(),
            about: paragraphs.map(str::to_owned).collect(),
            facts: facts(results),
            signs: if grids.is_empty() { Vec::new() } else { legend(&grids) },
            grids: grids.iter().map(grid_view).collect(),
            groups: groups?,
            comparisons,
            ranks: RanksView::of(&pools(results))?,
            footnotes: summary.footnotes.clone(),
            protocol: protocol(results, summary),
        })
    }
}

fn group_view(results: &Results, summary: &Summary, group: &Group) -> Result<GroupView, PlotError> {
    let cells = results.cells((&group.backbone, &group.dataset));
    let curves: Vec<(&str, Curve)> = cells.iter().filter_map(|(method, cell)| Some((*method, Curve::of(cell)?))).collect();
    let most_loss = curves.iter().map(|(_, curve)| curve.greatest_loss()).fold(0.0, f64::max);
    let alone = Summary { groups: vec![group.clone()], comparisons: vec![], footnotes: vec![] };
    let mut plots = Vec::new();
    for axis in COST_AXES {
        let facets = facets(&alone, axis);
        if let Some(facet) = facets.first() {
            plots.push(PlotView { title: axis.title, svg: svg(&facets)?, front: facet.front().join(", ") });
        }
    }
    let finished = group.rows.iter().filter(|row| row.numbers.is_some());
    let unmarked: Vec<Row> = finished.map(|row| Row { mark: Mark::None, notes: vec![], ..row.clone() }).collect();
    Ok(GroupView {
        title: title(group),
        subtitle: subtitle(group),
        measure: MeasureView::of(group.measure()),
        table: table(columns_by(group.measure()), &group.rows, format!("Methods on {}", title(group))),
        coordinates: coordinates(group),
        checks: checks(results, summary, group),
        plots,
        items: ItemsView::of(results, group, &cells),
        curves: curves
            .iter()
            .map(|(method, curve)| CurveView { method: (*method).to_owned(), seeds: curve.seeds(), svg: curve.svg(most_loss) })
            .collect(),
        costs: table(COST_COLUMNS, &unmarked, format!("Costs of {}", title(group))),
        trials: cells.iter().flat_map(|(method, cell)| trials(method, cell)).collect(),
        configurations: cells.iter().filter_map(|(method, cell)| Some(((*method).to_owned(), configuration(cell)?))).collect(),
    })
}

impl MeasureView {
    const fn of(measure: Measure) -> Self {
        match measure {
            Measure::Accuracy => Self {
                name: "accuracy",
                unit: "%",
                validation_curve: "validation accuracy, % (left)",
                training_curve: "training loss, nats (right)",
            },
            Measure::Mse => Self {
                name: "mean squared error",
                unit: "MSE",
                validation_curve: "validation mean squared error (right)",
                training_curve: "training mean squared error (right)",
            },
        }
    }
}

fn grid_view(grid: &Grid) -> GridView {
    let line = |line: &Line| (line.name(), line.squares.iter().map(square_view).collect());
    GridView {
        title: grid.title.clone(),
        across: reprogram_taxonomy::Alignment::ALL.iter().map(|alignment| alignment.as_str()).collect(),
        lines: grid.lines.iter().map(line).collect(),
        notes: grid.notes.clone(),
    }
}

fn square_view(square: &Square) -> SquareView {
    let kind = match &square.standing {
        Standing::Alone => "alone",
        Standing::Contradictory => "contradictory",
        Standing::Unexplored => "unexplored",
        Standing::Published(_) => "published",
    };
    let all_papers = match &square.standing {
        Standing::Published(papers) => papers.join(", "),
        Standing::Alone | Standing::Contradictory | Standing::Unexplored => String::new(),
    };
    let (share, accuracy, gain, notes) = match &square.found {
        Found::Measured { accuracy, gain, n_methods, .. } => {
            let several = if *n_methods > 1 { format!(", best of {n_methods}") } else { String::new() };
            let gain = gain.map(points).unwrap_or_default();
            (Some(accuracy.mean * 100.0), percent_interval(accuracy), format!("{gain}{several}"), Vec::new())
        }
        Found::Impossible(note) if square.standing == Standing::Contradictory => (None, "✗".to_owned(), String::new(), vec![*note]),
        Found::Impossible(note) => (None, NONE.to_owned(), String::new(), vec![*note]),
        Found::Unfinished(notes) => (None, "unfinished".to_owned(), String::new(), notes.clone()),
        Found::Unasked => (None, String::new(), String::new(), Vec::new()),
    };
    SquareView { kind, share, accuracy, gain, notes, papers: square.papers(), all_papers }
}

fn table(columns: &[Column<Row>], rows: &[Row], caption: String) -> TableView {
    let row_view = |row: &Row| {
        let mut cells = cells(columns, row);
        if let Some((name, _)) = cells.first_mut() {
            name.clone_from(&row.method); // footnotes are links here, not part of the name
        }
        let is_tied = match row.mark {
            Mark::Best | Mark::Tied { .. } => true,
            Mark::None | Mark::Behind { .. } | Mark::Untested => false,
        };
        RowView { method: row.method.clone(), is_tied, notes: row.notes.clone(), cells }
    };
    TableView { caption, columns: headers(columns), rows: rows.iter().map(row_view).collect() }
}

fn headers<R>(columns: &[Column<R>]) -> Vec<(&'static str, bool)> {
    columns.iter().map(|column| (column.header, column.align == Align::Right)).collect()
}

fn cells<R>(columns: &[Column<R>], row: &R) -> Vec<(String, Option<f64>)> {
    columns.iter().map(|column| ((column.text)(row), (column.sort)(row).filter(|value| value.is_finite()))).collect()
}

fn trials(method: &str, cell: &Cell<'_>) -> Vec<TrialView> {
    let records = cell.records.values().map(|record| trial(method, record));
    let missing = cell.missing.iter().map(|trial| blank(method, trial.seed, format!("not run: {}", trial.reason)));
    records.chain(missing).collect()
}

fn trial(method: &str, record: &Record) -> TrialView {
    let key = record.key.clone();
    match &record.status {
        Status::Failed { reason } => TrialView { key, ..blank(method, record.seed, format!("failed: {reason}")) },
        Status::Ok { outcome } => TrialView {
            key,
            epoch: if outcome.epoch == 0 { NONE.to_owned() } else { outcome.epoch.to_string() },
            validation: score(outcome.validation.measure(), outcome.validation.value()),
            test: score(outcome.test.measure(), outcome.test.value()),
            loss: outcome.test.loss.map_or_else(|| NONE.to_owned(), loss),
            seconds: seconds(outcome.costs.seconds_training + outcome.costs.seconds_evaluation),
            notes: outcome.alignment_notes.clone(),
            ..blank(method, record.seed, "ok".to_owned())
        },
    }
}

fn blank(method: &str, seed: u64, status: String) -> TrialView {
    let none = || NONE.to_owned();
    TrialView {
        method: method.to_owned(),
        seed,
        status,
        epoch: none(),
        validation: none(),
        test: none(),
        loss: none(),
        seconds: none(),
        key: none(),
        notes: vec![],
    }
}

/// What went into the key of a cell's first trial.
fn configuration(cell: &Cell<'_>) -> Option<String> {
    let record = cell.records.values().next()?;
    Some(format!("{:#}", record.config))
}

fn facts(results: &Results) -> Vec<(&'static str, String)> {
    let all = |text: fn(&Provenance) -> String| {
        let distinct: BTreeSet<String> = results.records.iter().map(|record| text(&record.provenance)).collect();
        if distinct.is_empty() { NONE.to_owned() } else { distinct.into_iter().collect::<Vec<_>>().join(", ") }
    };
    let times: BTreeSet<&str> = results.records.iter().map(|record| record.provenance.finished_at.as_str()).collect();
    let when = match (times.first(), times.last()) {
        (Some(first), Some(last)) if first == last => (*first).to_owned(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (_, _) => NONE.to_owned(),
    };
    let failed = results.records.iter().filter(|record| matches!(record.status, Status::Failed { .. })).count();
    let commit = |provenance: &Provenance| {
        let short = provenance.commit.get(..12).unwrap_or(&provenance.commit);
        format!("{short}{}", if provenance.dirty { " with uncommitted changes" } else { "" })
    };
    vec![
        ("trials", format!("{} finished, {failed} failed, {} not run", results.records.len() - failed, results.missing.len())),
        ("finished", when),
        ("commit", all(commit)),
        ("version", all(|provenance| provenance.version.clone())),
        ("device", all(|provenance| provenance.device.clone())),
        ("platform", all(|provenance| format!("{}, {} threads", provenance.platform, provenance.threads))),
    ]
}
