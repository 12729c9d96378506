//! Typed splits, and how they are drawn.
//!
//! A split can only come from [`draw`], or from splits that did. Test and validation items are the same for every seed and every method, so that
//! outcomes can be paired; train items are a pure function of the seed and the ids: candidates are ordered by
//! `sha256(seed, "train", id)` and the first ones are taken.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::orders::Ordered;
use super::{Amount, DataError, DataSet, Example};

/// Marks what parameters and mappings are fitted on.
#[derive(Debug, Clone, Copy)]
pub enum Train {}

/// Marks what choices are made by.
#[derive(Debug, Clone, Copy)]
pub enum Validation {}

/// Marks what is read once, at the end.
#[derive(Debug, Clone, Copy)]
pub enum Test {}

/// Items of a data set that serve one purpose.
#[derive(Debug)]
pub struct Split<Purpose> {
    examples: Vec<Arc<Example>>,
    purpose: PhantomData<fn() -> Purpose>,
}

/// The three splits of a trial.
#[derive(Debug, Clone)]
pub struct Splits {
    /// To fit on.
    pub train: Split<Train>,
    /// To choose by.
    pub validation: Split<Validation>,
    /// To read once.
    pub test: Split<Test>,
    /// How they were drawn, in words, for the record.
    pub rule: String,
}

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Draw {
    /// Moves the train items, and nothing else.
    pub seed: u64,
    /// How many train items.
    pub train: TrainSize,
    /// How many validation items; all where there is no number.
    pub validation_items: Option<Amount>,
    /// How many test items; all where there is no number.
    pub test_items: Option<usize>,
}

/// How many train items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainSize {
    /// As many as there are.
    All,
    /// So many of all classes together, in the data set's own proportions on average.
    Items(usize),
    /// So many of each class.
    Shots(usize),
}

/// Draws the splits of a trial.
pub fn draw(dataset: &DataSet, wanted: &Draw) -> Result<Splits, DataError> {
    let (pools, orders) = (dataset.pools(), dataset.orders());
    let too_many = |split, wanted, found| DataError::TooManyItems { dataset: dataset.name().to_owned(), split, wanted, found };
    let first = |split: &'static str, items: &Ordered, wanted: Option<usize>| match wanted {
        Some(n) if n > items.len() => Err(too_many(split, n, items.len())),
        Some(n) => Ok(items[..n].to_vec()),
        None => Ok(items.to_vec()),
    };
    let seed = wanted.seed.to_string();
    let candidates = orders.of(&pools.train, &[&seed, "train"]);
    let train = match wanted.train {
        TrainSize::All => first("train", &candidates, None)?,
        TrainSize::Items(n) => first("train", &candidates, Some(n))?,
        TrainSize::Shots(k) => balanced(dataset, "train", &candidates, k)?,
    };
    let candidates = orders.of(&pools.validation, &["validation"]);
    let validation = match wanted.validation_items {
        Some(Amount::Shots(k)) => balanced(dataset, "validation", &candidates, k)?,
        Some(Amount::Items(n)) => first("validation", &candidates, Some(n))?,
        None => first("validation", &candidates, None)?,
    };
    let test = first("test", &orders.of(&pools.test, &["test"]), wanted.test_items)?;
    let chosen = match wanted.validation_items {
        Some(each @ Amount::Shots(_)) => format!("{} ({each})", validation.len()),
        Some(Amount::Items(_)) | None => validation.len().to_string(),
    };
    let rule = format!("{}; train: {}; validation items: {chosen}; test items: {}", dataset.split(), wanted.train, test.len());
    Ok(Splits { train: Split::of(train), validation: Split::of(validation), test: Split::of(test), rule })
}

/// The first `k` candidates of each class, in the candidates' order.
fn balanced(dataset: &DataSet, split: &'static str, candidates: &Ordered, k: usize) -> Result<Vec<Arc<Example>>, DataError> {
    let mut taken = vec![0; dataset.classes().len()];
    if taken.is_empty() {
        return Err(DataError::NoClasses { dataset: dataset.name().to_owned(), split, wanted: k });
    }
    let shots = candidates.iter().filter(|item| {
        item.gold.class().is_some_and(|class| {
            taken[class] += 1;
            taken[class] <= k
        })
    });
    let shots: Vec<_> = shots.cloned().collect();
    match taken.iter().enumerate().min_by_key(|(_, found)| **found) {
        Some((label, &found)) if found < k => {
            let (dataset, class) = (dataset.name().to_owned(), dataset.classes()[label].clone());
            Err(DataError::TooManyShots { dataset, split, class, wanted: k, found })
        }
        Some(_) | None => Ok(shots),
    }
}

impl Splits {
    /// When all has been chosen: what was chosen by is trained on too, so that nothing is left to choose by.
    #[must_use]
    pub fn with_validation_in_train(self) -> Self {
        let Self { train, validation, test, rule } = self;
        let all = train.examples.into_iter().chain(validation.examples).collect();
        Self { train: Split::of(all), validation: Split::of(Vec::new()), test, rule }
    }
}

impl<Purpose> Split<Purpose> {
    fn of(examples: Vec<Arc<Example>>) -> Self {
        Self { examples, purpose: PhantomData }
    }

    /// The items, in the order of the draw.
    pub fn examples(&self) -> &[Arc<Example>] {
        &self.examples
    }

    /// The first items alone, so many at most.
    pub fn first(&self, n: usize) -> Self {
        Self::of(self.examples.iter().take(n).cloned().collect())
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }
}

impl<Purpose> Clone for Split<Purpose> {
    fn clone(&self) -> Self {
        Self::of(self.examples.clone())
    }
}

impl fmt::Display for TrainSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all items"),
            Self::Items(n) => write!(f, "{n} items"),
            Self::Shots(k) => write!(f, "{k} shots a class"),
        }
    }
}
