//! What earlier trials of a plan will have computed by the time that a later one asks.

use std::collections::{HashMap, HashSet};

use crate::assets::Digest;
use crate::reuse::Scope;

/// Constant halves of items, by scope and content.
#[derive(Debug, Default)]
pub(super) struct Promised {
    rows: HashSet<(Digest, Digest)>,
    bytes: u64,
}

/// What items are, by their ids: hashed once.
#[derive(Debug, Default)]
pub(super) struct Contents(HashMap<String, Digest>);

impl Promised {
    /// How many of the rows are new; from now on none is.
    pub(super) fn take(&mut self, scope: &Scope<'_>, contents: &[Digest], row_bytes: u64) -> usize {
        let new = contents.iter().filter(|&&content| !scope.has(content) && self.rows.insert((scope.id(), content))).count();
        self.bytes += new as u64 * row_bytes;
        new
    }

    /// Of all of them.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Contents {
    /// Of an item, computed where it is not known.
    pub(super) fn of(&mut self, id: &str, compute: impl FnOnce() -> Digest) -> Digest {
        if let Some(&digest) = self.0.get(id) {
            return digest;
        }
        let digest = compute();
        self.0.insert(id.to_owned(), digest);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reuse::{Bounds, Reuse};

    #[test]
    fn a_row_is_promised_once_a_scope() {
        let folder = tempfile::tempdir().unwrap();
        let reuse = Reuse::new(folder.path().to_owned(), Bounds { memory: 0, disk: 0 });
        let [one, other, a, b] = ["one", "other", "a", "b"].map(|name| Digest::of(name.as_bytes()));
        let mut promised = Promised::default();
        let scopes = [reuse.scope(one), reuse.scope(other)];
        let mut take = |scope: usize, contents: &[Digest]| promised.take(&scopes[scope], contents, 8);
        assert_eq!([take(0, &[a, a]), take(0, &[a, b]), take(1, &[a, b])], [1, 1, 2], "the same item twice is one row");
        assert_eq!(promised.bytes(), 4 * 8);
    }

    #[test]
    fn an_item_is_hashed_once() {
        let mut contents = Contents::default();
        let [one, other] = ["one", "other"].map(|name| Digest::of(name.as_bytes()));
        assert_eq!([contents.of("i", || one), contents.of("i", || other), contents.of("j", || other)], [one, one, other]);
    }
}
