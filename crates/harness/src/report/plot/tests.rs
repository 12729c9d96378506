//! Canned plots: a snapshot of the drawing's text, the edges, and the size and sameness of the bitmap.

use reprogram_taxonomy::{Alignment, Modality};

use super::*;
use crate::report::Results;
use crate::report::canned::{DIGITS, HOURS, TWEETS, add, add_forecasts, method, realistic, signature};
use crate::report::cost_axis::COST_AXES;

fn of(results: &Results) -> Vec<Facet> {
    facets(&Summary::of(results), &COST_AXES[0])
}

fn baselines(trainable: usize, accuracies: &[f64]) -> Results {
    let mut results = Results::default();
    for (name, &accuracy) in ["one", "two", "three", "a name that is far too long to stand beside a point"].into_iter().zip(accuracies) {
        add(&mut results, &TWEETS, &method(name, signature(Modality::Text, &[], Alignment::Linear), trainable, &[accuracy]));
    }
    results
}

/// The words of an SVG, in order.
fn words(svg: &str) -> String {
    let texts = svg.split("<text").skip(1).filter_map(|rest| rest.split_once('>')?.1.split_once("</text>"));
    texts.map(|(text, _)| text.trim()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_drawing_says_what_it_shows() {
    let svg = svg(&of(&realistic())).unwrap();
    insta::assert_snapshot!(words(&svg));
    assert!(svg.contains("font-family=\"sans-serif\""));
}

#[test]
fn the_drawing_is_the_same_every_time() {
    let (one, other) = (of(&realistic()), of(&realistic()));
    assert_eq!(svg(&one).unwrap(), svg(&other).unwrap());
    assert_eq!(png(&one).unwrap(), png(&other).unwrap());
}

#[test]
fn a_bitmap_is_at_least_1200_pixels_wide() {
    for results in [Results::default(), baselines(0, &[0.5]), realistic()] {
        let bytes = png(&of(&results)).unwrap();
        assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
        let width = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        assert!(width >= 1200, "{width}");
    }
}

#[test]
fn methods_that_train_nothing_need_no_logarithm() {
    let svg = svg(&of(&baselines(0, &[0.0, 1.0, 0.5, 0.5]))).unwrap();
    insta::assert_snapshot!(words(&svg));
}

#[test]
fn one_number_of_parameters_is_an_axis() {
    let svg = svg(&of(&baselines(7, &[0.51, 0.52]))).unwrap();
    insta::assert_snapshot!(words(&svg));
}

#[test]
fn every_cost_has_a_drawing_and_a_front() {
    let summary = Summary::of(&realistic());
    let drawn = COST_AXES.iter().map(|axis| words(&svg(&facets(&summary, axis)).unwrap())).collect::<Vec<_>>();
    insta::assert_snapshot!(drawn.join("\n=====\n"));
    assert_eq!(facets(&summary, &COST_AXES[0])[0].front(), ["BLM", "linear"]);
}

#[test]
fn errors_have_an_axis_from_zero() {
    let mut results = baselines(7, &[0.51, 0.52]);
    add_forecasts(&mut results, &HOURS, "last value", &[1.2, 1.3]);
    add_forecasts(&mut results, &HOURS, "linear", &[0.5]);
    let svg = svg(&of(&results)).unwrap();
    let words = words(&svg);
    assert!(words.contains("test MSE, less is better\n0\n") && words.contains("test accuracy, %"), "{words}");
    assert!(svg.contains("Test accuracy, or mean squared error of forecasts, against"));
}

#[test]
fn nothing_to_plot_is_said() {
    let mut failed = Results::default();
    let broken = method("broken", signature(Modality::Vision, &[], Alignment::Linear), 520, &[]);
    crate::report::canned::add_failed(&mut failed, &DIGITS, &broken, 0, "no");
    for results in [Results::default(), failed] {
        assert_eq!(words(&svg(&of(&results)).unwrap()), "no finished trial to plot");
    }
}

#[test]
fn every_character_that_a_report_writes_has_a_glyph() {
    use ab_glyph::{Font, FontRef};
    let font = FontRef::try_from_slice(include_bytes!("../../../assets/fonts/DejaVuSans-subset.ttf")).unwrap();
    for character in "λτωℓΔ−±≈·×→≥≤≠–…“”%é".chars() {
        assert_ne!(font.glyph_id(character).0, 0, "{character}");
    }
}

#[test]
fn the_diagram_of_ranks_says_what_it_shows() {
    use crate::report::ranking::{pools, tests::ordered};
    let drawn = [ordered(5), ordered(8), realistic(), Results::default()].map(|results| ranks_svg(&pools(&results)).unwrap());
    insta::assert_snapshot!(drawn.map(|svg| words(&svg)).join("\n=====\n"));
}

#[test]
fn the_diagram_of_ranks_is_the_same_every_time() {
    use crate::report::ranking::{pools, tests::ordered};
    let bytes = ranks_png(&pools(&ordered(8))).unwrap();
    assert_eq!(bytes, ranks_png(&pools(&ordered(8))).unwrap());
    assert!(u32::from_be_bytes(bytes[16..20].try_into().unwrap()) >= 1200);
}
