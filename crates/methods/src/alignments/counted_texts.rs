//! A class's texts speak for it as often as they are near to its training items.
//!
//! `y = s R`, s the scaled similarities to all texts. `R[t, c]`, for a text t of class c, is its share in the k texts of c that are
//! nearest to each of c's training items; texts of other classes have none. It is counted again before every epoch. Before the
//! first count, and where a class has no training items, its texts have equal shares.
//!
//! # Reference
//! Cai et al., ICML 2025, arXiv 2506.01000 (DVP), §4 (the probabilistic reweighting matrix), k = 3.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::fitted_matrix;
use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Evidence, Fitting, Part, Reads, Setup};

/// `part = "counted-texts"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CountedTextsSpec {
    /// k: how many texts are counted for an item.
    pub k: usize,
}

impl Default for CountedTextsSpec {
    fn default() -> Self {
        Self { k: 3 }
    }
}

/// R.
#[derive(Module, Debug)]
pub struct CountedTexts {
    /// Columns sum to one, `[text, class]`.
    matrix: Param<Tensor<2>>,
    #[module(skip)]
    k: usize,
    /// The class of each text.
    #[module(skip)]
    owners: Vec<usize>,
    #[module(skip)]
    n_classes: usize,
}

impl Part for CountedTextsSpec {
    type Coordinates = Alignment;
    type Module = CountedTexts;

    fn coordinates(&self) -> Alignment {
        Alignment::Statistical
    }

    fn build(&self, setup: &Setup<'_>) -> Result<CountedTexts, Misfit> {
        let names = ClassTexts::names(&setup.target.classes);
        check_texts(setup, &names, 0)?;
        if self.k == 0 {
            return Err(Misfit::PartNeeds { part: "counted-texts".to_owned(), needs: "`k` of at least 1".to_owned() });
        }
        let n_classes = setup.target.n_classes();
        let matrix = fitted_matrix(own_shares(&names.owners(), n_classes), n_classes, setup.device);
        Ok(CountedTexts { matrix, k: self.k, owners: names.owners(), n_classes })
    }
}

/// Each class its own texts in equal shares, `[text, class]`.
fn own_shares(owners: &[usize], n_classes: usize) -> Vec<f32> {
    let n_own = |class: usize| owners.iter().filter(|owner| **owner == class).count();
    let row = |&owner: &usize| (0..n_classes).map(move |class| if class == owner { 1.0 / n_own(class) as f32 } else { 0.0 });
    owners.iter().flat_map(row).collect()
}

impl Align for CountedTexts {
    fn reads(&self) -> Reads {
        Reads::EachText
    }

    fn evidence(&self) -> Evidence {
        Evidence::TrainingEveryEpoch
    }

    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        self.owners = texts.owners();
        self.matrix = fitted_matrix(own_shares(&self.owners, self.n_classes), self.n_classes, setup.device);
        Ok(())
    }

    fn fit(&mut self, Fitting { scores, labels }: Fitting<'_>) {
        let (n_texts, n_classes) = (self.owners.len(), self.n_classes);
        let values: Vec<f32> = scores.try_to_vec_as().expect("scores are floats");
        let mut counts = vec![0.0f32; n_texts * n_classes];
        for (row, &label) in values.chunks(n_texts).zip(labels) {
            let mut order: Vec<usize> = (0..n_texts).filter(|&text| self.owners[text] == label).collect();
            // Stable: ties go to the lower text.
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
            order.iter().take(self.k).for_each(|text| counts[text * n_classes + label] += 1.0);
        }
        let totals: Vec<f32> = (0..n_classes).map(|class| counts.iter().skip(class).step_by(n_classes).sum()).collect();
        let share = |(i, own): (usize, f32)| {
            let total = totals[i % n_classes];
            if total > 0.0 { counts[i] / total } else { own }
        };
        let shares = own_shares(&self.owners, n_classes).into_iter().enumerate().map(share).collect();
        self.matrix = fitted_matrix(shares, n_classes, &self.matrix.val().device());
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.matrix.val())
    }

    fn note(&self) -> Option<String> {
        Some(format!("texts weighted by how often they are among the {} of a class that are nearest to its training items", self.k))
    }
}
