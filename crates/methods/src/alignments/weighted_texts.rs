//! Sentences are weighted by how sure similarities to them are, without a label.
//!
//! ```text
//! z[i, c, p] = s[i, c, p] − mean over i of s[i, c, p]      s: scaled similarity of image i to sentence p of class c
//! w = softmax over p of (mean over i of max over c of z[i, c, p])
//! y[c] = Σ_p w_p s[c, p]
//! ```
//!
//! The images are the training items; their labels are not looked at.
//!
//! # Reference
//! Allingham et al., ICML 2023, arXiv 2302.06235 (ZPE), §3: there half of what is subtracted is the mean over images of another data set.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::fitted_matrix;
use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Evidence, Fitting, Part, Reads, Setup};

/// `part = "weighted-texts"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedTextsSpec {}

/// The weights.
#[derive(Module, Debug)]
pub struct WeightedTexts {
    /// `[class · sentence, class]`: w for a class's own sentences.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    n_classes: usize,
    /// w.
    #[module(skip)]
    weights: Vec<f64>,
}

impl Part for WeightedTextsSpec {
    type Coordinates = Alignment;
    type Module = WeightedTexts;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WeightedTexts, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0)?;
        let n_classes = setup.target.n_classes();
        let weights = vec![1.0];
        Ok(WeightedTexts { matrix: fitted_matrix(spread(&weights, n_classes), n_classes, setup.device), n_classes, weights })
    }
}

/// Weights of sentences as a matrix `[class · sentence, class]`.
fn spread(weights: &[f64], n_classes: usize) -> Vec<f32> {
    let of_class = |class: usize| weights.iter().flat_map(move |w| (0..n_classes).map(move |to| if to == class { *w as f32 } else { 0.0 }));
    (0..n_classes).flat_map(of_class).collect()
}

impl Align for WeightedTexts {
    fn reads(&self) -> Reads {
        Reads::EachText
    }

    fn evidence(&self) -> Evidence {
        Evidence::TrainingOnce
    }

    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        let n = texts.classes().first().map_or(0, Vec::len);
        if n == 0 || texts.classes().iter().any(|texts| texts.len() != n) {
            let needs = "the same sentences for all classes, and at least one".to_owned();
            return Err(Misfit::PartNeeds { part: "weighted-texts".to_owned(), needs });
        }
        self.weights = vec![1.0 / n as f64; n];
        self.matrix = fitted_matrix(spread(&self.weights, self.n_classes), self.n_classes, setup.device);
        Ok(())
    }

    fn fit(&mut self, Fitting { scores, labels: _ }: Fitting<'_>) {
        let [n_items, n_texts] = scores.dims();
        let n = self.weights.len();
        let values: Vec<f32> = scores.try_to_vec_as().expect("scores are floats");
        let mean = |text: usize| values.iter().skip(text).step_by(n_texts).map(|&value| f64::from(value)).sum::<f64>() / n_items as f64;
        let means: Vec<f64> = (0..n_texts).map(mean).collect();
        let sureness = |sentence: usize| {
            let surest = |row: &[f32]| {
                let of_classes = (sentence..n_texts).step_by(n).map(|text| f64::from(row[text]) - means[text]);
                of_classes.fold(f64::NEG_INFINITY, f64::max)
            };
            values.chunks(n_texts).map(surest).sum::<f64>() / n_items as f64
        };
        let scores: Vec<f64> = (0..n).map(sureness).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f64 = shares.iter().sum();
        self.weights = shares.iter().map(|share| share / total).collect();
        self.matrix = fitted_matrix(spread(&self.weights, self.n_classes), self.n_classes, &self.matrix.val().device());
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        let weights: Vec<String> = self.weights.iter().map(|weight| format!("{weight:.3}")).collect();
        Some(format!("weights of the sentences, in their order: {}", weights.join(", ")))
    }
}
