//! Canned folders: an unchanged rerun, planted losses, and what cannot be paired.

use super::*;
use crate::listing::ListFormat;
use crate::record::{ExampleOutcome, ItemReading, Status};
use crate::report::canned::{DIGITS, HOURS, TWEETS, add, add_failed, add_forecasts, method, realistic, signature};
use reprogram_taxonomy::{Alignment, Modality};

fn one(accuracies: &[f64]) -> Results {
    let mut results = Results { sweep: "toy".to_owned(), ..Results::default() };
    add(&mut results, &DIGITS, &method("linear", signature(Modality::Vision, &[], Alignment::Linear), 10, accuracies));
    results
}

fn verdicts(compared: &Compared) -> Vec<Verdict> {
    compared.cells.iter().map(|cell| cell.outcome.as_ref().unwrap().verdict).collect()
}

#[test]
fn an_unchanged_rerun_is_not_flagged() {
    let compared = Compared::of(&realistic(), &realistic(), &Question::default());
    assert!(verdicts(&compared).iter().all(|verdict| *verdict == Verdict::Same));
    assert!(compared.broken.is_empty() && compared.only_a.is_empty() && compared.only_b.is_empty());
    assert!(compared.cells.iter().all(|cell| cell.by == By::Key && cell.changes.is_empty()));
}

#[test]
fn a_planted_loss_is_caught_and_a_gain_is_not_a_loss() {
    let (before, after) = (one(&[0.8, 0.81]), one(&[0.7, 0.72]));
    assert_eq!(verdicts(&Compared::of(&before, &after, &Question::default())), [Verdict::Loss]);
    assert_eq!(verdicts(&Compared::of(&after, &before, &Question::default())), [Verdict::Gain]);
}

#[test]
fn a_loss_that_the_items_do_not_bear_out_is_not_flagged() {
    let compared = Compared::of(&one(&[0.8]), &one(&[0.795]), &Question::default());
    assert_eq!(verdicts(&compared), [Verdict::NotShown]);
    let tested = compared.cells[0].outcome.as_ref().unwrap();
    assert!(tested.could_show > 0.005, "{tested:?}");
}

#[test]
fn a_loss_within_the_margin_is_borne() {
    let question = Question { margin: 0.15, ..Question::default() };
    assert_eq!(verdicts(&Compared::of(&one(&[0.8]), &one(&[0.7]), &question)), [Verdict::Borne]);
}

#[test]
fn items_of_one_cluster_are_one_piece_of_evidence() {
    let clusters = (0..DIGITS.items).map(|item| (format!("{item:05}"), "the same".to_owned())).collect();
    let compared = Compared::of(&one(&[0.8]), &one(&[0.7]), &Question { clusters, ..Question::default() });
    assert_eq!(verdicts(&compared), [Verdict::NotShown]);
    assert_eq!(compared.cells[0].outcome.as_ref().unwrap().interval, None);
}

#[test]
fn other_keys_are_paired_by_name_and_what_changed_is_said() {
    let (before, mut after) = (one(&[0.8]), one(&[0.6]));
    for record in &mut after.records {
        let key = format!("f{}", &record.key[1..]);
        let outcomes = after.outcomes.remove(&record.key).unwrap();
        record.config = serde_json::json!({ "learning_rate": 1.0 });
        record.key.clone_from(&key);
        after.outcomes.insert(key, outcomes);
    }
    let compared = Compared::of(&before, &after, &Question::default());
    assert_eq!(compared.cells[0].by, By::Name);
    assert_eq!(compared.cells[0].changes, ["learning_rate: 0.01 → 1.0"]);
    assert_eq!(verdicts(&compared), [Verdict::Loss]);
}

const CELLS: [&str; 20] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];

/// Before and after: in each cell, and there for items of its own, so many of a thousand answers are lost and so many won.
fn twenty(lost: usize, won: usize) -> [Results; 2] {
    let mut before = Results { sweep: "toy".to_owned(), ..Results::default() };
    for name in CELLS {
        add(&mut before, &DIGITS, &method(name, signature(Modality::Vision, &[], Alignment::Linear), 10, &[0.6]));
    }
    let mut after = before.clone();
    let sides = before.outcomes.values_mut().zip(after.outcomes.values_mut());
    for (cell, (before, after)) in sides.enumerate() {
        for (item, (before, after)) in before.iter_mut().zip(after).enumerate() {
            // 7919 and 1000 have no common factor, so that each place is taken once.
            let place = (item * 7919 + cell * 337) % DIGITS.items;
            let answer = |outcome: &mut ExampleOutcome, is_right: bool| {
                let ItemReading::Scored { gold, prediction, .. } = &mut outcome.reading else { panic!("classes were scored") };
                *prediction = if is_right { *gold } else { (*gold + 1) % 10 };
            };
            answer(before, place < lost || place >= 500);
            answer(after, (lost..lost + won).contains(&place) || place >= 500);
        }
    }
    [before, after]
}

#[test]
fn a_loss_that_all_cells_share_is_caught_together() {
    let [before, after] = twenty(120, 100);
    let compared = Compared::of(&before, &after, &Question::default());
    assert_eq!(compared.losses().count(), 0, "no cell shows it alone: {:?}", verdicts(&compared));
    let pooled = compared.pooled.unwrap();
    assert!(compared.is_worse_together() && pooled.holm_p < 0.01, "{pooled:?}");
    assert_eq!(pooled.n, DIGITS.items, "items of several cells are one piece of evidence");
    assert!((pooled.gain + 0.02).abs() < 1e-9, "{pooled:?}");
    let clusters = (0..DIGITS.items).map(|item| (format!("{item:05}"), "the same".to_owned())).collect();
    assert!(!Compared::of(&before, &after, &Question { clusters, ..Question::default() }).is_worse_together());
}

/// Other answers that are as often right, as another machine's rounding makes them.
#[test]
fn other_answers_that_are_no_worse_are_not_flagged() {
    let [before, after] = twenty(110, 110);
    let compared = Compared::of(&before, &after, &Question::default());
    assert!(!compared.is_worse_together() && compared.losses().count() == 0, "{:?}", compared.pooled);
    assert!(compared.cells.iter().all(|cell| cell.drift.answers == 220));
}

#[test]
fn other_answers_under_the_same_keys_are_counted() {
    let (before, mut after) = (one(&[0.8, 0.8]), one(&[0.8, 0.8]));
    assert_eq!(Compared::of(&before, &after, &Question::default()).cells[0].drift, Drift { trials: 2, ..Drift::default() });
    let key = after.records[0].key.clone();
    let ItemReading::Scored { prediction, .. } = &mut after.outcomes.get_mut(&key).unwrap()[3].reading else {
        panic!("classes were scored")
    };
    *prediction = (*prediction + 3) % 10;
    let compared = Compared::of(&before, &after, &Question::default());
    assert_eq!(compared.cells[0].drift, Drift { trials: 2, changed: 1, answers: 1, items: DIGITS.items });
    let table = listing("old", "new", &compared, &Question::default());
    assert!(table.notes.iter().any(|note| note.starts_with("other numbers under the same keys: linear (1 of 1000 answers)")), "{table:?}");
}

/// The last digits of forecasts are those of a machine.
#[test]
fn forecasts_drift_where_more_than_their_last_digits_are_others() {
    let results = || {
        let mut results = Results { sweep: "ahead".to_owned(), ..Results::default() };
        add_forecasts(&mut results, &HOURS, "linear", &[0.5]);
        results
    };
    let moved = |by: f32| {
        let mut after = results();
        let key = after.records[0].key.clone();
        let ItemReading::Forecast { forecast, .. } = &mut after.outcomes.get_mut(&key).unwrap()[3].reading else {
            panic!("its future was forecast")
        };
        forecast[1] += by;
        Compared::of(&results(), &after, &Question::default()).cells[0].drift
    };
    assert_eq!(moved(1e-5), Drift { trials: 1, ..Drift::default() });
    assert_eq!(moved(0.1), Drift { trials: 1, changed: 1, answers: 1, items: HOURS.items });
}

#[test]
fn what_broke_and_what_vanished_is_named() {
    let before = one(&[0.8, 0.8, 0.8]);
    let mut after = one(&[0.8]);
    let linear = method("linear", signature(Modality::Vision, &[], Alignment::Linear), 10, &[]);
    add_failed(&mut after, &DIGITS, &linear, 1, "loss is not\na number");
    let compared = Compared::of(&before, &after, &Question::default());
    assert_eq!(compared.broken, ["linear · letters-vit · digits, seed 1: loss is not a number"]);
    assert_eq!(compared.only_a, ["linear · letters-vit · digits, seed 2"]);
    assert!(matches!(after.records[1].status, Status::Failed { .. }));
}

#[test]
fn other_items_are_not_compared() {
    let (before, mut after) = (one(&[0.8]), one(&[0.8]));
    let key = after.records[0].key.clone();
    "another".clone_into(&mut after.outcomes.get_mut(&key).unwrap()[0].id);
    let compared = Compared::of(&before, &after, &Question::default());
    let reason = compared.cells[0].outcome.as_ref().unwrap_err().to_string();
    assert!(reason.contains("different items with seed 0"), "{reason}");
    after.outcomes.clear();
    let compared = Compared::of(&before, &after, &Question::default());
    assert_eq!(compared.unpaired().count(), 1);
}

#[test]
fn the_table_says_everything() {
    let (before, mut after) = (realistic(), realistic());
    after.records.retain(|record| record.method != "RLM");
    let worse = after.records.iter().position(|record| record.method == "BLM").unwrap();
    let key = after.records[worse].key.clone();
    for outcome in after.outcomes.get_mut(&key).unwrap().iter_mut().step_by(3) {
        let ItemReading::Scored { gold, prediction, .. } = &mut outcome.reading else { panic!("classes were scored") };
        *prediction = (*gold + 1) % 10;
    }
    let question = Question::default();
    let mut compared = Compared::of(&before, &after, &question);
    let together = compared.pooled.take().unwrap();
    assert_eq!((together.n, together.verdict), (DIGITS.items + TWEETS.items, Verdict::Loss));
    assert!((together.gain * compared.cells.len() as f64 + 0.0823).abs() < 1e-3, "one of eleven cells lost: {together:?}");
    let table = listing("old", "new", &compared, &question);
    insta::assert_snapshot!(table.render(ListFormat::Terminal, Some(150)));
}
