//! A class is as near as its texts are to the patches of the image under the cheapest plan that carries one to the other.
//!
//! ```text
//! y[c] = Σ over patches m and texts n of c of T[m, n] · s[m, n]       T = diag(r) exp(−(1 − cos) / ε) diag(k)
//! ```
//!
//! s are scaled cosines; r and k are found by Sinkhorn's rounds, so that T's rows sum to 1/M and its columns to 1/N, and no gradient goes
//! through T. With one text a class it is the mean over patches. Bringing several texts of a class together is a rule, hence ω.
//!
//! # Reference
//! Chen et al., ICLR 2023, arXiv 2210.01253 (PLOT), eq. 5 to 8; ε, rounds and threshold as in the official code.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Part, Reads, Setup};

/// `part = "transport"`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TransportSpec {
    /// ε.
    pub epsilon: f32,
    /// Rounds at most.
    pub rounds: usize,
    /// Rounds end when r moves by less on average.
    pub threshold: f32,
}

impl Default for TransportSpec {
    fn default() -> Self {
        Self { epsilon: 0.1, rounds: 100, threshold: 0.01 }
    }
}

/// The rule, and what it is about.
#[derive(Module, Debug)]
pub struct Transport {
    #[module(skip)]
    spec: TransportSpec,
    /// The factor of the cosine.
    #[module(skip)]
    factor: f32,
    #[module(skip)]
    n_classes: usize,
    /// Texts of each class.
    #[module(skip)]
    n_texts: usize,
}

fn needs(needs: &str) -> Misfit {
    Misfit::PartNeeds { part: "transport".to_owned(), needs: needs.to_owned() }
}

impl Part for TransportSpec {
    type Coordinates = Alignment;
    type Module = Transport;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Transport, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0)?;
        let joint = setup.backbone.joint().filter(|joint| !joint.judges_pairs());
        let joint = joint.ok_or_else(|| needs("similarities that are scaled cosines and nothing else"))?;
        if self.epsilon.is_nan() || self.epsilon <= 0.0 {
            return Err(needs("an `epsilon` above zero"));
        }
        Ok(Transport { spec: *self, factor: joint.factor(), n_classes: setup.target.n_classes(), n_texts: 1 })
    }
}

impl Transport {
    /// T for similarities `[patches, texts]`, row-major, in the same order.
    fn plan(&self, cosines: &[f32]) -> Vec<f32> {
        let TransportSpec { epsilon, rounds, threshold } = self.spec;
        let (texts, patches) = (self.n_texts, cosines.len() / self.n_texts);
        let kernel: Vec<f32> = cosines.iter().map(|cosine| (-(1.0 - cosine) / epsilon).exp()).collect();
        let (mut r, mut k) = (vec![1.0f32; patches], vec![1.0f32; texts]);
        for _ in 0..rounds {
            let of_row = |row: &[f32]| 1.0 / patches as f32 / row.iter().zip(&k).map(|(kernel, k)| kernel * k).sum::<f32>();
            let next: Vec<f32> = kernel.chunks(texts).map(of_row).collect();
            let of_column = |n: usize| 1.0 / texts as f32 / (0..patches).map(|m| kernel[m * texts + n] * next[m]).sum::<f32>();
            k = (0..texts).map(of_column).collect();
            let moved = next.iter().zip(&r).map(|(next, r)| (next - r).abs()).sum::<f32>() / patches as f32;
            r = next;
            if moved < threshold {
                break;
            }
        }
        kernel.iter().enumerate().map(|(i, kernel)| r[i / texts] * kernel * k[i % texts]).collect()
    }
}

impl Align for Transport {
    fn reads(&self) -> Reads {
        Reads::LocalTexts
    }

    fn settle(&mut self, texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        self.n_texts = texts.classes().first().map_or(0, Vec::len);
        if self.n_texts == 0 || texts.classes().iter().any(|texts| texts.len() != self.n_texts) {
            return Err(needs("as many texts for each class, and at least one"));
        }
        Ok(())
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        let Self { n_classes, n_texts, factor, .. } = *self;
        let [batch, width] = scores.dims();
        let patches = width / (n_classes * n_texts);
        // `[batch, class, patch, text]`
        let scores = scores.reshape([batch, patches, n_classes, n_texts]).swap_dims(1, 2).reshape([batch * n_classes, patches * n_texts]);
        let values: Vec<f32> = scores.try_to_vec_as().expect("scores are floats");
        let cosines: Vec<f32> = values.iter().map(|score| score / factor).collect();
        let plans: Vec<f32> = cosines.chunks(patches * n_texts).flat_map(|cosines| self.plan(cosines)).collect();
        let plans = TensorData::new(plans, [batch * n_classes, patches * n_texts]);
        (scores.clone() * Tensor::from_data(plans, in_f32(&scores.device()))).sum_dim(1).reshape([batch, n_classes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_carries_equal_shares_and_prefers_the_near() {
        let spec = TransportSpec { rounds: 1000, threshold: 0.0, ..TransportSpec::default() };
        let transport = Transport { spec, factor: 1.0, n_classes: 1, n_texts: 2 };
        let plan = transport.plan(&[0.9, 0.1, 0.8, 0.7, 0.0, 0.5]);
        let column = |n: usize| plan.iter().skip(n).step_by(2).sum::<f32>();
        assert!(plan.chunks(2).all(|row| (row.iter().sum::<f32>() - 1.0 / 3.0).abs() < 1e-3), "{plan:?}");
        assert!((column(0) - 0.5).abs() < 1e-5 && (column(1) - 0.5).abs() < 1e-5, "{plan:?}");
        assert!(plan[0] > plan[1] && plan[5] > plan[4], "{plan:?}");
    }
}
