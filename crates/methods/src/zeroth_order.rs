//! Optimizers that ask for losses and never for a gradient: what a black box can be trained with.
//!
//! At the k-th step, counted from one, with d numbers w and learning rate `a_k`:
//!
//! - SPSA-GC: `ĝ = mean over s of (L(w + c_k Δ) − L(w − c_k Δ)) / (2 c_k Δ)`, division entry by entry, each entry of Δ uniform in
//!   ±[½, 1], `c_k = c / k^γ`; `m ← β m + ĝ` (`m ← ĝ` at the first step); `w ← w − a_k (ĝ + β m)`.
//! - RGF: `ĝ = d/q · Σ_q u (L(w + μ u) − L(w)) / μ`, u uniform on the unit sphere; `w ← w − a_k ĝ`.
//!
//! # Reference
//! Oh et al., CVPR 2023, arXiv 2303.14773, §3.2 (SPSA-GC; Spall, IEEE TAC 1992); Tsai et al., ICML 2020, arXiv 2007.08714, eq. 4
//! and 5 (RGF, one-sided).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Seed;
use crate::manipulations::standard_normal;

/// The estimate that is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Estimate {
    /// Simultaneous perturbation with gradient correction.
    SpsaGc {
        /// s: pairs of queries a step.
        pairs: usize,
        /// c.
        perturbation: f64,
        /// γ.
        decay: f64,
        /// β.
        momentum: f64,
    },
    /// Random gradient-free descent.
    Rgf {
        /// q.
        directions: usize,
        /// μ.
        radius: f64,
    },
}

/// What a step cost and saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queried {
    /// Mean of the losses that were asked for.
    pub loss: f64,
    /// How many were asked for.
    pub n_queries: usize,
}

/// An optimizer that only asks for losses.
#[derive(Debug, Clone)]
pub struct ZerothOrder {
    estimate: Estimate,
    rng: ChaCha8Rng,
    step: usize,
    /// m, from the first step on.
    momentum: Vec<f64>,
}

impl ZerothOrder {
    pub(crate) fn new(estimate: Estimate, seed: Seed) -> Self {
        Self { estimate, rng: seed.fork("zeroth-order").rng(), step: 0, momentum: Vec::new() }
    }

    /// Losses that a step asks for.
    pub const fn n_queries(&self) -> usize {
        match self.estimate {
            Estimate::SpsaGc { pairs, .. } => 2 * pairs,
            Estimate::Rgf { directions, .. } => directions + 1,
        }
    }

    /// Moves a point by one step. The first loss that cannot be had ends it, and the point stays.
    pub fn step<E>(&mut self, rate: f64, point: &mut [f32], mut loss: impl FnMut(&[f32]) -> Result<f32, E>) -> Result<Queried, E> {
        let mut total = 0.0;
        let mut asked = |at: &[f32]| {
            let value = f64::from(loss(at)?);
            total += value;
            Ok(value)
        };
        self.step += 1;
        let update = match self.estimate {
            Estimate::SpsaGc { pairs, perturbation, decay, momentum } => {
                let c = perturbation / (self.step as f64).powf(decay);
                let slope = self.spsa(point, pairs, c, &mut asked)?;
                self.corrected(slope, momentum)
            }
            Estimate::Rgf { directions, radius } => self.rgf(point, directions, radius, &mut asked)?,
        };
        for (number, slope) in point.iter_mut().zip(update) {
            *number = (f64::from(*number) - rate * slope) as f32;
        }
        Ok(Queried { loss: total / self.n_queries() as f64, n_queries: self.n_queries() })
    }

    fn spsa<E>(&mut self, point: &[f32], pairs: usize, c: f64, asked: &mut impl FnMut(&[f32]) -> Result<f64, E>) -> Result<Vec<f64>, E> {
        let mut slope = vec![0.0; point.len()];
        for _ in 0..pairs {
            let delta: Vec<f64> = point.iter().map(|_| self.segmented()).collect();
            let difference = asked(&moved(point, c, &delta))? - asked(&moved(point, -c, &delta))?;
            slope.iter_mut().zip(&delta).for_each(|(sum, entry)| *sum += difference / (2.0 * c * entry * pairs as f64));
        }
        Ok(slope)
    }

    /// Uniform in [½, 1], with either sign.
    fn segmented(&mut self) -> f64 {
        let size = self.rng.random_range(0.5..=1.0);
        if self.rng.random() { size } else { -size }
    }

    /// `ĝ + β m`, m with ĝ in it.
    fn corrected(&mut self, slope: Vec<f64>, momentum: f64) -> Vec<f64> {
        self.momentum = match self.step {
            1 => slope.clone(),
            _ => self.momentum.iter().zip(&slope).map(|(old, new)| momentum * old + new).collect(),
        };
        slope.into_iter().zip(&self.momentum).map(|(new, m)| new + momentum * m).collect()
    }

    fn rgf<E>(&mut self, point: &[f32], q: usize, radius: f64, asked: &mut impl FnMut(&[f32]) -> Result<f64, E>) -> Result<Vec<f64>, E> {
        let here = asked(point)?;
        let mut slope = vec![0.0; point.len()];
        for _ in 0..q {
            let direction: Vec<f64> = point.iter().map(|_| f64::from(standard_normal(&mut self.rng))).collect();
            let length = direction.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
            let direction: Vec<f64> = direction.into_iter().map(|entry| entry / length).collect();
            let ascent = (asked(&moved(point, radius, &direction))? - here) / radius * point.len() as f64 / q as f64;
            slope.iter_mut().zip(&direction).for_each(|(sum, entry)| *sum += ascent * entry);
        }
        Ok(slope)
    }
}

fn moved(point: &[f32], by: f64, direction: &[f64]) -> Vec<f32> {
    point.iter().zip(direction).map(|(number, entry)| (f64::from(*number) + by * entry) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn spsa(pairs: usize, momentum: f64) -> ZerothOrder {
        ZerothOrder::new(Estimate::SpsaGc { pairs, perturbation: 0.01, decay: 0.1, momentum }, Seed::new(1))
    }

    fn rgf(directions: usize) -> ZerothOrder {
        ZerothOrder::new(Estimate::Rgf { directions, radius: 1e-3 }, Seed::new(1))
    }

    /// `½ Σ i (w_i − 1)²`, i from one.
    fn bowl(point: &[f32]) -> f32 {
        point.iter().zip(1..).map(|(w, i)| 0.5 * i as f32 * (w - 1.0).powi(2)).sum()
    }

    fn descended(mut rule: ZerothOrder, rate: f64, steps: usize) -> (f32, usize) {
        let (mut point, mut asked) = (vec![0.0; 8], 0);
        for _ in 0..steps {
            let counted = |at: &[f32]| {
                asked += 1;
                Ok::<_, Infallible>(bowl(at))
            };
            let queried = rule.step(rate, &mut point, counted).unwrap();
            assert_eq!(queried.n_queries, rule.n_queries());
        }
        (bowl(&point), asked)
    }

    #[test]
    fn a_quadratic_is_descended_by_counted_queries_alone() {
        let start = bowl(&[0.0; 8]);
        for (rule, rate, a_step) in [(spsa(5, 0.0), 0.02, 10), (spsa(5, 0.5), 0.01, 10), (rgf(5), 0.02, 6)] {
            let (end, asked) = descended(rule, rate, 300);
            println!("{start} → {end} in {asked} queries");
            assert!(end < 0.01 * start, "{start} → {end}");
            assert_eq!(asked, 300 * a_step);
        }
    }

    /// In one dimension a symmetric difference of a parabola is its slope, whatever Δ is.
    #[test]
    fn gradient_correction_is_the_papers_recursion() {
        const BETA: f64 = 0.9;
        const RATE: f64 = 0.1;
        let mut rule = spsa(3, BETA);
        let mut point = [3.0f32];
        let (mut w, mut m) = (3.0f64, 0.0);
        for k in 1..=4 {
            rule.step(RATE, &mut point, |at| Ok::<_, Infallible>((at[0] - 1.0).powi(2))).unwrap();
            let slope = 2.0 * (w - 1.0);
            m = if k == 1 { slope } else { BETA * m + slope };
            w -= RATE * (slope + BETA * m);
            assert!((f64::from(point[0]) - w).abs() < 1e-3, "step {k}: {point:?} instead of {w}");
        }
    }

    #[test]
    fn estimates_of_a_plane_are_its_slope_in_the_mean() {
        const SLOPE: [f32; 3] = [1.0, -2.0, 0.5];
        let plane = |at: &[f32]| Ok::<_, Infallible>(at.iter().zip(SLOPE).map(|(w, slope)| w * slope).sum());
        for mut rule in [spsa(4_000, 0.0), rgf(4_000)] {
            let mut point = [0.0; 3];
            rule.step(1.0, &mut point, plane).unwrap();
            let worst = point.iter().zip(SLOPE).map(|(w, slope)| (w + slope).abs()).fold(0.0, f32::max);
            assert!(worst < 0.15, "{point:?}");
        }
    }

    #[test]
    fn a_loss_that_cannot_be_had_leaves_the_point() {
        let mut point = [1.0, 2.0];
        assert_eq!(spsa(1, 0.0).step(1.0, &mut point, |_| Err("interrupted")), Err("interrupted"));
        assert!(point.iter().zip([1.0, 2.0]).all(|(a, b)| (a - b).abs() < f32::EPSILON));
    }
}
