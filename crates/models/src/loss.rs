//! The losses that trained parts are trained with: one for classes, one for forecasts.

use burn::tensor::{Int, Tensor, TensorData, activation};

use crate::raised;

/// Mean negative log-probability of the gold classes, differentiable. `scores`: `[batch, class]`.
pub fn cross_entropy(scores: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let n = labels.len();
    let labels = Tensor::<2, Int>::from_data(TensorData::new(labels, [n, 1]), &scores.device());
    activation::log_softmax(raised(scores), 1).gather(1, labels).mean().neg()
}

/// Mean squared difference of all numbers, differentiable.
pub fn squared_error(outputs: Tensor<2>, gold: Tensor<2>) -> Tensor<1> {
    (raised(outputs) - gold).square().mean()
}
