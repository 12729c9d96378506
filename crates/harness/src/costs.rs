//! What each part of a trial took of f, of time, memory and energy.
//!
//! Tokens and operations are those that went through ([`reprogram_models::Metered`]): what was kept from before cost nothing again.
//! Trials that go through f together share evenly. Encoders beside f, and what a program computes of its own, are not counted.

use reprogram_models::Spent;
use serde::{Deserialize, Serialize};

/// The parts of a trial, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Making fixed parts, constant outputs of training items, and fitting the alignment.
    Fitting,
    /// Steps along gradients, or by losses that are asked for.
    Steps,
    /// Choosing on the validation split.
    Validation,
    /// Reading the test split.
    Test,
}

/// What each part took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// Of [`Part::Fitting`].
    pub fitting: PartCosts,
    /// Of [`Part::Steps`].
    pub steps: PartCosts,
    /// Of [`Part::Validation`].
    pub validation: PartCosts,
    /// Of [`Part::Test`].
    pub test: PartCosts,
}

/// What one part took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartCosts {
    /// Items that went forward through f.
    pub items: usize,
    /// Tokens that came out of f's last block: of texts, patches and class tokens of images, prompts; no padding.
    pub tokens: u64,
    /// Floating-point operations of f forward, two a multiply-accumulate.
    pub forward_flops: u64,
    /// The same backward.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backward_flops: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// The most bytes that large allocations held at once, f's weights among them; zero where nobody counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub peak_bytes: u64,
    /// Energy of the device, whatever else ran on it meanwhile; nothing where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Parts {
    /// Of a part.
    pub const fn of(&mut self, part: Part) -> &mut PartCosts {
        match part {
            Part::Fitting => &mut self.fitting,
            Part::Steps => &mut self.steps,
            Part::Validation => &mut self.validation,
            Part::Test => &mut self.test,
        }
    }

    /// Training and fitting.
    #[must_use]
    pub fn training(&self) -> PartCosts {
        self.fitting.and(self.steps)
    }

    /// Validation and test.
    #[must_use]
    pub fn evaluation(&self) -> PartCosts {
        self.validation.and(self.test)
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> PartCosts {
        self.training().and(self.evaluation())
    }

    /// These and others, part by part.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            fitting: self.fitting.and(other.fitting),
            steps: self.steps.and(other.steps),
            validation: self.validation.and(other.validation),
            test: self.test.and(other.test),
        }
    }

    /// With something done to each part.
    #[must_use]
    pub fn map(self, mut change: impl FnMut(PartCosts) -> PartCosts) -> Self {
        Self { fitting: change(self.fitting), steps: change(self.steps), validation: change(self.validation), test: change(self.test) }
    }
}

impl PartCosts {
    /// Sums; the peak is the higher one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let joules = match (self.joules, other.joules) {
            (Some(a), Some(b)) => Some(a + b),
            (one, None) | (None, one) => one,
        };
        Self {
            items: self.items + other.items,
            tokens: self.tokens + other.tokens,
            forward_flops: self.forward_flops + other.forward_flops,
            backward_flops: self.backward_flops + other.backward_flops,
            seconds: self.seconds + other.seconds,
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
            joules,
        }
    }

    /// Operations in both directions.
    #[must_use]
    pub const fn flops(&self) -> u64 {
        self.forward_flops + self.backward_flops
    }

    /// What went through f.
    #[must_use]
    pub fn of_spent(spent: Spent) -> Self {
        let Spent { tokens, forward_flops, backward_flops } = spent;
        Self { tokens, forward_flops, backward_flops, ..Self::default() }
    }

    /// One of so many equal shares; memory is nobody's own.
    #[must_use]
    pub fn shared_by(self, n: usize) -> Self {
        let n = n.max(1);
        let of = |count: u64| (count + n as u64 / 2) / n as u64;
        Self {
            items: self.items / n,
            tokens: of(self.tokens),
            forward_flops: of(self.forward_flops),
            backward_flops: of(self.backward_flops),
            seconds: self.seconds / n as f64,
            peak_bytes: self.peak_bytes,
            joules: self.joules.map(|joules| joules / n as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_peaks_do_not() {
        let part =
            |items, peak_bytes, joules| PartCosts { items, tokens: 10, forward_flops: 100, peak_bytes, joules, ..PartCosts::default() };
        let mut parts =
            Parts { fitting: part(1, 5, None), steps: part(2, 9, Some(1.5)), validation: part(4, 7, Some(0.5)), ..Parts::default() };
        *parts.of(Part::Test) = part(8, 3, None);
        assert_eq!(
            parts.training(),
            PartCosts { items: 3, tokens: 20, forward_flops: 200, peak_bytes: 9, joules: Some(1.5), ..PartCosts::default() }
        );
        let total = parts.and(parts).total();
        assert_eq!((total.items, total.flops(), total.peak_bytes, total.joules), (30, 800, 9, Some(4.0)));
        assert_eq!(
            part(9, 4, Some(3.0)).shared_by(3),
            PartCosts { items: 3, tokens: 3, forward_flops: 33, peak_bytes: 4, joules: Some(1.0), ..PartCosts::default() }
        );
        assert_eq!(parts.map(|part| PartCosts { items: 2 * part.items, ..part }).total().items, 30);
    }

    #[test]
    fn what_a_device_does_not_tell_is_not_written() {
        let part = PartCosts { items: 1, tokens: 2, forward_flops: 3, ..PartCosts::default() };
        assert_eq!(serde_json::to_string(&part).unwrap(), r#"{"items":1,"tokens":2,"forward_flops":3,"seconds":0.0}"#);
        assert_eq!(serde_json::from_str::<PartCosts>(&serde_json::to_string(&part).unwrap()).unwrap(), part);
    }
}
