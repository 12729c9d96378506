//! What is read before and after a part of a trial.

use std::time::Instant;

use reprogram_models::{Meter, Spent};

use crate::allocator;
use crate::costs::PartCosts;
use crate::energy::{self, EnergyReading};

/// Reads what f counts, the clock, memory and energy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge<'a> {
    meter: &'a Meter,
}

/// What was read before.
pub(super) struct Begun {
    started: Instant,
    spent: Spent,
    energy: Option<EnergyReading>,
}

impl<'a> Gauge<'a> {
    pub(super) const fn new(meter: &'a Meter) -> Self {
        Self { meter }
    }

    pub(super) fn begin(self) -> Begun {
        allocator::forget_peak();
        Begun { energy: energy::read(), spent: self.meter.spent(), started: Instant::now() }
    }

    /// What was taken since then.
    pub(super) fn end(self, begun: &Begun) -> PartCosts {
        let seconds = begun.started.elapsed().as_secs_f64();
        let joules = begun.energy.as_ref().and_then(|before| Some(energy::read()?.joules_since(before)));
        let spent = PartCosts::of_spent(self.meter.spent().since(begun.spent));
        PartCosts { seconds, peak_bytes: allocator::peak_bytes(), joules, ..spent }
    }
}
