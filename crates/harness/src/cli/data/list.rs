//! `reprogram data list`: every data set, a line each, and where its files are.

use std::collections::BTreeMap;

use super::{sizes, task};
use crate::assets::{AssetStore, Presence};
use crate::listing::Listing;
use crate::registry::{DataSetEntry, Evidence, Registry};

pub(super) fn list(registry: &Registry, store: &AssetStore) -> Listing {
    let n = registry.datasets().len();
    let mut listing = Listing::new(format!("{n} data sets"), &["modality", "task", "items", "licence", "files", "here", "about"]);
    let mut modalities: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_here = 0;
    for (name, entry) in registry.datasets() {
        let presence = presence(entry, store);
        n_here += usize::from(presence != Presence::Elsewhere);
        *modalities.entry(entry.modality().to_string()).or_default() += 1;
        listing.push(vec![
            name.as_str().into(),
            entry.modality().to_string().into(),
            task(entry).into(),
            sizes(entry).into(),
            entry.licence().into(),
            entry.evidence().as_str().into(),
            presence.as_str().into(),
            entry.about().into(),
        ]);
    }
    for (modality, n) in modalities {
        listing.note(format!("{modality}: {n}"));
    }
    let n_unverified = registry.datasets().values().filter(|entry| entry.evidence() == Evidence::Unverified).count();
    listing.note(format!(
        "unverified: {n_unverified}, written from documentation; nobody has counted or hashed their files, and what a source gives is taken for them."
    ));
    listing.note(format!(
        "Files of {n_here} are on this machine, in the cache or in the mirror folder. `reprogram data show NAME` tells more of one, `reprogram fetch NAME` brings its files."
    ));
    listing
}

/// Where the file is that is farthest away.
fn presence(entry: &DataSetEntry, store: &AssetStore) -> Presence {
    entry.assets().into_iter().map(|asset| store.presence(asset)).max().unwrap_or(Presence::Elsewhere)
}
