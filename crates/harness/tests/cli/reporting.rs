//! What a report has when it is asked for more, and no longer has when it is not; what a trial says of its batch.

use super::swept;

#[test]
fn items_and_event_files_come_when_they_are_asked_for() {
    let Some(place) = swept() else { return };
    let plain = place.text("toy/report.html");
    assert!(plain.contains("Items on which two methods disagree") && !plain.contains("data:image/png"));
    place.run(&["report", "toy", "--items", "--tensorboard"]).ok();
    assert!(place.text("toy/report.html").contains("data:image/png;base64,iVBOR"));
    let runs = place.list("toy/tensorboard");
    assert!(!runs.is_empty(), "no method that learns has a run");
    for method in runs {
        let file = place.list(&format!("toy/tensorboard/{method}/letters-vit/digits/seed-1")).remove(0);
        assert!(file.starts_with("events.out.tfevents."), "{file}");
    }
    place.run(&["report", "toy"]).ok();
    assert_eq!(place.text("toy/report.html"), plain);
}

/// One trial of each cell runs test items alone. On letters-vit the batch is worth a few units in the last place.
#[test]
fn the_first_trial_of_a_cell_says_what_the_batch_is_worth() {
    let Some(place) = swept() else { return };
    let mut checked = Vec::new();
    for record in place.list("toy/records") {
        let record: serde_json::Value = serde_json::from_slice(&place.read(&format!("toy/records/{record}"))).unwrap();
        let found = &record["status"]["outcome"]["batch_invariance"];
        if !found.is_null() {
            assert!(found["items"].as_u64().unwrap() > 0 && found["max_difference"].as_f64().unwrap() < 1e-4, "{found}");
            checked.push((record["method"].as_str().unwrap().to_owned(), record["seed"].as_u64().unwrap()));
        }
    }
    checked.sort();
    let methods: std::collections::BTreeSet<&str> = checked.iter().map(|(method, _)| method.as_str()).collect();
    assert!(!checked.is_empty() && methods.len() == checked.len(), "{checked:?}");
    assert!(place.text("toy/table.md").contains("batch invariance: max \\|Δ log p\\| "));
}
