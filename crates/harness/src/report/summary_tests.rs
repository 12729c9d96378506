//! What rows, marks and comparisons say about canned results.

use super::*;
use crate::record::ItemReading;
use crate::report::canned::{DIGITS, HOURS, TWEETS, add, add_failed, add_forecasts, method, realistic, signature};
use crate::report::comparison::{Asked, Scope, Verdict};
use reprogram_taxonomy::{Alignment, Modality};

fn baseline(name: &'static str, accuracies: &[f64]) -> crate::report::canned::Method {
    method(name, signature(Modality::Vision, &[], Alignment::Statistical), 0, accuracies)
}

fn digits(methods: &[crate::report::canned::Method]) -> Results {
    let mut results = Results::default();
    for method in methods {
        add(&mut results, &DIGITS, method);
    }
    results
}

fn marks(results: &Results) -> Vec<Mark> {
    Summary::of(results).groups[0].rows.iter().map(|row| row.mark).collect()
}

#[test]
fn rows_keep_the_order_of_the_sweep_and_strangers_come_last() {
    let mut results = digits(&[baseline("b", &[0.5]), baseline("a", &[0.6]), baseline("z", &[0.7]), baseline("y", &[0.7])]);
    results.methods = vec!["b".to_owned(), "a".to_owned()];
    let names: Vec<String> = Summary::of(&results).groups[0].rows.iter().map(|row| row.method.clone()).collect();
    assert_eq!(names, ["b", "a", "y", "z"]);
}

#[test]
fn a_method_alone_is_not_the_best_of_anything() {
    assert_eq!(marks(&digits(&[baseline("a", &[0.9, 0.9])])), [Mark::None]);
}

#[test]
fn equal_means_are_both_best() {
    assert_eq!(marks(&digits(&[baseline("a", &[0.5, 0.6]), baseline("b", &[0.6, 0.5])])), [Mark::Best, Mark::Best]);
}

#[test]
fn a_lead_that_the_items_do_not_bear_out_is_a_tie() {
    let found = marks(&digits(&[baseline("a", &[0.501]), baseline("b", &[0.5]), baseline("c", &[0.3])]));
    assert!(matches!(found[..], [Mark::Best, Mark::Tied { .. }, Mark::Behind { .. }]), "{found:?}");
}

#[test]
fn without_outcomes_there_is_no_test() {
    let mut results = digits(&[baseline("a", &[0.9]), baseline("b", &[0.2])]);
    results.outcomes.clear();
    let summary = Summary::of(&results);
    assert_eq!(summary.groups[0].rows[1].mark, Mark::Untested);
    assert_eq!(summary.footnotes, ["not tested against the best: the per-example outcomes of a, seed 0, are missing"]);
}

#[test]
fn outcomes_that_contradict_their_record_are_not_used() {
    let mut results = digits(&[baseline("a", &[0.9]), baseline("b", &[0.2])]);
    let key = results.records[1].key.clone();
    results.outcomes.get_mut(&key).unwrap()[0].reading =
        ItemReading::Scored { gold: 0, prediction: 99, log_probabilities: vec![], answers: None };
    assert_eq!(
        Summary::of(&results).footnotes,
        ["not tested against the best: the per-example outcomes of b, seed 0, give accuracy 0.199, but its record says 0.2"]
    );
}

#[test]
fn many_texts_without_an_answer_are_said() {
    let notes = |unanswered| {
        let mut results = digits(&[baseline("a", &[0.9])]);
        let Status::Ok { outcome } = &mut results.records[0].status else { panic!("it finished") };
        outcome.test = crate::record::Metrics { loss: None, unanswered: Some(unanswered), ..outcome.test };
        let summary = Summary::of(&results);
        assert_eq!(summary.groups[0].rows[0].numbers.as_ref().unwrap().loss, None);
        summary.footnotes
    };
    assert_eq!(notes(50), [""; 0]);
    let said = "seed 0: no answer was found in what was generated for 5.1 % of the items, which count as wrong";
    assert_eq!(notes(51), [said]);
}

#[test]
fn different_items_are_not_paired() {
    let mut results = digits(&[baseline("a", &[0.9]), baseline("b", &[0.2])]);
    let key = results.records[1].key.clone();
    "another".clone_into(&mut results.outcomes.get_mut(&key).unwrap()[0].id);
    let summary = Summary::of(&results);
    assert!(summary.footnotes[0].contains("a and b were tested on different items with seed 0"), "{:?}", summary.footnotes);
}

#[test]
fn a_second_record_of_a_seed_is_named_and_not_counted() {
    let mut results = digits(&[baseline("a", &[0.9, 0.8])]);
    let mut again = results.records[0].clone();
    again.key = format!("f{}", "0".repeat(63));
    results.records.push(again);
    let summary = Summary::of(&results);
    assert_eq!(summary.groups[0].rows[0].numbers.as_ref().unwrap().score.n, 2);
    assert_eq!(summary.footnotes, ["seed 0 has a second record, f000000000000000, which is not counted"]);
}

#[test]
fn failed_trials_do_not_enter_a_mean() {
    let mut results = Results::default();
    let method = baseline("a", &[0.5, 0.7]);
    add(&mut results, &TWEETS, &method);
    add_failed(&mut results, &TWEETS, &method, 2, "out of\nmemory");
    let summary = Summary::of(&results);
    let row = &summary.groups[0].rows[0];
    assert_eq!((row.failed, row.numbers.as_ref().unwrap().score.n), (1, 2));
    assert_eq!(summary.footnotes, ["seed 2 failed: out of memory"]);
}

#[test]
fn comparisons_answer_what_was_asked_where_it_applies() {
    let summary = Summary::of(&realistic());
    let verdicts: Vec<(&str, &str, Verdict)> = summary
        .comparisons
        .iter()
        .map(|comparison| (comparison.b.as_str(), comparison.dataset.as_str(), comparison.outcome.as_ref().unwrap().verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("ILM", "digits", Verdict::Better),
            ("RLM", "digits", Verdict::Worse),
            ("ICL-4", "tweets", Verdict::NotShown),
            ("soft prompt", "tweets", Verdict::Worse),
        ]
    );
}

#[test]
fn one_common_seed_allows_mcnemar() {
    let mut results = digits(&[baseline("a", &[0.5]), baseline("b", &[0.7, 0.7])]);
    let group = ("letters-vit".to_owned(), "digits".to_owned());
    let asked = |b: &str| Asked { a: "a".to_owned(), b: b.to_owned(), scope: Scope::Groups([group.clone()].into()) };
    results.comparisons = vec![asked("b"), asked("absent")];
    let summary = Summary::of(&results);
    let tested = summary.comparisons[0].outcome.as_ref().unwrap();
    let mcnemar = tested.mcnemar.unwrap();
    assert_eq!((tested.seeds, mcnemar.only_b - mcnemar.only_a), (1, 200));
    assert_eq!(summary.comparisons[1].outcome.as_ref().unwrap_err().to_string(), "absent has no finished trial");
}

/// A pair that one experiment asked for stood as “not tested” in the groups of the others.
#[test]
fn a_pair_is_compared_where_its_experiment_asked() {
    let mut results = digits(&[baseline("a", &[0.5]), baseline("b", &[0.7])]);
    add(&mut results, &TWEETS, &baseline("a", &[0.5]));
    add(&mut results, &TWEETS, &baseline("c", &[0.6]));
    let within = |dataset: &str| Scope::Groups([("letters-vit".to_owned(), dataset.to_owned())].into());
    let asked = |b: &str, scope| Asked { a: "a".to_owned(), b: b.to_owned(), scope };
    results.comparisons = vec![asked("b", within("digits")), asked("c", Scope::BothMethods), asked("b", within("elsewhere"))];
    let summary = Summary::of(&results);
    let found: Vec<(&str, &str)> =
        summary.comparisons.iter().map(|comparison| (comparison.b.as_str(), comparison.dataset.as_str())).collect();
    assert_eq!(found, [("b", "digits"), ("c", "tweets")]);
}

/// Of forecasts, the lowest error is the best, and less is better.
#[test]
fn of_errors_the_lowest_is_the_best() {
    let mut results = Results::default();
    for (name, mses) in [("last", [1.2, 1.2]), ("linear", [0.5, 0.51]), ("other linear", [0.5, 0.511])] {
        add_forecasts(&mut results, &HOURS, name, &mses);
    }
    let pair = |a: &str, b: &str| Asked { a: a.to_owned(), b: b.to_owned(), scope: Scope::BothMethods };
    results.comparisons = vec![pair("last", "linear"), pair("linear", "last"), pair("linear", "other linear")];
    let summary = Summary::of(&results);
    assert_eq!(summary.groups[0].measure(), Measure::Mse);
    let rows = &summary.groups[0].rows;
    let best = rows.iter().find(|row| row.mark == Mark::Best).unwrap();
    let lowest = rows.iter().map(|row| row.numbers.as_ref().unwrap().score.mean).fold(f64::INFINITY, f64::min);
    assert!((best.numbers.as_ref().unwrap().score.mean - lowest).abs() < 1e-12, "{rows:?}");
    assert!(matches!(rows[0].mark, Mark::Behind { .. }), "{:?}", rows[0].mark);
    let verdicts: Vec<Verdict> = summary.comparisons.iter().map(|comparison| comparison.outcome.as_ref().unwrap().verdict).collect();
    assert_eq!(verdicts, [Verdict::Better, Verdict::Worse, Verdict::NotShown]);
    let tested = summary.comparisons[0].outcome.as_ref().unwrap();
    assert!((-0.9..-0.5).contains(&tested.paired.difference), "B minus A, in squared errors: {tested:?}");
    assert!(tested.mcnemar.is_none());
    let key = results.records[0].key.clone();
    results.outcomes.get_mut(&key).unwrap().pop();
    let refused = Summary::of(&results).comparisons[0].outcome.clone().unwrap_err().to_string();
    assert!(refused.contains("give mse") && refused.contains("but its record says"), "{refused}");
}
