//! How the learning rate changes over training.

use serde::{Deserialize, Serialize};

/// A factor of the learning rate, step by step. Lengths are shares of all steps, so that they fit any budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// It stays.
    Constant,
    /// Half a cosine to zero, step by step.
    Cosine,
    /// A straight line up to one, then half a cosine to zero.
    WarmupCosine {
        /// Length of the line as a share of all steps, in 0..1.
        warmup: f64,
    },
    /// Times `factor` at each of these shares of all steps.
    MultiStep {
        /// Shares of all steps, in 0..1.
        at: Vec<f64>,
        /// The factor.
        factor: f64,
    },
    /// `end + (1 − end) (1 − p / until)^power`, p the share of steps done; `end` from `until` on.
    Polynomial {
        /// Share of all steps, in 0..=1.
        until: f64,
        /// The exponent.
        power: f64,
        /// Where it stays.
        end: f64,
    },
    /// `(k + offset)^−power` at the k-th step, counted from one: Spall's gain sequence.
    InversePower {
        /// Added to k.
        offset: f64,
        /// The exponent.
        power: f64,
    },
}

impl Schedule {
    /// The factor at a step, counted from zero.
    pub fn factor(&self, step: usize, n_steps: usize) -> f64 {
        let progress = step as f64 / n_steps.max(1) as f64;
        match self {
            Self::Constant => 1.0,
            Self::Cosine => half_cosine(progress),
            Self::WarmupCosine { warmup } => {
                let n_warm = (warmup * n_steps as f64).round();
                if (step as f64) < n_warm {
                    return (step + 1) as f64 / n_warm;
                }
                half_cosine((step as f64 - n_warm) / (n_steps as f64 - n_warm).max(1.0))
            }
            Self::MultiStep { at, factor } => factor.powi(at.iter().filter(|&&share| progress >= share).count() as i32),
            Self::Polynomial { until, power, end } => end + (1.0 - end) * (1.0 - (progress / until).min(1.0)).powf(*power),
            Self::InversePower { offset, power } => ((step + 1) as f64 + offset).powf(-power),
        }
    }
}

fn half_cosine(progress: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_factors(schedule: &Schedule, expected: &[(usize, f64)]) {
        for &(step, factor) in expected {
            let found = schedule.factor(step, 100);
            assert!((found - factor).abs() < 1e-12, "{schedule:?}, step {step}: {found} instead of {factor}");
        }
    }

    #[test]
    fn schedules_start_at_one() {
        let multi = Schedule::MultiStep { at: vec![0.5, 0.72], factor: 0.1 };
        for schedule in [Schedule::Constant, Schedule::Cosine, multi.clone()] {
            assert!((schedule.factor(0, 100) - 1.0).abs() < 1e-12);
        }
        assert_factors(&Schedule::Cosine, &[(50, 0.5), (100, 0.0)]);
        assert_factors(&multi, &[(49, 1.0), (50, 0.1), (72, 0.01)]);
    }

    #[test]
    fn a_warm_up_climbs_to_one_and_then_falls_as_a_cosine() {
        let schedule = Schedule::WarmupCosine { warmup: 0.2 };
        assert_factors(&schedule, &[(0, 0.05), (9, 0.5), (19, 1.0), (20, 1.0), (60, 0.5), (100, 0.0)]);
        assert_factors(&Schedule::WarmupCosine { warmup: 0.0 }, &[(0, 1.0), (50, 0.5)]);
    }

    #[test]
    fn a_polynomial_ends_where_it_says() {
        let schedule = Schedule::Polynomial { until: 0.9, power: 2.0, end: 0.04 };
        assert_factors(&schedule, &[(0, 1.0), (45, 0.04 + 0.96 * 0.25), (90, 0.04), (99, 0.04)]);
    }

    #[test]
    fn a_gain_sequence_counts_from_one() {
        assert_factors(&Schedule::InversePower { offset: 1.0, power: 0.5 }, &[(0, 0.5f64.sqrt()), (2, 0.5)]);
    }
}
