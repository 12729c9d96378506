//! Series as methods see them: windows, brought to mean 0 and deviation 1, cut into patches, and described in words.

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{InputSpace, Misfit};
use serde::{Deserialize, Serialize};

use crate::Setup;

/// A series' past, oldest value first.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The values.
    pub values: Vec<f32>,
}

/// Added to a variance.
const EPSILON: f64 = 1e-5;
/// Lags that are told.
const N_LAGS: usize = 5;

/// Windows of mean 0 and deviation 1, each by its own numbers.
#[derive(Debug, Clone)]
pub(crate) struct Normalised {
    /// `[batch, history]`
    pub(crate) values: Tensor<2>,
    /// `[batch, 1]`
    pub(crate) mean: Tensor<2>,
    /// `[batch, 1]`: `√(variance + 1e-5)`.
    pub(crate) deviation: Tensor<2>,
}

impl Normalised {
    /// # Panics
    /// When windows differ in length: a data set's all have one.
    pub(crate) fn of(windows: &[Window], device: &Device) -> Self {
        let history = windows.first().map_or(0, |window| window.values.len());
        assert!(windows.iter().all(|window| window.values.len() == history), "windows of one length");
        let (means, deviations): (Vec<f32>, Vec<f32>) = windows.iter().map(|window| scale(&window.values)).unzip();
        let scaled = windows.iter().zip(means.iter().zip(&deviations));
        let values = scaled.flat_map(|(window, (mean, deviation))| window.values.iter().map(move |value| (value - mean) / deviation));
        let rows = windows.len();
        let tensor = |values: Vec<f32>, columns: usize| Tensor::from_data(TensorData::new(values, [rows, columns]), in_f32(device));
        Self { values: tensor(values.collect(), history), mean: tensor(means, 1), deviation: tensor(deviations, 1) }
    }
}

/// Mean and deviation.
fn scale(values: &[f32]) -> (f32, f32) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n;
    (mean as f32, (variance + EPSILON).sqrt() as f32)
}

/// Pieces of a window that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Patches {
    /// Values of a patch.
    pub length: usize,
    /// Values from one patch to the next.
    pub stride: usize,
}

impl Default for Patches {
    fn default() -> Self {
        Self { length: 16, stride: 8 }
    }
}

impl Patches {
    /// How many there are of a window that is filled up behind by `stride` copies of its last value.
    const fn count(self, history: usize) -> usize {
        (history - self.length) / self.stride + 2
    }

    /// The same for the windows of a setting, or why there are none.
    pub(crate) fn of(self, setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
        let history = history(setup, part)?;
        if self.length == 0 || self.stride == 0 || history < self.length {
            let needs = format!("patches of 1 to {history} values, in steps of at least one");
            return Err(Misfit::PartNeeds { part: part.to_owned(), needs });
        }
        Ok(self.count(history))
    }

    /// `[batch, history]` to `[batch, patch, length]`.
    pub(crate) fn cut(self, windows: Tensor<2>) -> Tensor<3> {
        let [batch, history] = windows.dims();
        let last = windows.clone().narrow(1, history - 1, 1).expand([batch, self.stride]);
        let filled = Tensor::cat(vec![windows, last], 1);
        let patch = |i: usize| filled.clone().narrow(1, i * self.stride, self.length).unsqueeze_dim::<3>(1);
        Tensor::cat((0..self.count(history)).map(patch).collect(), 1)
    }
}

/// Values of a window, where a language model is fed series.
pub(crate) fn history(setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
    match (setup.backbone.card().main.input, setup.placement) {
        (InputSpace::Tokens { .. }, Some(placement)) => Ok(placement.image[1]),
        (InputSpace::Tokens { .. } | InputSpace::Image { .. } | InputSpace::Waveform { .. }, _) => {
            Err(Misfit::PartNeeds { part: part.to_owned(), needs: "series, and a language model that they are put in front of".to_owned() })
        }
    }
}

/// Values that are to be forecast, where a data set asks for that.
pub(crate) fn horizon(setup: &Setup<'_>, part: &str) -> Result<usize, Misfit> {
    setup.target.horizon.ok_or_else(|| {
        let n = setup.target.n_classes();
        Misfit::PartNeeds {
            part: part.to_owned(),
            needs: format!("series that are to be forecast, but this data set asks for one of {n} classes"),
        }
    })
}

/// A window in words: its least, largest and middle value, where it goes, and the lags at which it is most like itself, all
/// of the normalised window.
pub(crate) fn in_words(window: &Window) -> String {
    let (mean, deviation) = scale(&window.values);
    let values: Vec<f32> = window.values.iter().map(|value| (value - mean) / deviation).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f32::total_cmp);
    let (least, largest, middle) = (sorted[0], sorted[sorted.len() - 1], sorted[(sorted.len() - 1) / 2]);
    let trend = if values[values.len() - 1] > values[0] { "upward" } else { "downward" };
    let lags: Vec<String> = lags(&values).iter().map(usize::to_string).collect();
    format!(
        "Input statistics: min value {least:.2}, max value {largest:.2}, median value {middle:.2}, the trend of input is {trend}, top \
         {N_LAGS} lags are {}",
        lags.join(", ")
    )
}

/// The lags of the largest circular autocorrelation, largest first, ties to the shorter lag.
fn lags(values: &[f32]) -> Vec<usize> {
    let n = values.len();
    let at = |lag: usize| (0..n).map(|i| f64::from(values[i]) * f64::from(values[(i + lag) % n])).sum::<f64>();
    let mut lags: Vec<(f64, usize)> = (0..n).map(|lag| (at(lag), lag)).collect();
    lags.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    lags.into_iter().take(N_LAGS).map(|(_, lag)| lag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Vec<Window> {
        vec![Window { values: vec![1.0, 2.0, 3.0, 6.0] }, Window { values: vec![5.0; 4] }]
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn a_window_is_brought_to_its_own_scale() {
        let Normalised { values, mean, deviation } = Normalised::of(&windows(), &Device::flex());
        assert_eq!(numbers(mean.clone()), [3.0, 5.0]);
        let back = numbers(values * deviation + mean);
        assert!(back.iter().zip([1.0, 2.0, 3.0, 6.0, 5.0, 5.0, 5.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{back:?}");
    }

    #[test]
    fn patches_overlap_and_the_last_value_is_repeated() {
        let window = Tensor::<2>::from_floats([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], &Device::flex());
        let patches = Patches { length: 4, stride: 2 };
        assert_eq!(numbers(patches.cut(window)), [1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 6.0, 5.0, 6.0, 6.0, 6.0]);
        assert_eq!(Patches::default().count(512), 64, "the paper's setting");
    }

    #[test]
    fn a_window_is_described_by_its_statistics() {
        let wave = (0..24).map(|i| if i % 6 < 3 { 2.0 } else { -1.0 }).collect();
        insta::assert_snapshot!(
            in_words(&Window { values: wave }),
            @"Input statistics: min value -1.00, max value 1.00, median value -1.00, the trend of input is downward, top 5 lags are 0, 6, 12, 18, 1"
        );
    }
}
