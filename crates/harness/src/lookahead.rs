//! Predictions of a plan's trials, one after the other: what `plan` says, and what a sweep writes down before it runs.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::calibration::Calibration;
use crate::costs::Parts;
use crate::plan::{Plan, PlannedTrial, Site};
use crate::predicted::{Memory, predict};
use crate::progress::say;
use crate::trial::{Foreseen, Foresight, TrialError};

/// Looks ahead through a plan. Trials are to be asked for in the order in which they would run.
pub struct Lookahead<'a> {
    plan: &'a Plan,
    site: Site<'a>,
    foresight: Foresight,
    /// Cells that a bug keeps from being looked into.
    broken: BTreeSet<[&'a str; 3]>,
}

impl<'a> Lookahead<'a> {
    /// Into this plan, which runs there.
    pub fn new(plan: &'a Plan, site: Site<'a>) -> Self {
        Self { plan, site, foresight: Foresight::default(), broken: BTreeSet::new() }
    }

    /// What a trial will take; seconds and memory where there is a calibration of its backbone. Nothing of one that cannot be looked
    /// into: it says why when it runs.
    pub fn of(&mut self, trial: &'a PlannedTrial, calibration: Option<&Calibration>, memory: Memory) -> Option<Parts> {
        let cell = [&trial.method_name, &trial.backbone, &trial.dataset].map(String::as_str);
        if self.broken.contains(&cell) {
            return None;
        }
        let ready = self.plan.trial(trial, self.site);
        match caught(|| ready.foresee(&mut self.foresight)) {
            Ok(foreseen) => foreseen.map(|foreseen| predict(&foreseen, calibration, memory)),
            Err(warning) => {
                say(&format!("warning: {} cannot be predicted: {warning}", cell.join(" · ")));
                self.broken.insert(cell);
                None
            }
        }
    }
}

/// What was seen; nothing where the trial itself would fail. A panic is a bug of this program, and its line says so: results do not
/// depend on what is said before, and are worth more.
fn caught(look: impl FnOnce() -> Result<Foreseen, TrialError>) -> Result<Option<Foreseen>, String> {
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(seen) => Ok(seen.ok()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let reason = said.and_then(|said| said.lines().next()).unwrap_or("it does not say why");
            Err(format!("a bug of this program ({reason}); it runs all the same, and all else is predicted"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_look_is_said_and_nothing_else_stops() {
        assert_eq!(caught(|| Ok(Foreseen::default())), Ok(Some(Foreseen::default())));
        assert_eq!(caught(|| Err(TrialError::Interrupted)), Ok(None), "a trial says itself why it fails");
        let warning = caught(|| panic!("no block {}\nand more", 3)).unwrap_err();
        assert_eq!(warning, "a bug of this program (no block 3); it runs all the same, and all else is predicted");
        assert!(caught(|| panic!("as a constant")).unwrap_err().contains("(as a constant)"));
    }
}
