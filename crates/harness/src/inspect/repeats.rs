//! Items that a data set has more than once: inside of a part, across parts, and with different labels.

use std::collections::{BTreeMap, BTreeSet};

use crate::assets::Digest;
use crate::data::{Content, Example, Gold, RawPart};
use crate::registry::PartName;

/// When two items are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// All that a model sees: every pixel, character or sample.
    Exact,
    /// What the splits are kept apart by: of texts the letters and digits alone ([`Content::content_hash`]).
    Essential,
}

/// Repetitions, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Items of a part beyond the first of their content there.
    pub within: BTreeMap<PartName, usize>,
    /// Items of the second part whose content the first one holds too.
    pub across: BTreeMap<(PartName, PartName), usize>,
    /// Items, of all parts, whose content occurs with different labels.
    pub conflicting: usize,
}

/// Items of one content, by part, and what is right for them.
#[derive(Default)]
struct Group {
    items: BTreeMap<PartName, usize>,
    golds: BTreeSet<String>,
}

impl Likeness {
    fn key(self, content: &Content) -> Digest {
        match self {
            Self::Exact => Digest::of(&content.exact_bytes()),
            Self::Essential => content.content_hash(),
        }
    }
}

impl Repeats {
    /// Counts what these parts have more than once.
    pub fn of(parts: &[RawPart], likeness: Likeness) -> Self {
        let mut groups: BTreeMap<Digest, Group> = BTreeMap::new();
        for (part, example) in parts.iter().flat_map(|part| part.examples.iter().map(|example| (part.name, example))) {
            let group = groups.entry(likeness.key(&example.content)).or_default();
            *group.items.entry(part).or_default() += 1;
            group.golds.insert(gold(example));
        }
        let mut repeats = Self::default();
        for Group { items, golds } in groups.values() {
            if golds.len() > 1 {
                repeats.conflicting += items.values().sum::<usize>();
            }
            for (place, (&part, &n)) in items.iter().enumerate() {
                if n > 1 {
                    *repeats.within.entry(part).or_default() += n - 1;
                }
                for (&other, &n_other) in items.iter().skip(place + 1) {
                    *repeats.across.entry((part, other)).or_default() += n_other;
                }
            }
        }
        repeats
    }

    /// Items beyond the first of their content in their own part.
    pub fn n_within(&self) -> usize {
        self.within.values().sum()
    }

    /// Items of `second` that `first` holds too.
    pub fn shared(&self, first: PartName, second: PartName) -> usize {
        self.across.get(&(first, second)).copied().unwrap_or_default()
    }
}

/// What is right; the way to an answer is no part of it.
fn gold(example: &Example) -> String {
    match &example.gold {
        Gold::Class(class) => class.to_string(),
        Gold::Answer { text, .. } => text.clone(),
        // A window is one of its own: its future says nothing about another's.
        Gold::Future(_) => example.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::verified::tests::{part, text};

    #[test]
    fn repetitions_are_counted_by_part() {
        let train = part(PartName::Train, vec![text("a", 0), text("a", 0), text("a", 1), text("b", 0), text("c", 0)]);
        let test = part(PartName::Test, vec![text("b", 0), text("B!", 1), text("b", 0), text("d", 1)]);
        let parts = [train, test];
        let exact = Repeats::of(&parts, Likeness::Exact);
        assert_eq!(exact.within, BTreeMap::from([(PartName::Train, 2), (PartName::Test, 1)]));
        assert_eq!(exact.across, BTreeMap::from([((PartName::Train, PartName::Test), 2)]));
        assert_eq!(exact.conflicting, 3, "the three of `a`");
        assert_eq!((exact.n_within(), exact.shared(PartName::Train, PartName::Test)), (3, 2));
        let alike = Repeats::of(&parts, Likeness::Essential);
        assert_eq!(alike.shared(PartName::Train, PartName::Test), 3, "`B!` has the letters of `b`");
        assert_eq!(alike.conflicting, 7, "the three of `a`, and the four of `b`");
    }

    #[test]
    fn nothing_is_shared_in_that_direction() {
        let parts = [part(PartName::Train, vec![text("a", 0)]), part(PartName::Test, vec![text("a", 0)])];
        assert_eq!(Repeats::of(&parts, Likeness::Exact).shared(PartName::Test, PartName::Train), 0);
        assert_eq!(Repeats::of(&[], Likeness::Exact), Repeats::default());
    }
}
