//! From a program's outputs to metrics and per-example outcomes.

use burn::tensor::Tensor;

use crate::forecasts::ItemErrors;
use crate::golds::Golds;
use crate::record::{AnswerScores, ExampleOutcome, ForecastErrors, ItemReading, Metrics};

/// What a program makes of items, in their order: log-probabilities of classes, or of the options that an item has; or forecasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    rows: Vec<Vec<f32>>,
}

impl Scored {
    /// From aligned outputs, one tensor a pass: `[batch, target]`, and the places of its items. Scores of classes become
    /// log-probabilities; forecasts stay what they are.
    pub fn gather(golds: &Golds, n_outputs: usize, passes: impl Iterator<Item = (Vec<usize>, Tensor<2>)>) -> Self {
        let mut rows = vec![Vec::new(); golds.len()];
        for (indices, found) in passes {
            let found: Vec<f32> = found.try_into_vec_as().expect("outputs are floats");
            for (row, place) in found.chunks(n_outputs).zip(indices) {
                // An option that an item lacks has no probability, and is no part of any sum.
                let row = &row[..golds.n_outputs(place, n_outputs)];
                rows[place] = match golds {
                    Golds::Classes(_) | Golds::Options { .. } => log_softmax(row),
                    Golds::Futures(_) => row.to_vec(),
                };
            }
        }
        Self { rows }
    }

    /// Against what is right: accuracy and loss, or errors of forecasts.
    ///
    /// # Panics
    /// Where there are no items: no split is empty.
    pub fn metrics(&self, golds: &Golds) -> Metrics {
        let n = golds.len();
        match golds {
            Golds::Classes(classes) | Golds::Options { right: classes, .. } => {
                let rows = || self.rows().zip(classes);
                let right = rows().filter(|(row, class)| argmax(row) == **class).count();
                let loss: f64 = rows().map(|(row, &class)| -f64::from(row[class])).sum();
                Metrics::right(n, right as f64 / n as f64, Some(loss / n as f64))
            }
            Golds::Futures(futures) => {
                let items: Vec<ItemErrors> =
                    self.rows().zip(futures).map(|(row, future)| ItemErrors::of(future.values.values(), row, future.unit)).collect();
                Metrics::forecast(n, ForecastErrors::mean(&items).expect("a split has items"))
            }
        }
    }

    /// One outcome an item. `answers`: what they are worth before ω, an entry an item, where that is known.
    pub fn outcomes(&self, ids: &[String], golds: &Golds, answers: Option<Vec<AnswerScores>>) -> Vec<ExampleOutcome> {
        let readings: Vec<ItemReading> = match golds {
            Golds::Classes(classes) | Golds::Options { right: classes, .. } => {
                let mut answers = answers.into_iter().flatten();
                let scored = |(row, &gold): (&[f32], &usize)| ItemReading::Scored {
                    gold,
                    prediction: argmax(row),
                    log_probabilities: row.to_vec(),
                    answers: answers.next(),
                };
                self.rows().zip(classes).map(scored).collect()
            }
            Golds::Futures(futures) => {
                let rows = self.rows().zip(futures);
                let forecast = rows.map(|(row, future)| ItemReading::Forecast {
                    gold: future.values.values().to_vec(),
                    forecast: row.to_vec(),
                    errors: ItemErrors::of(future.values.values(), row, future.unit),
                });
                forecast.collect()
            }
        };
        ids.iter().zip(readings).map(|(id, reading)| ExampleOutcome { id: id.clone(), reading }).collect()
    }

    /// The greatest difference of an item's outputs from those of `alone`, which are of that item only.
    pub fn difference(&self, item: usize, alone: &Self) -> f64 {
        let row = self.rows[item].iter().zip(alone.rows.iter().flatten());
        row.map(|(one, other)| f64::from((one - other).abs())).fold(0.0, f64::max)
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.rows.iter().flatten().all(|value| value.is_finite())
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.rows.iter().map(Vec::as_slice)
    }
}

/// Ties go to the lower index.
fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

fn log_softmax(row: &[f32]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = row.iter().map(|score| f64::from(score - largest).exp()).sum();
    let log_total = total.ln() as f32;
    row.iter().map(|score| score - largest - log_total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Future, Series};
    use burn::tensor::Device;

    fn outputs(rows: [[f32; 2]; 2]) -> Tensor<2> {
        Tensor::from_floats(rows, &Device::flex())
    }

    #[test]
    fn passes_in_any_order_give_the_same() {
        let golds = Golds::Classes(vec![1, 1]);
        let one = Scored::gather(&golds, 2, [(vec![0, 1], outputs([[1.0, 3.0], [2.0, 2.0]]))].into_iter());
        let other = Scored::gather(&golds, 2, [(vec![1, 0], outputs([[2.0, 2.0], [1.0, 3.0]]))].into_iter());
        assert_eq!(one, other);
        let metrics = one.metrics(&golds);
        assert!((metrics.accuracy.unwrap() - 0.5).abs() < 1e-12, "a tie goes to the lower index");
        let expected = f64::midpoint((1.0 + (-2f64).exp()).ln(), 2f64.ln());
        assert!((metrics.loss.unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn an_option_that_an_item_lacks_has_no_probability() {
        let golds = Golds::Options { right: vec![1, 2], counts: vec![2, 3] };
        // Whatever a program says of the third option of the first item.
        let passes = |missing: f32| {
            let outputs = Tensor::<2>::from_floats([[0.0, 1.0, missing], [0.0, 0.0, 2.0]], &Device::flex());
            Scored::gather(&golds, 3, [(vec![0, 1], outputs)].into_iter())
        };
        let scored = passes(-1e30);
        assert!(scored.is_finite());
        assert_eq!(scored, passes(99.0));
        assert_eq!(scored, passes(f32::NAN));
        assert!((scored.metrics(&golds).accuracy.unwrap() - 1.0).abs() < 1e-12);
        let outcomes = scored.outcomes(&["a".to_owned(), "b".to_owned()], &golds, None);
        let found = outcomes[0].scored().unwrap();
        assert_eq!((found.log_probabilities.len(), found.prediction), (2, 1));
        assert!((found.log_probabilities.iter().map(|p| p.exp()).sum::<f32>() - 1.0).abs() < 1e-6);
        let alone = Tensor::<2>::from_floats([[0.0, 0.0, 2.0]], &Device::flex());
        let alone = Scored::gather(&golds.only(1), 3, std::iter::once((vec![0], alone)));
        assert!(scored.difference(1, &alone) < 1e-6);
    }

    #[test]
    fn forecasts_stay_as_they_are_and_have_errors() {
        let future = |values: [f32; 2], unit| Future { values: Series::new(&values), unit };
        let golds = Golds::Futures(vec![future([1.0, 3.0], 0.5), future([0.0, 0.0], 2.0)]);
        let scored = Scored::gather(&golds, 2, [(vec![1, 0], outputs([[2.0, -2.0], [1.0, 2.0]]))].into_iter());
        let metrics = scored.metrics(&golds);
        assert_eq!((metrics.n, metrics.accuracy, metrics.loss), (2, None, None));
        assert_eq!(metrics.errors, Some(ForecastErrors { mse: 2.25, mae: 1.25, mase: 1.0 }));
        assert_eq!(metrics.merit(), (-2.25, None));
        let outcomes = scored.outcomes(&["a".to_owned(), "b".to_owned()], &golds, None);
        assert_eq!(ForecastErrors::of(&outcomes), metrics.errors);
        assert_eq!(outcomes[0].is_right(), None);
        assert!((outcomes[0].value() - 0.5).abs() < 1e-12);
    }
}
