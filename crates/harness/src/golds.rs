//! What is right for the items of a split, and what a program's outputs are held against: classes, options of items, or futures of series.

use burn::tensor::{Tensor, TensorData};
use reprogram_models::{cross_entropy, in_f32, squared_error};
use reprogram_taxonomy::Misfit;

use crate::data::{Content, Example, Future, Gold};

/// Of all items, in their order; of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Golds {
    /// Classes.
    Classes(Vec<usize>),
    /// Options that items bring themselves, by their places.
    Options {
        /// The right ones.
        right: Vec<usize>,
        /// How many each item has: those of the outputs that count.
        counts: Vec<usize>,
    },
    /// How series go on, all over the same number of steps.
    Futures(Vec<Future>),
}

impl Golds {
    /// Of these items, or why outputs cannot be held against what is right for them.
    pub fn of<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Result<Self, Misfit> {
        let (mut classes, mut counts, mut futures) = (Vec::new(), Vec::new(), Vec::new());
        for example in examples {
            if let Content::Question(question) = &example.content {
                counts.push(question.options.len());
            }
            match &example.gold {
                Gold::Class(class) => classes.push(*class),
                Gold::Future(future) => futures.push(future.clone()),
                Gold::Answer { .. } => {
                    return Err(Misfit::PartNeeds { part: "scoring".to_owned(), needs: "classes, not open answers".to_owned() });
                }
            }
        }
        assert!(classes.is_empty() || futures.is_empty(), "items of a data set are of one kind");
        assert!(counts.is_empty() || counts.len() == classes.len(), "items of a data set are of one kind");
        Ok(match (futures.is_empty(), counts.is_empty()) {
            (false, _) => Self::Futures(futures),
            (true, true) => Self::Classes(classes),
            (true, false) => Self::Options { right: classes, counts },
        })
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) | Self::Options { right: classes, .. } => classes.len(),
            Self::Futures(futures) => futures.len(),
        }
    }

    /// Of this item alone.
    pub fn only(&self, item: usize) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(vec![classes[item]]),
            Self::Options { right, counts } => Self::Options { right: vec![right[item]], counts: vec![counts[item]] },
            Self::Futures(futures) => Self::Futures(vec![futures[item].clone()]),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes, for what is fitted on them; none where series are forecast, on which nothing is fitted.
    pub fn classes(&self) -> &[usize] {
        match self {
            Self::Classes(classes) | Self::Options { right: classes, .. } => classes,
            Self::Futures(_) => &[],
        }
    }

    /// How many of a program's outputs for an item count: all, but for options that it lacks.
    pub fn n_outputs(&self, item: usize, all: usize) -> usize {
        match self {
            Self::Classes(_) | Self::Futures(_) => all,
            Self::Options { counts, .. } => counts[item].min(all),
        }
    }

    /// The mean training loss of outputs for some of the items, `[item, output]`: cross-entropy of scores of classes, or the squared
    /// error of forecasts.
    pub fn loss(&self, outputs: Tensor<2>, indices: &[usize]) -> Tensor<1> {
        match self {
            Self::Classes(classes) | Self::Options { right: classes, .. } => {
                cross_entropy(outputs, &indices.iter().map(|&i| classes[i]).collect::<Vec<_>>())
            }
            Self::Futures(futures) => {
                let values: Vec<f32> = indices.iter().flat_map(|&i| futures[i].values.values().iter().copied()).collect();
                let gold = TensorData::new(values, outputs.dims());
                let gold = Tensor::from_data(gold, in_f32(&outputs.device()));
                squared_error(outputs, gold)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Question, Series};
    use burn::tensor::Device;
    use reprogram_methods::Options;

    #[test]
    fn a_question_counts_its_own_options() {
        let question = |n: usize, right: usize| Example {
            id: String::new(),
            content: Content::Question(Question { text: "Which?".to_owned(), options: Options::Answers(vec!["it".to_owned(); n]) }),
            gold: Gold::Class(right),
        };
        let golds = Golds::of(&[question(3, 2), question(5, 0)]).unwrap();
        assert_eq!(golds, Golds::Options { right: vec![2, 0], counts: vec![3, 5] });
        assert_eq!((golds.n_outputs(0, 5), golds.n_outputs(1, 5), golds.classes()), (3, 5, &[2, 0][..]));
        // What a program gives an option that is not there weighs nothing in the loss.
        let outputs = Tensor::<2>::from_floats([[0.0, 0.0, 0.0, -1e30, -1e30]], &Device::flex());
        let loss: f32 = golds.loss(outputs, &[0]).into_scalar();
        assert!((loss - 3f32.ln()).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn futures_are_met_by_squared_errors_and_classes_by_cross_entropy() {
        let future = |values: [f32; 2]| Future { values: Series::new(&values), unit: 1.0 };
        let futures = Golds::Futures(vec![future([9.0, 9.0]), future([1.0, -1.0]), future([0.0, 2.0])]);
        let outputs = || Tensor::<2>::from_floats([[0.0, 2.5], [2.0, -1.0]], &Device::flex());
        let loss: f32 = futures.loss(outputs(), &[2, 1]).into_scalar();
        assert!((loss - (0.25 + 1.0) / 4.0).abs() < 1e-6, "{loss}");
        let loss: f32 = Golds::Classes(vec![1, 0]).loss(outputs(), &[0, 1]).into_scalar();
        let expected = f32::midpoint((-2.5f32).exp().ln_1p(), (-3.0f32).exp().ln_1p());
        assert!((loss - expected).abs() < 1e-6, "{loss}");
        assert_eq!((futures.len(), futures.classes()), (3, &[][..]));
    }
}
