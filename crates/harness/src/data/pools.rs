//! Divides a data set's items into three pools that share no content. No seed takes part in it.
//!
//! Official parts are taken as they are, except that validation and train lose what the test holds. Elsewhere an item whose
//! content occurs several times is taken once (the one with the lowest id), and a content that occurs with different labels
//! is taken nowhere, because its gold label means nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Example;
use crate::assets::Digest;
use crate::registry::{Holdout, PartName, SplitRule};

/// The items that each split can be drawn from, by id.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    pub(super) train: Vec<Arc<Example>>,
    pub(super) validation: Vec<Arc<Example>>,
    pub(super) test: Vec<Arc<Example>>,
    left_out: LeftOut,
}

/// How many items each split can be drawn from, and how many are in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSizes {
    /// Train items.
    pub train: usize,
    /// Validation items.
    pub validation: usize,
    /// Test items.
    pub test: usize,
    /// Items in no pool because their content is taken already.
    pub repeated: usize,
    /// Items in no pool because their content occurs with different labels.
    pub ambiguous: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct LeftOut {
    repeated: usize,
    ambiguous: usize,
}

type Item = (Digest, Arc<Example>);

impl Pools {
    pub(super) fn divide(mut parts: BTreeMap<PartName, Vec<Example>>, rule: SplitRule) -> Self {
        let mut part = |name: PartName| -> Vec<Item> {
            let mut items: Vec<Item> =
                parts.remove(&name).unwrap_or_default().into_iter().map(|example| (example.content_hash(), Arc::new(example))).collect();
            items.sort_by(|a, b| a.1.id.cmp(&b.1.id));
            items
        };
        let (official_test, official_validation) = (part(PartName::Test), part(PartName::Validation));
        let mut open = part(PartName::All);
        open.extend(part(PartName::Train));

        let mut left_out = LeftOut::default();
        let open = single(open, &mut left_out);
        let (test, open) = match rule.test {
            Holdout::Official => (official_test, open),
            drawn => open.into_iter().partition(|item| is_held_out("test", drawn, item)),
        };
        let tested: BTreeSet<Digest> = test.iter().map(|(content, _)| *content).collect();
        let open = without(open, &tested, &mut left_out);
        let (validation, open) = match rule.validation {
            Holdout::Official => (without(official_validation, &tested, &mut left_out), open),
            drawn => open.into_iter().partition(|item| is_held_out("validation", drawn, item)),
        };
        let validated: BTreeSet<Digest> = validation.iter().map(|(content, _)| *content).collect();
        let train = without(open, &validated, &mut left_out);
        let examples = |items: Vec<Item>| items.into_iter().map(|(_, example)| example).collect();
        Self { train: examples(train), validation: examples(validation), test: examples(test), left_out }
    }

    /// An item of any pool.
    pub(super) fn any(&self) -> Option<&Example> {
        [&self.train, &self.validation, &self.test].into_iter().flatten().next().map(AsRef::as_ref)
    }

    pub(super) fn sizes(&self) -> PoolSizes {
        let LeftOut { repeated, ambiguous } = self.left_out;
        PoolSizes { train: self.train.len(), validation: self.validation.len(), test: self.test.len(), repeated, ambiguous }
    }
}

/// Whether a rule holds an item out; an official one draws nothing.
fn is_held_out(purpose: &str, rule: Holdout, (content, item): &Item) -> bool {
    match rule {
        Holdout::Official => false,
        Holdout::ByContent { percent } => falls_into(purpose, *content, percent),
        Holdout::ByGroup { percent, until } => falls_into(purpose, series(item, until), percent),
        Holdout::Fold { fold, of } => fold_of(purpose, *content, of) == fold,
    }
}

/// The fold, counted from one, that a content belongs to. The folds of another purpose are independent of it.
fn fold_of(purpose: &str, of: Digest, n: u8) -> u8 {
    let place = Digest::of_parts(&["fold", purpose, &of.to_string()]).leading_u64();
    ((u128::from(place) * u128::from(n)) >> 64) as u8 + 1
}

/// The series that an item belongs to.
fn series(item: &Example, until: char) -> Digest {
    Digest::of_parts(&["series", item.id.rsplit_once(until).map_or(item.id.as_str(), |(series, _)| series)])
}

/// Whether a content, or a series, belongs to a share of all of them. The draws of different purposes are independent.
fn falls_into(purpose: &str, of: Digest, percent: u8) -> bool {
    let place = Digest::of_parts(&[purpose, &of.to_string()]).leading_u64();
    u128::from(place) * 100 < u128::from(percent) << 64
}

fn single(items: Vec<Item>, left_out: &mut LeftOut) -> Vec<Item> {
    let mut golds: BTreeMap<Digest, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (content, example) in &items {
        golds.entry(*content).or_default().insert(example.gold.bytes());
    }
    let mut taken = BTreeSet::new();
    let mut single = Vec::with_capacity(items.len());
    for (content, example) in items {
        if golds[&content].len() > 1 {
            left_out.ambiguous += 1;
        } else if taken.insert(content) {
            single.push((content, example));
        } else {
            left_out.repeated += 1;
        }
    }
    single
}

fn without(items: Vec<Item>, taken: &BTreeSet<Digest>, left_out: &mut LeftOut) -> Vec<Item> {
    let before = items.len();
    let rest: Vec<Item> = items.into_iter().filter(|(content, _)| !taken.contains(content)).collect();
    left_out.repeated += before - rest.len();
    rest
}
