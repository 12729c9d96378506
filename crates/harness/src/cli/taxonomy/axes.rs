//! `reprogram taxonomy axes`: the values of λ, ℓ, τ and ω, with how many papers have each.

use reprogram_taxonomy::{Alignment, Coordinates, Format, Location, Operator, Paper, Reading};

use crate::listing::Listing;

/// One row a value.
pub(super) fn listing() -> Listing {
    let mut listing = Listing::new(
        "The four axes of ŷ = O_ω ∘ f ∘ I_{λ,τ,ℓ}(x, c), with f frozen",
        &["axis", "symbol", "published", "corrected", "meaning"],
    );
    for &value in Format::ALL {
        push(&mut listing, ["format", "λ", value.as_str(), value.meaning()], |row| row.formats.contains(&value));
    }
    for &value in Location::ALL {
        push(&mut listing, ["location", "ℓ", value.as_str(), value.meaning()], |row| row.locations.contains(&value));
    }
    for &value in Operator::ALL {
        push(&mut listing, ["operator", "τ", value.as_str(), value.meaning()], |row| row.operators.contains(&value));
    }
    for &value in Alignment::ALL {
        push(&mut listing, ["alignment", "ω", value.as_str(), value.meaning()], |row| row.alignments.contains(&value));
    }
    listing.note("published, corrected: papers with that value, as listed and as corrected (frozen backbones only).");
    listing
}

fn push(listing: &mut Listing, [axis, symbol, value, meaning]: [&str; 4], has: impl Fn(&Coordinates) -> bool) {
    let count =
        |reading| Paper::all().iter().filter(|paper| paper.counts_in(reading) && paper.coordinates(reading).iter().any(&has)).count();
    listing.push(vec![
        value.into(),
        axis.into(),
        symbol.into(),
        count(Reading::Published).into(),
        count(Reading::Corrected).into(),
        meaning.into(),
    ]);
}
