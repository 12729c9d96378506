//! `reprogram data verify`: are files, counts, labels and classes what the tables say, and what occurs more than once?

use super::{VerifyArgs, find};
use crate::assets::{AssetError, AssetStore, Progress, Trust};
use crate::cli::failure::Failure;
use crate::data::{DataError, DataSet, PoolSizes, RawPart};
use crate::inspect::{Repeats, Verified};
use crate::listing::{Entry, Listing, terminal_width};
use crate::registry::{DataSetEntry, Evidence, PartName, Registry};

/// What became of one data set.
enum State {
    Whole(Box<Verified>, PoolSizes, Evidence),
    Broken(Option<Box<Verified>>, Vec<String>),
    Missing(AssetError),
}

pub(super) fn run(args: &VerifyArgs, registry: &Registry, store: &AssetStore, progress: &dyn Progress) -> Result<String, Failure> {
    let names: Vec<&str> =
        if args.all { registry.datasets().keys().map(String::as_str).collect() } else { args.names.iter().map(String::as_str).collect() };
    let mut verified = Vec::new();
    for name in names {
        let state = verify(name, find(registry, name)?, store, progress);
        if let (State::Missing(error), false) = (&state, args.all) {
            return Err(Failure::AssetMissing(error.to_string()));
        }
        verified.push((name, state));
    }
    let text = listing(&verified).render(args.place.format, terminal_width());
    let broken: Vec<&str> = verified.iter().filter(|(_, state)| matches!(state, State::Broken(..))).map(|(name, _)| *name).collect();
    if broken.is_empty() {
        return Ok(text);
    }
    Err(Failure::Differs { text, reason: format!("not what the tables say: {}", broken.join(", ")) })
}

fn verify(name: &str, entry: &DataSetEntry, store: &AssetStore, progress: &dyn Progress) -> State {
    let parts = match RawPart::read_all(entry, store, Trust::Rehash, progress) {
        Ok(parts) => parts,
        Err(DataError::Asset(error)) if !error.is_of_another_content() => return State::Missing(error),
        Err(error) => return State::Broken(None, vec![error.to_string()]),
    };
    let verified = Box::new(Verified::new(name, entry, &parts));
    if !verified.faults.is_empty() {
        let faults = verified.faults.clone();
        return State::Broken(Some(verified), faults);
    }
    let by_part = parts.into_iter().map(|part| (part.name, part.examples)).collect();
    match DataSet::from_parts(name, entry.modality(), entry.classes().to_vec(), entry.split(), by_part) {
        Ok(dataset) => State::Whole(verified, dataset.sizes(), entry.evidence()),
        Err(error) => State::Broken(Some(verified), vec![error.to_string()]),
    }
}

const COLUMNS: [&str; 10] = [
    "state",
    "items",
    "repeated",
    "test in train",
    "validation in train",
    "test in validation",
    "several labels",
    "alike: test in train",
    "left out",
    "faults",
];

fn listing(verified: &[(&str, State)]) -> Listing {
    let mut listing = Listing::new("Data sets, every item of them read", &COLUMNS);
    for (name, state) in verified {
        let (word, verified, sizes, faults) = match state {
            State::Whole(verified, sizes, evidence) => (word(*evidence), Some(verified), Some(sizes), Vec::new()),
            State::Broken(verified, faults) => ("broken", verified.as_ref(), None, faults.clone()),
            State::Missing(_) => ("missing", None, None, Vec::new()),
        };
        let mut row = vec![Entry::from(*name), word.into()];
        row.extend(counts(verified.map(AsRef::as_ref)));
        row.push(sizes.map(|sizes| sizes.repeated + sizes.ambiguous).into());
        row.push(faults.into());
        listing.push(row);
    }
    for (name, remark) in verified.iter().flat_map(|(name, state)| remarks(state).iter().map(move |remark| (name, remark))) {
        listing.note(format!("{name}: {remark}"));
    }
    listing.note("repeated: items beyond the first of the same content in their part; every pixel, sample or character counts.");
    listing.note(
        "test in train: test items whose content the official training part holds too, and so on; – where there are no two such parts.",
    );
    listing
        .note("several labels: items whose content occurs with different labels. alike: the same of letters and digits alone, of texts.");
    listing.note(
        "left out: items that no split is drawn from, so that no tested content is trained on: repeated, alike or of several labels.",
    );
    listing.note("readable: every item can be read, but nobody has said how many there are, or which files are the right ones.");
    listing.note("missing: files could not be had; `reprogram fetch NAME` says why.");
    listing
}

const fn word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Counted => "whole",
        Evidence::Unverified => "readable",
    }
}

fn remarks(state: &State) -> &[String] {
    match state {
        State::Whole(verified, ..) | State::Broken(Some(verified), _) => &verified.remarks,
        State::Broken(None, _) | State::Missing(_) => &[],
    }
}

/// The columns from `items` to `alike`.
fn counts(verified: Option<&Verified>) -> [Entry; 7] {
    let Some(verified) = verified else { return std::array::from_fn(|_| Entry::None) };
    let has = |part: PartName| verified.parts.iter().any(|(name, _)| *name == part);
    let shared = |repeats: &Repeats, first: PartName, second: PartName| -> Entry {
        (has(first) && has(second)).then(|| repeats.shared(first, second)).into()
    };
    let (train, validation, test) = (PartName::Train, PartName::Validation, PartName::Test);
    let exact = &verified.exact;
    [
        verified.n_items().into(),
        exact.n_within().into(),
        shared(exact, train, test),
        shared(exact, train, validation),
        shared(exact, validation, test),
        exact.conflicting.into(),
        verified.essential.as_ref().map_or(Entry::None, |alike| shared(alike, train, test)),
    ]
}
