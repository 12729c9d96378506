//! Pixels as a tower was trained on them.

use burn::tensor::{Device, Tensor, TensorData};

/// `(pixel − mean) / std`, channel by channel; the identity where nothing is said.
#[derive(Debug, Clone)]
pub struct Standardise {
    /// `1 / std` and `−mean / std`, each `[1, channel, 1, 1]`.
    maps: Option<(Tensor<4>, Tensor<4>)>,
}

impl Standardise {
    /// From one mean and one standard deviation a channel.
    #[allow(clippy::float_cmp, reason = "exactly 0 and 1 mean that nothing is to be done")]
    pub fn new(mean: &[f32], std: &[f32], device: &Device) -> Self {
        if mean.iter().all(|&mean| mean == 0.0) && std.iter().all(|&std| std == 1.0) {
            return Self { maps: None };
        }
        let tensor = |values: Vec<f32>| {
            let shape = [1, values.len(), 1, 1];
            Tensor::from_data(TensorData::new(values, shape), device)
        };
        let shift = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        Self { maps: Some((tensor(std.iter().map(|std| 1.0 / std).collect()), tensor(shift))) }
    }

    /// `[batch, channel, height, width]`, shape kept.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        match &self.maps {
            Some((scale, shift)) => image * scale.clone() + shift.clone(),
            None => image,
        }
    }
}
