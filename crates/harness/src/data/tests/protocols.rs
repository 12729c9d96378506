//! Protocols of the field: shots for choosing, folds, and that nobody's order or thread moves a draw.

use std::collections::BTreeSet;
use std::thread;

use proptest::prelude::*;

use super::{ALL, BY_CONTENT, any_rows, hashes, hundred, ids, made, parts_of};
use crate::assets::Digest;
use crate::data::{Amount, DataError, Draw, Gold, PoolSizes, TrainSize, draw};
use crate::registry::{Holdout, PartName, Registry, SplitRule};

/// CoOp's: k images of each class to train on, min(k, 4) to choose by.
#[test]
fn shots_to_choose_by_are_as_many_of_each_class() {
    for k in [1, 2, 4, 8] {
        let few = k.min(2);
        let wanted = Draw { train: TrainSize::Shots(k), validation_items: Some(Amount::Shots(few)), ..ALL };
        let splits = draw(&hundred(), &wanted).unwrap();
        let of_class = |class| splits.validation.examples().iter().filter(|item| item.gold == Gold::Class(class)).count();
        assert_eq!((splits.train.len(), of_class(0), of_class(1)), (2 * k, few, few));
    }
    let rule = draw(&hundred(), &Draw { validation_items: Some(Amount::Shots(2)), ..ALL }).unwrap().rule;
    assert!(rule.contains("validation items: 4 (2 a class)"), "{rule}");
    let error = draw(&hundred(), &Draw { validation_items: Some(Amount::Shots(40)), ..ALL }).unwrap_err();
    assert!(matches!(error, DataError::TooManyShots { split: "validation", wanted: 40, .. }), "{error}");
}

fn fold(fold: u8, of: u8) -> SplitRule {
    SplitRule { test: Holdout::Fold { fold, of }, validation: Holdout::ByContent { percent: 20 } }
}

proptest! {
    #[test]
    fn every_content_is_tested_in_one_fold(rows in any_rows(), of in 2..12_u8) {
        let parts = parts_of(&rows, false);
        let mut tested: Vec<Digest> = Vec::new();
        let mut whole: Option<(BTreeSet<Digest>, usize)> = None;
        for number in 1..=of {
            let dataset = made(fold(number, of), parts.clone());
            let splits = draw(&dataset, &ALL).unwrap();
            let (train, validation, test) = (hashes(&splits.train), hashes(&splits.validation), hashes(&splits.test));
            prop_assert!(train.is_disjoint(&test) && validation.is_disjoint(&test) && train.is_disjoint(&validation));
            let PoolSizes { repeated, ambiguous, .. } = dataset.sizes();
            let all = (train.into_iter().chain(validation).chain(test.iter().copied()).collect(), repeated + ambiguous);
            prop_assert_eq!(whole.get_or_insert_with(|| all.clone()), &all);
            tested.extend(test);
        }
        let distinct: BTreeSet<Digest> = tested.iter().copied().collect();
        prop_assert_eq!(distinct.len(), tested.len(), "no content is tested twice");
        prop_assert_eq!(distinct, whole.unwrap().0, "and every one is");
    }

    /// What a prompt can show is drawn from the training items.
    #[test]
    fn a_tested_item_is_never_one_that_can_be_shown(rows in any_rows(), seed: u64, k in 0..6_usize) {
        let dataset = made(BY_CONTENT, parts_of(&rows, false));
        if let Ok(splits) = draw(&dataset, &Draw { seed, train: TrainSize::Shots(k), ..ALL }) {
            let shown = hashes(&splits.train);
            prop_assert!(splits.test.examples().iter().chain(splits.validation.examples()).all(|item| !shown.contains(&item.content_hash())));
        }
    }
}

#[test]
fn a_draw_does_not_depend_on_the_thread() {
    let wanted = Draw { seed: 7, train: TrainSize::Shots(4), validation_items: Some(Amount::Items(5)), ..ALL };
    let drawn = |dataset| {
        let splits = draw(dataset, &wanted).unwrap();
        [ids(&splits.train), ids(&splits.validation), ids(&splits.test)]
    };
    let dataset = hundred();
    let here = drawn(&dataset);
    thread::scope(|scope| {
        let elsewhere: Vec<_> = (0..4).map(|_| scope.spawn(|| drawn(&dataset))).collect();
        assert!(elsewhere.into_iter().all(|there| there.join().unwrap() == here));
    });
}

#[test]
fn folds_of_the_built_in_tables() {
    let registry = Registry::built_in().unwrap();
    let rows = |name: &str| -> Vec<(PartName, usize)> {
        registry.dataset(name).unwrap().parts().iter().map(|part| (part.name, part.rows.iter().sum())).collect()
    };
    assert_eq!(rows("esc10@5"), rows("esc10@1"));
    assert_eq!(rows("fsdd-speakers@6"), [(PartName::Train, 2_000), (PartName::Validation, 500), (PartName::Test, 500)]);
    let named = |name: &str| registry.dataset(name).is_ok();
    assert_eq!([named("mr@1"), named("mr@10"), named("mr@0"), named("mr@11"), named("trec@1")], [true, true, false, false, false]);
    insta::assert_snapshot!(registry.dataset("subj@3").unwrap().split(), @"test: fold 3 of 10, by sha256 of content; validation: 10 % of the other items, by sha256 of content");
}
