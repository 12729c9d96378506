//! What is right for the items of a split, and what a program's outputs are held against: classes, or futures of series.

use burn::tensor::{Tensor, TensorData};
use reprogram_models::{cross_entropy, in_f32, squared_error};
use reprogram_taxonomy::Misfit;

use crate::data::{Example, Future, Gold};

/// Of all items, in their order; of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Golds {
    /// Classes.
    Classes(Vec<usize>),
    /// How series go on, all over the same number of steps.
    Futures(Vec<Future>),
}

impl Golds {
    /// Of these items, or why outputs cannot be held against what is right for them.
    pub fn of<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Result<Self, Misfit> {
        let (mut classes, mut futures) = (Vec::new(), Vec::new());
        for example in examples {
            match &example.gold {
                Gold::Class(class) => classes.push(*class),
                Gold::Future(future) => futures.push(future.clone()),
                Gold::Answer { .. } => {
                    return Err(Misfit::PartNeeds { part: "scoring".to_owned(), needs: "classes, not open answers".to_owned() });
                }
            }
        }
        assert!(classes.is_empty() || futures.is_empty(), "items of a data set are of one kind");
        Ok(if futures.is_empty() { Self::Classes(classes) } else { Self::Futures(futures) })
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Futures(futures) => futures.len(),
        }
    }

    /// Of this item alone.
    pub fn only(&self, item: usize) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(vec![classes[item]]),
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
            Self::Classes(classes) => classes,
            Self::Futures(_) => &[],
        }
    }

    /// The mean training loss of outputs for some of the items, `[item, output]`: cross-entropy of scores of classes, or the squared
    /// error of forecasts.
    pub fn loss(&self, outputs: Tensor<2>, indices: &[usize]) -> Tensor<1> {
        match self {
            Self::Classes(classes) => cross_entropy(outputs, &indices.iter().map(|&i| classes[i]).collect::<Vec<_>>()),
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
    use crate::data::Series;
    use burn::tensor::Device;

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
