//! One learned number: by how much the image is enlarged about its centre, within its own place on the canvas.
//!
//! `x'[r, c] = Σ_ij R[r, i] x[i, j] R[c, j]` with `R[r, i] = max(0, 1 − |(r − m) / a + m − i|)`: bilinear sampling, m the middle,
//! differentiable in a. Where a place falls on a pixel, as all do at a = 1, its slope is that towards the next pixel, which is how
//! PyTorch's `grid_sample` differentiates. What comes from beyond the image is black; a is kept in .1 to 5. It goes in front of a
//! frame, and leaves the frame's place black.
//!
//! # Reference
//! Tsao et al., ICLR 2024, arXiv 2310.08381, §3.1 (AutoVP's trainable input scale). Sampling does not smooth what it shrinks.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::masked_delta::canvas;
use crate::{Manipulate, Part, Setup};

/// `part = "trainable-resize"`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TrainableResizeSpec {
    /// a at the start; one changes nothing.
    pub scale: f32,
}

impl Default for TrainableResizeSpec {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

/// a.
#[derive(Module, Debug)]
pub struct TrainableResize {
    /// `[1]`
    scale: Param<Tensor<1>>,
    #[module(skip)]
    rows: Axis,
    #[module(skip)]
    columns: Axis,
}

/// An axis of the canvas, and where the image lies on it.
#[derive(Debug, Clone)]
struct Axis {
    /// Distance from the image's middle, `[canvas, 1]`.
    offsets: Tensor<2>,
    /// 1 where both pixels belong to the image, `[canvas, canvas]`.
    inside: Tensor<2>,
}

impl Part for TrainableResizeSpec {
    type Coordinates = Site;
    type Module = TrainableResize;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<TrainableResize, Misfit> {
        let (_, placement) = canvas(setup, "trainable-resize")?;
        let device = setup.backbone.device();
        let axis = |at: usize| {
            let (canvas, first, n) = (placement.canvas[at], placement.offset()[at], placement.image[at]);
            let middle = first as f32 + (n as f32 - 1.0) / 2.0;
            let offsets: Vec<f32> = (0..canvas).map(|pixel| pixel as f32 - middle).collect();
            let inside: Vec<f32> = (0..canvas).map(|pixel| f32::from(u8::from((first..first + n).contains(&pixel)))).collect();
            let column = |values| Tensor::<2>::from_data(TensorData::new(values, [canvas, 1]), in_f32(&device));
            let inside = column(inside);
            Axis { offsets: column(offsets), inside: inside.clone().matmul(inside.transpose()) }
        };
        let scale = TensorData::new(vec![self.scale], [1]);
        Ok(TrainableResize { scale: Param::from_tensor(Tensor::from_data(scale, in_f32(setup.device))), rows: axis(0), columns: axis(1) })
    }
}

impl Axis {
    /// R.
    fn sampling(&self, scale: Tensor<1>) -> Tensor<2> {
        let from = self.offsets.clone() / scale.unsqueeze();
        let beyond = from - self.offsets.clone().transpose();
        let within = |low: f32| {
            let beyond = beyond.clone().detach();
            beyond.clone().greater_equal_elem(low).bool_and(beyond.lower_elem(low + 1.0)).float()
        };
        let behind = beyond.clone().neg().add_scalar(1.0) * within(0.0);
        let before = beyond.clone().add_scalar(1.0) * within(-1.0);
        (behind + before) * self.inside.clone()
    }
}

impl Manipulate for TrainableResize {
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        let scale = self.scale.val().clamp(0.1, 5.0);
        let rows = self.rows.sampling(scale.clone()).unsqueeze::<4>();
        let columns = self.columns.sampling(scale).transpose().unsqueeze::<4>();
        rows.matmul(images).matmul(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// R of four pixels in the middle of six.
    fn sampled(scale: f32) -> Vec<f32> {
        line(Tensor::from_floats([scale], &Device::flex())).try_into_vec_as().unwrap()
    }

    /// `[6, 1]`
    fn line(scale: Tensor<1>) -> Tensor<2> {
        let device = scale.device();
        let column = |values: [f32; 6]| Tensor::<1>::from_floats(values, &device).reshape([6, 1]);
        let inside = column([0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        let axis = Axis { offsets: column([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]), inside: inside.clone().matmul(inside.transpose()) };
        let line = column([0.0, 10.0, 20.0, 30.0, 40.0, 0.0]);
        axis.sampling(scale).matmul(line)
    }

    #[test]
    fn a_scale_of_one_is_the_identity_and_two_doubles_about_the_middle() {
        assert_eq!(sampled(1.0), [0.0, 10.0, 20.0, 30.0, 40.0, 0.0]);
        // Places 1 to 4 come from 1.75, 2.25, 2.75 and 3.25.
        assert_eq!(sampled(2.0), [0.0, 17.5, 22.5, 27.5, 32.5, 0.0]);
        // They come from −.5, 1.5, 3.5 and 5.5, the first and last beyond the image.
        assert_eq!(sampled(0.5), [0.0, 0.0, 15.0, 35.0, 0.0, 0.0]);
    }
    #[test]
    fn a_scale_of_one_is_left_along_the_slope_to_the_next_pixel() {
        let scale = Tensor::<1>::from_floats([1.0], &Device::flex().autodiff()).require_grad();
        let gradients = line(scale.clone()).sum().backward();
        // Places −1.5, −.5, .5 and 1.5 move by as much against their sign; slopes are 10, 10, 10 and, towards the black beyond, −40.
        let expected = 1.5 * 10.0 + 0.5 * 10.0 - 0.5 * 10.0 + 1.5 * 40.0;
        let found: Vec<f32> = scale.grad(&gradients).unwrap().try_into_vec_as().unwrap();
        assert_eq!(found, [expected]);
    }
}
