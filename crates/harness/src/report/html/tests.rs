//! The page of canned results: its words, and that it stands alone.

use reprogram_taxonomy::{Alignment, Modality};

use super::*;
use crate::report::canned::{DIGITS, HOURS, TWEETS, add, add_failed, add_forecasts, method, realistic, signature};

fn of(results: &Results) -> String {
    page(results, &Summary::of(results)).unwrap()
}

/// The body without drawings, style and script.
fn words(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    let mut text = String::new();
    for (index, part) in body.split("<svg").enumerate() {
        text.push_str(if index == 0 { part } else { part.split_once("</svg>").unwrap().1 });
    }
    let mut rest = text.as_str();
    let mut without_data = String::new();
    while let Some((before, after)) = rest.split_once("<script type=\"application/json\">") {
        without_data.push_str(before);
        rest = after.split_once("</script>").unwrap().1;
    }
    without_data + rest
}

#[test]
fn the_page_of_realistic_results() {
    insta::assert_snapshot!(words(&of(&realistic())));
}

/// Plots, curves and trials of forecasts were headed as if they had an accuracy.
#[test]
fn forecasts_are_headed_by_their_own_measure() {
    let mut results = Results { sweep: "ahead".to_owned(), ..Results::default() };
    add_forecasts(&mut results, &HOURS, "linear", &[0.5, 0.52]);
    add_forecasts(&mut results, &HOURS, "last value", &[1.2, 1.3]);
    let words = words(&of(&results));
    for said in [
        "data-measure=\"Mean squared error\"",
        "aria-label=\"Mean squared error against trainable parameters",
        "Pareto front of mean squared error and trainable parameters",
        "validation mean squared error (right)",
        "<th scope=\"col\" class=\"number\">test MSE</th>",
    ] {
        assert!(words.contains(said), "{said} is not in {words}");
    }
    assert!(!words.to_lowercase().contains("accuracy"), "{words}");
}

#[test]
fn the_page_asks_nothing_of_anyone() {
    let html = of(&realistic()).replace("http://www.w3.org/2000/svg", "");
    for foreign in ["http:", "https:", "src=", "@import", "url(", "fetch("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[test]
fn the_page_is_the_same_every_time() {
    assert_eq!(of(&realistic()), of(&realistic()));
}

#[test]
fn what_a_record_says_is_text_not_markup() {
    let mut results = Results { sweep: "<script>".to_owned(), about: "<b>".to_owned(), ..Results::default() };
    add(&mut results, &TWEETS, &method("</svg><i>", signature(Modality::Text, &[], Alignment::Linear), 9, &[0.5]));
    let html = of(&results);
    assert!(!html.contains("<i>") && !html.contains("<b>") && html.matches("<script>").count() == 1);
}

#[test]
fn the_page_at_the_edges() {
    let mut failed = Results { sweep: "broken".to_owned(), ..Results::default() };
    let broken = method("broken", signature(Modality::Vision, &[], Alignment::Linear), 520, &[]);
    add_failed(&mut failed, &DIGITS, &broken, 4, "out of memory");
    insta::assert_snapshot!([Results::default(), failed].map(|results| words(&of(&results))).join("\n=====\n"));
}

#[test]
fn ranks_over_data_sets_have_a_section() {
    let html = of(&crate::report::ranking::tests::ordered(5));
    assert_eq!(html.matches("<h2>Ranks over data sets</h2>").count(), 1);
    assert!(html.contains("5 settings are too few to tell any pair apart") && html.contains("Iman–Davenport F(2, 8) = ∞"));
    assert!(!of(&realistic()).contains("Ranks over data sets"), "one data set a pool ranks nothing");
}
