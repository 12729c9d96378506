//! A class is as near as the nearest of its texts are.
//!
//! ```text
//! y[c] = sum over groups g of w_g · mean of the k largest s[t] over the texts t of class c in group g
//! ```
//!
//! s are scaled similarities to all texts. With one group and as many texts as k it is the mean of similarities.
//!
//! # Reference
//! Cai et al., ICLR 2025, arXiv 2501.13982 (AttrVR), eq. 6 and 7: descriptive and distinctive attributes, k = 3, w = (λ, 1 − λ), λ = .5.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{Align, ClassTexts, Part, Reads, Setup};

/// `part = "top-texts"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TopTextsSpec {
    /// k.
    pub k: usize,
    /// w, one number a group.
    pub weights: Vec<f32>,
}

impl Default for TopTextsSpec {
    fn default() -> Self {
        Self { k: 3, weights: vec![1.0] }
    }
}

/// The rule, and the texts that it is about.
#[derive(Module, Debug)]
pub struct TopTexts {
    #[module(skip)]
    spec: TopTextsSpec,
    /// Class, weight and texts of each group.
    #[module(skip)]
    groups: Vec<(usize, f32, Vec<usize>)>,
    #[module(skip)]
    n_classes: usize,
}

fn needs(needs: String) -> Misfit {
    Misfit::PartNeeds { part: "top-texts".to_owned(), needs }
}

impl Part for TopTextsSpec {
    type Coordinates = Alignment;
    type Module = TopTexts;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<TopTexts, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), 0)?;
        if self.k == 0 {
            return Err(needs("`k` of at least 1".to_owned()));
        }
        Ok(TopTexts { spec: self.clone(), groups: Vec::new(), n_classes: setup.target.n_classes() })
    }
}

impl Align for TopTexts {
    fn reads(&self) -> Reads {
        Reads::EachText
    }

    fn settle(&mut self, texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        let TopTextsSpec { k, weights } = &self.spec;
        if texts.n_groups() != weights.len() {
            return Err(needs(format!(
                "one weight a group of texts, but there are {} weights and {} groups",
                weights.len(),
                texts.n_groups()
            )));
        }
        let columns = texts.owners().into_iter().zip(texts.groups()).enumerate();
        let columns: Vec<(usize, (usize, usize))> = columns.map(|(column, (class, group))| (column, (class, *group))).collect();
        self.groups.clear();
        for class in 0..self.n_classes {
            for (group, &weight) in weights.iter().enumerate() {
                let own: Vec<usize> = columns.iter().filter(|(_, at)| *at == (class, group)).map(|(column, _)| *column).collect();
                if own.len() < *k {
                    return Err(needs(format!("at least {k} texts of each class in each group, but there are {}", own.len())));
                }
                self.groups.push((class, weight, own));
            }
        }
        Ok(())
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        let ([n_items, n_texts], k) = (scores.dims(), self.spec.k);
        let values: Vec<f32> = scores.try_to_vec_as().expect("scores are floats");
        let mut chosen = vec![0.0f32; values.len()];
        let mut owner = vec![0.0f32; n_texts * self.n_classes];
        for (class, weight, columns) in &self.groups {
            for column in columns {
                owner[column * self.n_classes + class] = 1.0;
            }
            for (row, chosen) in values.chunks(n_texts).zip(chosen.chunks_mut(n_texts)) {
                let mut order = columns.clone();
                // Stable: ties go to the lower text.
                order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
                for &column in &order[..k] {
                    chosen[column] = weight / k as f32;
                }
            }
        }
        let device = in_f32(&scores.device());
        let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [n_items, n_texts]), device.clone());
        let owner = Tensor::<2>::from_data(TensorData::new(owner, [n_texts, self.n_classes]), device);
        (scores * chosen).matmul(owner)
    }
}
