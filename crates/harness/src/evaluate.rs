//! From scores to metrics and per-example outcomes.

use burn::tensor::Tensor;

use crate::record::{AnswerScores, ExampleOutcome, ItemReading, Metrics};

/// Log-probabilities of items, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    n_classes: usize,
    log_probabilities: Vec<f32>,
}

impl Scored {
    /// From aligned scores, one tensor a pass: `[batch, target]`, and the places of its items.
    pub fn gather(n: usize, n_classes: usize, passes: impl Iterator<Item = (Vec<usize>, Tensor<2>)>) -> Self {
        let mut log_probabilities = vec![0.0; n * n_classes];
        for (indices, scores) in passes {
            let rows: Vec<f32> = scores.try_into_vec_as().expect("scores are floats");
            for (row, place) in rows.chunks(n_classes).zip(indices) {
                log_probabilities[place * n_classes..(place + 1) * n_classes].copy_from_slice(&log_softmax(row));
            }
        }
        Self { n_classes, log_probabilities }
    }

    /// Accuracy and loss against gold classes.
    pub fn metrics(&self, labels: &[usize]) -> Metrics {
        let rows = || self.log_probabilities.chunks(self.n_classes).zip(labels);
        let right = rows().filter(|(row, label)| argmax(row) == **label).count();
        let loss: f64 = rows().map(|(row, &label)| -f64::from(row[label])).sum();
        let n = labels.len();
        Metrics { n, accuracy: right as f64 / n as f64, loss: Some(loss / n as f64), unanswered: None }
    }

    /// One outcome an item. `answers`: what they are worth before ω, an entry an item, where that is known.
    pub fn outcomes(&self, ids: &[String], labels: &[usize], answers: Option<Vec<AnswerScores>>) -> Vec<ExampleOutcome> {
        let mut answers = answers.into_iter().flatten();
        let rows = self.log_probabilities.chunks(self.n_classes).zip(ids).zip(labels);
        let outcome = |((row, id), &gold): ((&[f32], &String), &usize)| {
            let reading = ItemReading::Scored { gold, prediction: argmax(row), log_probabilities: row.to_vec(), answers: answers.next() };
            ExampleOutcome { id: id.clone(), reading }
        };
        rows.map(outcome).collect()
    }

    /// The greatest difference of an item's log-probabilities from those of `alone`, which are of that item only.
    pub fn difference(&self, item: usize, alone: &Self) -> f64 {
        let row = self.log_probabilities[item * self.n_classes..].iter().zip(&alone.log_probabilities);
        row.map(|(one, other)| f64::from((one - other).abs())).fold(0.0, f64::max)
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.log_probabilities.iter().all(|value| value.is_finite())
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
    use burn::tensor::Device;

    #[test]
    fn passes_in_any_order_give_the_same() {
        let device = Device::flex();
        let scores = |rows: [[f32; 2]; 2]| Tensor::<2>::from_floats(rows, &device);
        let one = Scored::gather(2, 2, [(vec![0, 1], scores([[1.0, 3.0], [2.0, 2.0]]))].into_iter());
        let other = Scored::gather(2, 2, [(vec![1, 0], scores([[2.0, 2.0], [1.0, 3.0]]))].into_iter());
        assert_eq!(one, other);
        let metrics = one.metrics(&[1, 1]);
        assert!((metrics.accuracy - 0.5).abs() < 1e-12, "a tie goes to the lower index");
        let expected = f64::midpoint((1.0 + (-2f64).exp()).ln(), 2f64.ln());
        assert!((metrics.loss.unwrap() - expected).abs() < 1e-6);
    }
}
