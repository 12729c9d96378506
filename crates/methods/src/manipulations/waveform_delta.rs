//! A learned change of a waveform, under which a series lies once or several times.
//!
//! `x' = Σ_s shift_s(x) + M ⊙ dropout(δ)`. The series lies in the middle of the canvas where it lies once. Of several copies, the
//! s-th begins at `s · ⌊⌊N / n⌋ / copies⌋ · n`, n the values of the series and N the samples of the canvas. M is 1 everywhere, or
//! around the copies alone. δ is dropped out in training passes only.
//!
//! # Reference
//! Yang et al., ICML 2021, arXiv 2106.09296, eq. 2 (`Voice2Series`: M = 0 under the series; their code: M = 1, three copies,
//! dropout .4, λ = .05, δ from Glorot's uniform distribution). The canvas is fixed, so the operator is additive.

use std::num::NonZeroUsize;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, InputSpace, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::dropout::Dropout;
use crate::{Manipulate, Part, Placement, Setup};

/// Where δ is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaveCover {
    /// Everywhere.
    #[default]
    Whole,
    /// Where no copy of the series lies.
    Around,
}

/// What δ starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaveStart {
    /// Zeros: nothing is changed.
    #[default]
    Zero,
    /// U(−b, b), b² = 6 / (N + 1).
    Glorot,
}

/// `part = "waveform-delta"`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WaveformDeltaSpec {
    /// How many times the series lies on the canvas.
    pub copies: NonZeroUsize,
    /// M.
    pub cover: WaveCover,
    /// δ at the start.
    pub start: WaveStart,
    /// Share of δ that is left out of a training pass, in 0..1.
    pub dropout: f64,
    /// λ: the loss has λ · Σ δ² besides.
    pub penalty: f64,
}

impl Default for WaveformDeltaSpec {
    fn default() -> Self {
        Self { copies: NonZeroUsize::MIN, cover: WaveCover::Whole, start: WaveStart::Zero, dropout: 0.0, penalty: 0.0 }
    }
}

/// The change.
#[derive(Module, Debug)]
pub struct WaveformDelta {
    /// δ: `[1, sample]`.
    delta: Param<Tensor<2>>,
    #[module(skip)]
    layout: Layout,
    /// M, where it is not 1 everywhere: `[1, sample]`.
    #[module(skip)]
    mask: Option<Tensor<2>>,
    #[module(skip)]
    dropout: Dropout,
    #[module(skip)]
    penalty: f64,
}

/// Where the copies lie.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    /// Samples of the canvas.
    samples: usize,
    /// Where the series lies when it comes, and how long it is.
    series: (usize, usize),
    /// Where each copy begins; none where the series stays where it is.
    starts: Vec<usize>,
}

impl Layout {
    fn new(placement: Placement, copies: usize) -> Result<Self, Misfit> {
        let (samples, length) = (placement.canvas[1], placement.image[1]);
        let series = (placement.offset()[1], length);
        if copies == 1 {
            return Ok(Self { samples, series, starts: Vec::new() });
        }
        let step = samples / length / copies * length;
        if step == 0 {
            let needs = format!("a canvas of {copies} × {length} samples for its copies, not of {samples}");
            return Err(Misfit::PartNeeds { part: "waveform-delta".to_owned(), needs });
        }
        Ok(Self { samples, series, starts: (0..copies).map(|copy| copy * step).collect() })
    }

    /// Whether a copy lies on a sample.
    fn covers(&self, sample: usize) -> bool {
        let within = |start: usize| sample >= start && sample < start + self.series.1;
        if self.starts.is_empty() { within(self.series.0) } else { self.starts.iter().any(|&start| within(start)) }
    }

    /// `[batch, sample]`, shape kept.
    fn laid(&self, waveforms: Tensor<2>) -> Tensor<2> {
        if self.starts.is_empty() {
            return waveforms;
        }
        let (offset, length) = self.series;
        let batch = waveforms.dims()[0];
        let series = waveforms.clone().narrow(1, offset, length);
        let canvas = waveforms.zeros_like();
        self.starts.iter().fold(canvas, |canvas, &start| canvas.slice_assign([0..batch, start..start + length], series.clone()))
    }
}

impl Part for WaveformDeltaSpec {
    type Coordinates = Site;
    type Module = WaveformDelta;

    fn coordinates(&self) -> Site {
        site(Modality::Audio, Format::Learnable, Location::Input, Operator::Additive)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<WaveformDelta, Misfit> {
        let misfit = |needs: &str| Misfit::PartNeeds { part: "waveform-delta".to_owned(), needs: needs.to_owned() };
        let (InputSpace::Waveform { samples, .. }, Some(placement)) = (setup.backbone.card().main.input, setup.placement) else {
            return Err(misfit("a backbone that is fed recordings"));
        };
        if !(0.0..1.0).contains(&self.dropout) || self.penalty.is_nan() || self.penalty < 0.0 {
            return Err(misfit("a `dropout` of 0 or more, and less than 1, and a `penalty` of 0 or more"));
        }
        let layout = Layout::new(placement, self.copies.get())?;
        let outside: Vec<f32> = (0..samples).map(|sample| f32::from(u8::from(!layout.covers(sample)))).collect();
        let row = |values: Vec<f32>| TensorData::new(values, [1, samples]);
        let mask = match self.cover {
            WaveCover::Whole => None,
            WaveCover::Around if outside.iter().all(|&bit| bit == 0.0) => {
                return Err(misfit("series shorter than the canvas, to be around them: recordings fill it"));
            }
            WaveCover::Around => Some(Tensor::from_data(row(outside), in_f32(&setup.backbone.device()))),
        };
        let bound = match self.start {
            WaveStart::Zero => 0.0,
            WaveStart::Glorot => (6.0 / (samples + 1) as f32).sqrt(),
        };
        let seed = setup.seed.fork("waveform-delta");
        let mut rng = seed.rng();
        let delta: Vec<f32> = (0..samples).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect();
        let delta = Param::from_tensor(Tensor::from_data(row(delta), in_f32(setup.device)));
        Ok(WaveformDelta { delta, layout, mask, dropout: Dropout::new(self.dropout, seed.fork("dropout")), penalty: self.penalty })
    }
}

impl Manipulate for WaveformDelta {
    fn waveforms(&self, waveforms: Tensor<2>) -> Tensor<2> {
        let delta = self.delta.val();
        let delta = if delta.is_require_grad() { self.dropout.apply(delta) } else { delta };
        let delta = match &self.mask {
            Some(mask) => delta * mask.clone(),
            None => delta,
        };
        self.layout.laid(waveforms) + delta
    }

    fn penalty(&self, _class_features: &dyn Fn() -> Tensor<2>) -> Option<Tensor<1>> {
        (self.penalty > 0.0).then(|| self.delta.val().square().sum().mul_scalar(self.penalty))
    }

    fn n_effective(&self) -> Option<usize> {
        let covered = (0..self.layout.samples).filter(|&sample| self.layout.covers(sample)).count();
        Some(self.layout.samples - if self.mask.is_some() { covered } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn layout(samples: usize, length: usize, copies: usize) -> Result<Layout, Misfit> {
        Layout::new(Placement { canvas: [1, samples], image: [1, length] }, copies)
    }

    /// The numbers of the official code for ECG200: series of 96 values in a second at 16 kHz.
    #[test]
    fn copies_begin_where_the_official_code_puts_them() {
        assert_eq!(layout(16_000, 96, 3).unwrap().starts, [0, 5_280, 10_560]);
        assert_eq!(layout(16_000, 900, 3).unwrap().starts, [0, 4_500, 9_000]);
        insta::assert_snapshot!(layout(100, 40, 3).unwrap_err(), @"waveform-delta needs a canvas of 3 × 40 samples for its copies, not of 100");
    }

    #[test]
    fn a_series_is_laid_out_once_or_several_times() {
        let canvas = |values: [f32; 8]| Tensor::<2>::from_floats([values], &Device::flex());
        let laid = |copies| -> Vec<f32> {
            layout(8, 2, copies).unwrap().laid(canvas([0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0])).try_into_vec_as().unwrap()
        };
        assert_eq!(laid(1), [0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0]);
        assert_eq!(laid(2), [3.0, 4.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        let two = layout(8, 2, 2).unwrap();
        assert_eq!((0..8).filter(|&sample| two.covers(sample)).collect::<Vec<_>>(), [0, 1, 4, 5]);
    }
}
