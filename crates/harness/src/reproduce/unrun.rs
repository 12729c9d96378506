//! What cannot be run here, and what would run it.

use super::claims::Claims;
use crate::listing::Listing;

/// One row a table.
pub fn unrun(claims: &Claims) -> Listing {
    let mut listing = Listing::new("Not run here", &["paper", "needs", "command", "hardware"]);
    for unrun in &claims.unrun {
        listing.push(vec![
            unrun.table.as_str().into(),
            unrun.paper.as_str().into(),
            unrun.needs.clone().into(),
            unrun.command.as_deref().into(),
            unrun.hardware.as_str().into(),
        ]);
    }
    listing.note("Without a command: what `needs` names has to be written first. CONTRIBUTING.md says how, part by part.");
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_says_what_it_needs() {
        let claims = Claims::built_in();
        assert!(!claims.unrun.is_empty() && claims.unrun.iter().all(|unrun| !unrun.needs.is_empty()));
        assert_eq!(unrun(&claims).rows.len(), claims.unrun.len());
    }
}
