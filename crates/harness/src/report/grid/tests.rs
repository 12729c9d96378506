//! A grid of made-up numbers, in every format.

use reprogram_taxonomy::{Alignment, Modality, Point, Signature, Site, SiteSpec};

use super::*;
use crate::report::canned::{DIGITS, add, add_failed, method, realistic};

/// Every point of images but some: misfits, one that broke, one not asked for, one with two methods.
fn results() -> Results {
    let mut results = Results { sweep: "grid".to_owned(), ..Results::default() };
    let alone = |alignment| Signature { sites: vec![], alignment };
    for (&alignment, accuracy) in Alignment::ALL.iter().zip([0.3, 0.25, 0.5, 0.7]) {
        let name: &'static str = Box::leak(format!("none/{alignment}").into_boxed_str());
        if alignment != Alignment::Identity {
            add(&mut results, &DIGITS, &method(name, alone(alignment), 0, &[accuracy, accuracy + 0.02]));
        }
    }
    for (i, point) in Point::all().enumerate() {
        let Point { format, location, operator, alignment } = point;
        let layers = (location == Location::Hidden).then_some(reprogram_taxonomy::Layers::All);
        let Ok(site) = Site::new(SiteSpec { modality: Modality::Vision, format, operator, location, layers, tower: None }) else {
            continue;
        };
        let signature = Signature { sites: vec![site], alignment };
        let name: &'static str = Box::leak(point.to_string().into_boxed_str());
        let here = method(name, signature.clone(), 9, &[0.3 + 0.005 * i as f64, 0.31 + 0.005 * i as f64]);
        match (alignment, location, operator) {
            (Alignment::Identity, ..) => results.empty_cells.push(EmptyCell {
                method: name.to_owned(),
                backbone: DIGITS.backbone.to_owned(),
                dataset: DIGITS.dataset.to_owned(),
                signature: Some(signature),
                reason: "the labels | differ".to_owned(),
            }),
            (Alignment::Linear, Location::Hidden, Operator::Parametric) => add_failed(&mut results, &DIGITS, &here, 1, "out of memory"),
            (Alignment::Linear, Location::Hidden, Operator::Concatenative) => {}
            _ => add(&mut results, &DIGITS, &here),
        }
    }
    let again = Signature {
        sites: vec![
            Site::new(SiteSpec {
                modality: Modality::Vision,
                format: Format::Learnable,
                operator: Operator::Additive,
                location: Location::Input,
                layers: None,
                tower: None,
            })
            .unwrap(),
        ],
        alignment: Alignment::Linear,
    };
    add(&mut results, &DIGITS, &method("again", again, 9, &[0.9, 0.92]));
    results
}

fn grids() -> Vec<Grid> {
    let results = results();
    Grid::all(&results, &Summary::of(&results))
}

#[test]
fn a_grid_as_markdown() {
    insta::assert_snapshot!(markdown("grid", &grids()));
}

#[test]
fn a_grid_as_latex() {
    insta::assert_snapshot!(latex("grid", &grids()));
}

#[test]
fn a_grid_as_csv_has_a_row_a_point() {
    let table = csv("grid", &grids());
    assert_eq!(table.lines().count(), 1 + 72 + 4);
    let line = |at: &str| table.lines().find(|line| line.contains(at)).unwrap().to_owned();
    insta::assert_snapshot!(
        [
            table.lines().next().unwrap().to_owned(),
            line("learnable,input,additive,linear"),
            line("learnable,input,additive,identity"),
            line("learnable,hidden,concatenative,linear"),
            line("learnable,hidden,parametric,linear"),
            line("fixed,input,parametric,identity"),
        ]
        .join("\n")
    );
}

#[test]
fn every_point_stands_somewhere() {
    let grid = grids().remove(0);
    let squares = || grid.lines.iter().filter(|line| line.place.is_some()).flat_map(|line| &line.squares);
    let count = |is: fn(&Found) -> bool| squares().filter(|square| is(&square.found)).count();
    // 60 legal points, of which 15 are of identity and 5 of the others have no number.
    assert_eq!(count(|found| matches!(found, Found::Measured { .. })), 60 - 15 - 3);
    assert_eq!(count(|found| matches!(found, Found::Impossible(_))), 15 + 12);
    assert_eq!((count(|found| matches!(found, Found::Unfinished(_))), count(|found| matches!(found, Found::Unasked))), (1, 2));
    let contradictory = squares().filter(|square| square.standing == Standing::Contradictory);
    assert!(contradictory.clone().count() == 12 && contradictory.clone().all(|square| matches!(square.found, Found::Impossible(_))));
}

#[test]
fn a_sweep_of_few_points_has_none() {
    let results = realistic();
    assert!(Grid::all(&results, &Summary::of(&results)).is_empty());
}
