//! What methods found on each test item, for the reader who looks where two of them disagree.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::{ExampleOutcome, ItemReading, Record, Status};
use crate::report::number::count;
use crate::report::results::{Cell, Results};
use crate::report::shown::{EDGE, Shown, Sight, TEXT, cut};
use crate::report::summary::Group;

/// A page holds so many items of a group.
const SCORED: usize = 1_000;
/// And so many where each comes with what was generated for it.
const GENERATED: usize = 200;
/// Of a generated text so many characters are kept, of its end: there stands the answer.
const SAID: usize = 240;

/// A group's items.
#[derive(Debug, Serialize)]
pub(super) struct ItemsView {
    /// What is listed, and what is not.
    note: String,
    /// [`Items`], fit to stand between the tags of a script.
    json: String,
}

#[derive(Debug, Serialize)]
struct Items<'a> {
    /// Test items in all.
    of: usize,
    classes: &'a [String],
    methods: Vec<Method<'a>>,
    ids: Vec<&'a str>,
    gold: Vec<Answer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<Option<&'a str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<Vec<Option<&'a str>>>,
}

/// One trial of a method.
#[derive(Debug, Serialize)]
struct Method<'a> {
    name: &'a str,
    seed: u64,
    found: Vec<Answer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said: Vec<String>,
}

/// A class, or words; nothing where no answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Class(usize),
    Words(&'a str),
    Nothing,
}

/// A method's trial of the lowest seed.
struct Column<'a> {
    method: &'a str,
    seed: u64,
    outcomes: BTreeMap<&'a str, &'a ExampleOutcome>,
}

impl ItemsView {
    /// Nothing where no two methods have outcomes of the same items, or items were forecast: none is right or wrong.
    pub(super) fn of(results: &Results, group: &Group, cells: &[(&str, Cell<'_>)]) -> Option<Self> {
        let columns: Vec<Column<'_>> = cells.iter().filter_map(|(method, cell)| column(results, method, cell)).collect();
        let (first, others) = columns.split_first()?;
        if first.outcomes.values().any(|outcome| outcome.errors().is_some()) {
            return None;
        }
        let columns: Vec<&Column<'_>> =
            std::iter::once(first).chain(others.iter().filter(|other| other.outcomes.keys().eq(first.outcomes.keys()))).collect();
        if columns.len() < 2 {
            return None;
        }
        let differs = |id: &&str| {
            let mut answers = columns.iter().map(|column| found(column.outcomes[*id]));
            let one = answers.next();
            answers.any(|answer| Some(answer) != one)
        };
        let differing: Vec<&str> = first.outcomes.keys().copied().filter(differs).collect();
        let is_generated = first.outcomes.values().any(|outcome| outcome.scored().is_none());
        let most = if is_generated { GENERATED } else { SCORED };
        let ids: Vec<&str> = differing.iter().take(most).copied().collect();
        let unknown = Shown::default();
        let shown = results.shown.get(&group.dataset).unwrap_or(&unknown);
        let sights = |sight: fn(&Sight) -> Option<&str>| {
            let sights: Vec<Option<&str>> = ids.iter().map(|id| shown.items.get(*id).and_then(sight)).collect();
            sights.iter().any(Option::is_some).then_some(sights)
        };
        let methods = columns.iter().map(|column| Method {
            name: column.method,
            seed: column.seed,
            found: ids.iter().map(|id| found(column.outcomes[*id])).collect(),
            said: if is_generated { ids.iter().map(|id| said(column.outcomes[*id])).collect() } else { Vec::new() },
        });
        let items = Items {
            of: first.outcomes.len(),
            classes: &shown.classes,
            methods: methods.collect(),
            gold: ids.iter().map(|id| gold(first.outcomes[*id])).collect(),
            texts: sights(|sight| match sight {
                Sight::Text(text) => Some(text.as_str()),
                Sight::Image(_) => None,
            }),
            images: sights(|sight| match sight {
                Sight::Image(address) => Some(address.as_str()),
                Sight::Text(_) => None,
            }),
            ids: ids.clone(),
        };
        let json = serde_json::to_string(&items).expect("plain data").replace('<', "\\u003c");
        Some(Self { note: note(&items, differing.len(), is_generated), json })
    }
}

fn note(items: &Items<'_>, differing: usize, is_generated: bool) -> String {
    let all = count(differing);
    let listed = if items.ids.len() < differing {
        format!("the first {} by id of {all} items", count(items.ids.len()))
    } else {
        format!("{all} of {} test items", count(items.of))
    };
    let texts = if items.texts.is_some() { format!("; texts are cut to {TEXT} characters") } else { String::new() };
    let images = if items.images.is_some() { format!("; images are at most {EDGE} pixels wide and high") } else { String::new() };
    let said =
        if is_generated { format!("; of what was generated the last {SAID} characters stand below the answer") } else { String::new() };
    format!(
        "Each method's trial of its lowest seed, and {listed}: those on which not all methods agree{texts}{images}{said}. Counts are over what is listed."
    )
}

fn column<'a>(results: &'a Results, method: &'a str, cell: &Cell<'a>) -> Option<Column<'a>> {
    let finished = |record: &&&Record| matches!(record.status, Status::Ok { .. });
    let record = cell.records.values().find(finished)?;
    let outcomes = results.outcomes.get(&record.key).filter(|outcomes| !outcomes.is_empty())?;
    let outcomes = outcomes.iter().map(|outcome| (outcome.id.as_str(), outcome)).collect();
    Some(Column { method, seed: record.seed, outcomes })
}

fn found(outcome: &ExampleOutcome) -> Answer<'_> {
    match &outcome.reading {
        ItemReading::Scored { prediction, .. } => Answer::Class(*prediction),
        ItemReading::Generated { answer, .. } => answer.as_deref().map_or(Answer::Nothing, Answer::Words),
        ItemReading::Forecast { .. } => Answer::Nothing,
    }
}

fn gold(outcome: &ExampleOutcome) -> Answer<'_> {
    match &outcome.reading {
        ItemReading::Scored { gold, .. } => Answer::Class(*gold),
        ItemReading::Generated { gold, .. } => Answer::Words(gold),
        ItemReading::Forecast { .. } => Answer::Nothing,
    }
}

/// The end of the first reply.
fn said(outcome: &ExampleOutcome) -> String {
    match &outcome.reading {
        ItemReading::Scored { .. } | ItemReading::Forecast { .. } => String::new(),
        ItemReading::Generated { paths, .. } => {
            let text = cut(&paths.first().map(|path| path.texts.join(" ")).unwrap_or_default(), usize::MAX);
            let n = text.chars().count();
            if n <= SAID { text } else { format!("…{}", text.chars().skip(n + 1 - SAID).collect::<String>()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::GeneratedPath;
    use crate::report::Summary;
    use crate::report::canned::{Group as CannedGroup, add, method, signature};
    use reprogram_taxonomy::{Alignment, Modality};

    const SMALL: CannedGroup = CannedGroup { backbone: "f", dataset: "d", n_classes: 3, items: 6 };

    fn two() -> Results {
        let mut results = Results::default();
        for (name, accuracy) in [("low", 0.5), ("high", 0.9)] {
            add(&mut results, &SMALL, &method(name, signature(Modality::Text, &[], Alignment::Linear), 0, &[accuracy, 0.1]));
        }
        results
    }

    fn of(results: &Results) -> Option<ItemsView> {
        let summary = Summary::of(results);
        ItemsView::of(results, &summary.groups[0], &results.cells(("f", "d")))
    }

    #[test]
    fn items_that_all_methods_agree_on_are_left_out_and_counted() {
        let mut results = two();
        let sights = (0..6).map(|i| (format!("{i:05}"), Sight::Text(format!("</script> {i}"))));
        results.shown.insert("d".to_owned(), Shown { classes: ["a", "b", "c"].map(str::to_owned).to_vec(), items: sights.collect() });
        let view = of(&results).unwrap();
        assert!(!view.json.contains('<'), "{}", view.json);
        let json: serde_json::Value = serde_json::from_str(&view.json).unwrap();
        let n = json["ids"].as_array().unwrap().len();
        assert!((1..6).contains(&n) && json["of"] == 6, "{json}");
        assert!(json["texts"][0].as_str().unwrap().starts_with("</script> "));
        for i in 0..n {
            assert_ne!(json["methods"][0]["found"][i], json["methods"][1]["found"][i]);
        }
        assert_eq!(json["methods"][0]["seed"], 0);
        assert!(view.note.contains(&format!("{n} of 6 test items")) && view.note.contains("280 characters"), "{}", view.note);
    }

    #[test]
    fn what_was_generated_comes_with_its_end() {
        let mut results = two();
        for (key, outcomes) in &mut results.outcomes {
            for outcome in outcomes {
                let answer = Some(key[..2].to_owned());
                let texts = vec!["x".repeat(300), format!("so {}", &key[..2])];
                let paths = vec![GeneratedPath { texts, answer: answer.clone() }];
                outcome.reading = ItemReading::Generated { gold: "7".to_owned(), answer, paths };
            }
        }
        let json: serde_json::Value = serde_json::from_str(&of(&results).unwrap().json).unwrap();
        let said = json["methods"][0]["said"][0].as_str().unwrap();
        assert!(said.starts_with("…x") && said.chars().count() == SAID, "{said}");
    }

    #[test]
    fn one_method_has_nobody_to_disagree_with() {
        let mut results = two();
        results.records.retain(|record| record.method == "low");
        assert!(of(&results).is_none());
    }
}
