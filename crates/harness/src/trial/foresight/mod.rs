//! What trials will take of f, counted without computing: shapes go through an imagined f, numbers do not.
//!
//! The course of a trial is known before it begins: how often which items go through, and what of them is kept. What an item
//! costs is found on some: of images, recordings and series each costs the same; of texts, some dozens stand for all.
//! Generated text is counted as if no reply ended before its limit, and a refit as if the last epoch were chosen.
//!
//! Trials of a cell differ by their seeds, and the course of one stands for all of them. That is exact where items are of one size.
//! Where they are texts, a seed draws which are trained on or shown, so that tokens of the others are an estimate from one draw. What
//! earlier trials will have kept of a trial's own items is counted for each. Methods that do the same to an item are looked into once.
//!
//! ```text
//! look      some items of a cell go through the imagined f
//! course    what goes through f and how often, in a cell and in one of its trials
//! kept      what others will have computed by then
//! ```

mod course;
mod kept;
mod look;

use std::collections::HashMap;

use reprogram_models::{Metered, Spent};

use super::passes::Keeps;
use super::{Trial, TrialError};
use crate::costs::{Part, PartCosts, Parts};
use course::{Course, Load, Once};
use kept::{Contents, Promised};

/// What a trial will take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Foreseen {
    /// Items, tokens and operations, part by part.
    pub parts: Parts,
    /// Batches that go through f: in fitting, steps, validation and test.
    pub batches: [usize; 4],
    /// The largest training step that has gradients.
    pub step: Spent,
    /// The largest batch without.
    pub pass: Spent,
    /// Bytes of its items, put in shape.
    pub item_bytes: u64,
    /// Bytes of constant halves that are kept by its end, those of earlier trials among them.
    pub kept_bytes: u64,
}

/// What was seen of a plan's trials, for those that come behind. It is of one plan, on one device.
#[derive(Default)]
pub struct Foresight {
    promised: Promised,
    /// Of items whose constant halves depend on nothing that a program writes, by data set.
    contents: HashMap<String, Contents>,
    /// By all that a split's way through f depends on.
    looks: HashMap<String, Once>,
    /// The last cell: its trials stand side by side in a plan.
    cell: Option<(String, Course)>,
}

impl Trial<'_> {
    /// Looks ahead. `foresight`: what was seen of earlier trials of the same plan, which will have run before this one.
    pub fn foresee(&self, foresight: &mut Foresight) -> Result<Foreseen, TrialError> {
        let metered = Metered::imagined(self.backbone);
        let trial = Trial { backbone: &metered, ..*self };
        let cell = trial.cell();
        let mut course = match foresight.cell.take() {
            Some((seen, course)) if seen == cell => course,
            Some(_) | None => Course::of(&trial, &metered, foresight)?,
        };
        let foreseen = course.of_trial(&trial, foresight)?;
        foresight.cell = Some((cell, course));
        Ok(foreseen)
    }

    /// All of it but the seed.
    fn cell(&self) -> String {
        let method = serde_json::to_string(self.method).expect("plain data");
        let (budget, placement, augment) = (self.budget, self.placement, self.augment);
        format!("{method} {} {} {placement:?} {budget:?} {augment:?}", self.backbone.card().name, self.dataset.name())
    }
}

impl Foreseen {
    fn add(&mut self, part: Part, Load { items, batches, spent }: Load) {
        let costs = self.parts.of(part);
        *costs = costs.and(PartCosts { items, ..PartCosts::of_spent(spent) });
        self.batches[part as usize] += batches;
    }

    /// A split `n` times through f, which keeps something of it. Of that, `n_new` items are computed now.
    fn carry(&mut self, part: Part, once: &Once, n: usize, (keeps, n_new): (Keeps, usize)) {
        let new_front = || once.front.times(share(n_new, once.items.max(1)));
        let (rounds, spent) = match keeps {
            Keeps::Outputs => (1, new_front()),
            Keeps::Halves => (n, new_front() + once.behind.times(n as f64)),
            Keeps::Nothing => (n, (once.front + once.behind).times(n as f64)),
        };
        self.add(part, Load { items: rounds * once.items, batches: rounds * once.batches, spent });
    }

    /// What items of a split take of memory.
    fn hold(&mut self, once: &Once) {
        self.item_bytes += once.item_bytes;
        if once.largest.forward_flops > self.pass.forward_flops {
            self.pass = once.largest;
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::Digest;
    use crate::reuse::{Bounds, Keeping, Reuse};
    use crate::trial::tests::Small;

    #[test]
    fn two_seeds_of_a_cell_get_one_prediction() {
        let small = Small::new("vp-ilm", 1);
        let mut foresight = Foresight::default();
        let mut together = |seed: u64| small.trial(seed, None).foresee(&mut foresight).unwrap();
        let seen = [together(1), together(2)];
        let apart = [1, 2].map(|seed| small.trial(seed, None).foresee(&mut Foresight::default()).unwrap());
        assert!(seen[0].parts.steps.backward_flops > 0, "{seen:?}");
        assert_eq!((seen[0], apart), (seen[1], seen));
    }

    #[test]
    fn a_cell_is_looked_into_once() {
        let small = Small::new("vp-ilm", 1);
        let mut foresight = Foresight::default();
        let first = small.trial(1, None).foresee(&mut foresight).unwrap();
        // What was found with the first seed is what is said of the second.
        foresight.cell.as_mut().unwrap().1.test.items += 1;
        let second = small.trial(2, None).foresee(&mut foresight).unwrap();
        assert_eq!(second.parts.test.items, first.parts.test.items + 1);
        let other = Small::new("vp-flm", 1);
        let third = other.trial(1, None).foresee(&mut foresight).unwrap();
        assert_eq!(third.parts.test, first.parts.test, "another cell, which does the same to its test items");
    }

    #[test]
    fn what_another_seed_will_have_kept_is_not_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let reuse = Reuse::new(folder.path().to_owned(), Bounds { memory: 1 << 20, disk: 0 });
        let keeping = Some(Keeping { reuse: &reuse, f: Digest::of(b"f") });
        let small = Small::new("linear-only", 1);
        let mut foresight = Foresight::default();
        let [first, second] = [1, 2].map(|seed| small.trial(seed, keeping).foresee(&mut foresight).unwrap().parts);
        assert!(first.test.forward_flops > 0 && second.test.forward_flops == 0, "{second:?}");
        assert!(second.fitting.forward_flops <= first.fitting.forward_flops);
        assert_eq!(
            first.map(|part| PartCosts { items: part.items, ..PartCosts::default() }),
            second.map(|part| { PartCosts { items: part.items, ..PartCosts::default() } })
        );
    }
}
