//! Every text output of canned results, as snapshots, and the edges.

use reprogram_taxonomy::{Alignment, Modality};

use super::*;
use crate::report::canned::{DIGITS, HOURS, TWEETS, add, add_failed, add_forecasts, method, realistic, signature};
use crate::report::comparison::{Asked, Scope};
use crate::report::{Results, Summary};

fn single_seed() -> Results {
    let mut results = Results { sweep: "single".to_owned(), ..Results::default() };
    let baseline = |name, accuracy| method(name, signature(Modality::Text, &[], Alignment::RuleBased), 0, &[accuracy]);
    add(&mut results, &TWEETS, &baseline("never", 0.0));
    add(&mut results, &TWEETS, &baseline("always", 1.0));
    results
}

/// Classes and forecasts in one sweep.
fn forecasts_too() -> Results {
    let mut results = Results {
        comparisons: vec![Asked { a: "last-value".to_owned(), b: "linear".to_owned(), scope: Scope::BothMethods }],
        ..single_seed()
    };
    add_forecasts(&mut results, &HOURS, "last-value", &[1.2, 1.2]);
    add_forecasts(&mut results, &HOURS, "linear", &[0.5, 0.52]);
    results
}

#[test]
fn forecasts_have_columns_of_their_own() {
    let results = forecasts_too();
    let text = terminal(&results, Some(100));
    assert!(text.contains("accuracy %") && text.contains("MASE"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let text = both(&results, markdown);
    assert!(text.contains("| method | MSE | vs best | MAE | MASE | validation MSE |"), "{text}");
    assert!(text.contains("forecasts, 300 test items") && text.contains("lowest mean squared error"), "{text}");
    let comparison = text.lines().find(|line| line.contains("linear vs last-value")).unwrap();
    assert!(comparison.contains("| −0.") && comparison.contains(" MSE |") && comparison.contains("| better |"), "{comparison}");
    let text = both(&results, latex);
    assert!(text.contains("accuracy \\%") && text.contains("& MSE &"), "{text}");
    assert!(both(&results, comparisons_csv).lines().nth(1).unwrap().contains(",300,mse,-0."));
    let row = both(&results, csv).lines().find(|line| line.contains(",hours,") && line.contains(",linear,")).unwrap().to_owned();
    assert!(row.contains(",300,,,,,0."), "no accuracy, no loss, but errors: {row}");
}

fn all_failed() -> Results {
    let mut results = Results { sweep: "broken".to_owned(), ..Results::default() };
    let broken = method("broken", signature(Modality::Vision, &[], Alignment::Linear), 520, &[]);
    for seed in 0..3 {
        add_failed(&mut results, &DIGITS, &broken, seed, "device out of memory: 3 of 2 GiB");
    }
    results
}

fn awkward_names() -> Results {
    let mut results = Results { sweep: "odd_names & more".to_owned(), about: "100 % <b>odd</b> | names".to_owned(), ..Results::default() };
    let name = "a method, \"quoted\" | piped & 50% of_a $very$ {long} <name> that goes on and on and on until it wraps ~^\\";
    add(&mut results, &TWEETS, &method(name, signature(Modality::Text, &[], Alignment::RuleBased), 0, &[0.5, 0.6]));
    add(&mut results, &TWEETS, &method("b", signature(Modality::Text, &[], Alignment::RuleBased), 0, &[0.9, 0.9]));
    results
}

fn both<T>(results: &Results, render: impl Fn(&Results, &Summary) -> T) -> T {
    render(results, &Summary::of(results))
}

#[test]
fn terminal_shows_everything_without_a_width() {
    insta::assert_snapshot!(terminal(&realistic(), None));
}

#[test]
fn terminal_fits_eighty_columns() {
    let text = terminal(&realistic(), Some(80));
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn terminal_wraps_what_cannot_be_dropped() {
    let text = terminal(&awkward_names(), Some(60));
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn terminal_at_the_edges() {
    insta::assert_snapshot!(
        [Results::default(), single_seed(), all_failed()].map(|results| terminal(&results, Some(100))).join("\n=====\n\n")
    );
}

#[test]
fn markdown_of_realistic_results() {
    insta::assert_snapshot!(both(&realistic(), markdown));
}

#[test]
fn markdown_escapes() {
    insta::assert_snapshot!(both(&awkward_names(), markdown));
}

#[test]
fn csv_of_realistic_results() {
    insta::assert_snapshot!(both(&realistic(), csv));
}

#[test]
fn csv_of_failures_and_odd_names() {
    insta::assert_snapshot!([both(&all_failed(), csv), both(&awkward_names(), csv)].concat());
}

#[test]
fn comparisons_csv_of_realistic_results() {
    insta::assert_snapshot!(both(&realistic(), comparisons_csv));
}

#[test]
fn latex_of_realistic_results() {
    insta::assert_snapshot!(both(&realistic(), latex));
}

#[test]
fn latex_escapes() {
    insta::assert_snapshot!(both(&awkward_names(), latex));
}

#[test]
fn rendering_again_gives_the_same_bytes() {
    let (one, other) = (realistic(), realistic());
    assert_eq!(terminal(&one, None), terminal(&other, None));
    assert_eq!(both(&one, csv), both(&other, csv));
}

#[test]
fn the_order_of_records_does_not_matter() {
    let (one, mut other) = (realistic(), realistic());
    other.records.reverse();
    assert_eq!(both(&one, markdown), both(&other, markdown));
}
