//! The comparisons that a sweep asks for: is B better than A, on the same test items?

use std::collections::{BTreeMap, BTreeSet};

use super::pairing::{Side, Unpaired, pair};
use super::results::Cell;
use super::summary::ALPHA;
use crate::measure::Measure;
use crate::stats::{Mcnemar, PairedComparison, holm};

/// A pair that a sweep asks to compare: is B better than A?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method compared with.
    pub a: String,
    /// The method asked about.
    pub b: String,
    /// Where.
    pub scope: Scope,
}

/// The groups that a pair is compared in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Backbones and data sets of the experiments that ask.
    Groups(BTreeSet<(String, String)>),
    /// Wherever both methods were to run: nobody noted which experiment asked.
    BothMethods,
}

/// One asked comparison in one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The method compared with.
    pub a: String,
    /// The method asked about.
    pub b: String,
    /// What came out, or why nothing did.
    pub outcome: Result<Tested, Unpaired>,
}

/// B against A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// Common seeds that what each item is worth was averaged over.
    pub seeds: usize,
    /// What items are judged by.
    pub measure: Measure,
    /// Difference, interval and p.
    pub paired: PairedComparison,
    /// p, Holm-adjusted over all comparisons of the report.
    pub holm_p: f64,
    /// With exactly one common seed: the test of the items on which they disagree.
    pub mcnemar: Option<Mcnemar>,
    /// Whether B is better.
    pub verdict: Verdict,
}

/// Whether B is better than A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The adjusted p is below the level and B is ahead.
    Better,
    /// The adjusted p is below the level and B is behind.
    Worse,
    /// The adjusted p is not below the level. That is not a proof of equality.
    NotShown,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NotShown => "not shown",
        }
    }
}

/// The comparisons that are asked for in one group, not yet corrected for their number.
pub(super) fn of_group(
    (backbone, dataset): (&str, &str),
    cells: &[(&str, Cell<'_>)],
    sides: &BTreeMap<&str, Side<'_>>,
    asked: &[Asked],
) -> Vec<Comparison> {
    let belongs = |method: &str| cells.iter().any(|(name, _)| *name == method);
    let is_asked = |asked: &&Asked| match &asked.scope {
        Scope::Groups(groups) => groups.contains(&(backbone.to_owned(), dataset.to_owned())),
        Scope::BothMethods => belongs(&asked.a) && belongs(&asked.b),
    };
    let side = |method: &str| sides.get(method).copied().ok_or_else(|| Unpaired::NoTrial { method: method.to_owned() });
    let compare = |a: &str, b: &str| {
        let paired = pair(side(a)?, side(b)?)?;
        let compared = PairedComparison::of(&paired.differences).expect("a pairing has at least one item");
        Ok(Tested {
            seeds: paired.seeds,
            measure: paired.measure,
            paired: compared,
            holm_p: compared.p,
            mcnemar: paired.mcnemar,
            verdict: Verdict::NotShown,
        })
    };
    let concerned = asked.iter().filter(is_asked);
    concerned
        .map(|Asked { a, b, .. }| Comparison {
            backbone: backbone.to_owned(),
            dataset: dataset.to_owned(),
            a: a.clone(),
            b: b.clone(),
            outcome: compare(a, b),
        })
        .collect()
}

/// Corrects all of them together and says what they show.
pub(super) fn judge(comparisons: &mut [Comparison]) {
    let mut tested: Vec<&mut Tested> = comparisons.iter_mut().filter_map(|comparison| comparison.outcome.as_mut().ok()).collect();
    let adjusted = holm(&tested.iter().map(|tested| tested.paired.p).collect::<Vec<_>>());
    for (tested, holm_p) in tested.iter_mut().zip(adjusted) {
        tested.holm_p = holm_p;
        tested.verdict = if holm_p >= ALPHA {
            Verdict::NotShown
        } else if tested.measure.sign() * tested.paired.difference > 0.0 {
            Verdict::Better
        } else {
            Verdict::Worse
        };
    }
}
