//! Log-mel spectrogram: short-time Fourier transform, mel filters, decibels.
//!
//! # Reference
//! The graph is an export of `torchlibrosa`'s `STFT` and `LogmelFilterBank` (Kong et al., arXiv 1912.10211): two
//! convolutions with windowed cosines and sines, squares, filters, and `10 log₁₀ max(power, 1e-10)`, bounded to 80 dB below
//! the loudest value. Deviation: the graph takes that value over all recordings of a batch, here each recording has its
//! own, which is what the graph gives for one recording at a time.

use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, module::conv1d};

use super::config::{AcousticError, counts, is_plain};
use crate::weights::{Loader, Onnx, OnnxNode, Weights};

/// Decibels below the loudest value, which the graph keeps in a constant node.
const RANGE: f64 = 80.0;

/// The graph's operations, constants aside.
const OPERATORS: [&str; 20] = [
    "Unsqueeze",
    "Conv",
    "Conv",
    "Unsqueeze",
    "Transpose",
    "Unsqueeze",
    "Transpose",
    "Pow",
    "Pow",
    "Add",
    "MatMul",
    "Clip",
    "Log",
    "Mul",
    "Div",
    "Sub",
    "ReduceMax",
    "Sub",
    "Cast",
    "Clip",
];

/// The numbers of the spectrogram, and the names of its tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MelRule {
    /// Samples of a frame.
    pub frame: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Bands.
    pub n_mels: usize,
    /// Least power.
    floor: f64,
    n_frequencies: usize,
    cosines: String,
    sines: String,
    filters: String,
    /// Tensors that were read already.
    pub constants: Vec<String>,
}

impl MelRule {
    /// Reads the graph.
    pub(super) fn read(onnx: &Onnx<'_>) -> Result<Self, AcousticError> {
        let wrong = |reason: String| AcousticError::Graph { graph: "spectrogram", reason };
        let weights = onnx.weights();
        let nodes: Vec<&OnnxNode<'_>> = onnx.nodes().iter().filter(|node| node.operator != "Constant").collect();
        if nodes.len() != OPERATORS.len() {
            return Err(wrong(format!("it has {} operations besides constants, not {}", nodes.len(), OPERATORS.len())));
        }
        if let Some((node, expected)) = nodes.iter().zip(OPERATORS).find(|(node, expected)| node.operator != *expected) {
            return Err(wrong(format!("`{}` is {}, not {expected}", node.name, node.operator)));
        }
        let tensor = |node: usize, input: usize| nodes[node].inputs.get(input).copied().unwrap_or_default();
        let shape = |name: &str| weights.shape(name).unwrap_or_default();
        let (cosines, sines, filters) = (tensor(1, 1), tensor(2, 1), tensor(10, 1));
        let ([n_frequencies, 1, frame], [n_rows, n_mels]) = (shape(cosines), shape(filters)) else {
            return Err(wrong(format!("`{cosines}` has shape {:?} and `{filters}` {:?}", shape(cosines), shape(filters))));
        };
        if shape(sines) != shape(cosines) || n_rows != n_frequencies {
            return Err(wrong(format!("`{cosines}`, `{sines}` and `{filters}` do not fit each other")));
        }
        let hops = [1, 2].map(|node| counts::<1>(nodes[node], "strides"));
        let plain = |node: &OnnxNode<'_>| is_plain(node, "pads", 0) && is_plain(node, "dilations", 1) && is_plain(node, "group", 1);
        let ([Some([hop]), Some([other])], true) = (hops, plain(nodes[1]) && plain(nodes[2])) else {
            return Err(wrong("its convolutions have padding, dilation, groups or no stride".to_owned()));
        };
        if hop != other || hop == 0 {
            return Err(wrong(format!("its convolutions have strides {hop} and {other}")));
        }
        let [floor, above, highest] = [(11, 1), (11, 2), (19, 2)].map(|(node, input)| bound(&weights, tensor(node, input)));
        let Some(floor) = floor.filter(|_| [above, highest].iter().all(|bound| bound.is_none_or(f64::is_infinite))) else {
            return Err(wrong("its bounds are others than a least power and the loudest value less 80 dB".to_owned()));
        };
        Ok(Self {
            frame: *frame,
            hop,
            n_mels: *n_mels,
            floor,
            n_frequencies: *n_frequencies,
            cosines: cosines.to_owned(),
            sines: sines.to_owned(),
            filters: filters.to_owned(),
            constants: [(11, 1), (11, 2), (19, 2)].map(|(node, input)| tensor(node, input).to_owned()).to_vec(),
        })
    }
}

/// The value of a tensor of one number.
pub(super) fn bound(weights: &Weights<'_>, name: &str) -> Option<f64> {
    match weights.tensor(name)?.values.as_slice() {
        [value] => Some(f64::from(*value)),
        _ => None,
    }
}

/// The transform.
#[derive(Module, Debug)]
pub(super) struct Mel {
    /// `[frequency, 1, sample]`
    cosines: Param<Tensor<3>>,
    /// `[frequency, 1, sample]`
    sines: Param<Tensor<3>>,
    /// `[frequency, mel]`
    filters: Param<Tensor<2>>,
    #[module(skip)]
    hop: usize,
    #[module(skip)]
    floor: f64,
}

impl Mel {
    /// Reads the tensors.
    pub(super) fn load(loader: &mut Loader<'_>, rule: &MelRule) -> Self {
        let MelRule { frame, hop, n_mels, floor, n_frequencies, cosines, sines, filters, .. } = rule;
        Self {
            cosines: loader.param(cosines, [*n_frequencies, 1, *frame]),
            sines: loader.param(sines, [*n_frequencies, 1, *frame]),
            filters: loader.param(filters, [*n_frequencies, *n_mels]),
            hop: *hop,
            floor: *floor,
        }
    }

    pub(super) fn device(&self) -> Device {
        self.filters.val().device()
    }

    /// Bands, and multiply-accumulates of a recording of so many samples.
    pub(super) fn macs(&self, samples: usize) -> (usize, u64) {
        let ([n_frequencies, _, frame], [_, n_mels]) = (self.cosines.val().dims(), self.filters.val().dims());
        let n_frames = (samples - frame) / self.hop + 1;
        (n_mels, (n_frames * n_frequencies * (2 * frame + n_mels)) as u64)
    }

    /// `[batch, sample]` to decibels `[batch, frame, mel]`.
    pub(super) fn forward(&self, waveform: Tensor<2>) -> Tensor<3> {
        let waveform = waveform.unsqueeze_dim::<3>(1);
        let options = ConvOptions::new([self.hop], [0], [1], 1);
        let part = |waves: &Param<Tensor<3>>| conv1d(waveform.clone(), waves.val(), None, options.clone()).square();
        let power = (part(&self.cosines) + part(&self.sines)).swap_dims(1, 2);
        let [batch, frames, frequencies] = power.dims();
        let mel = power.reshape([batch * frames, frequencies]).matmul(self.filters.val());
        let n_mels = mel.dims()[1];
        let decibels = mel.clamp_min(self.floor).log().mul_scalar(10.0 / std::f64::consts::LN_10).reshape([batch, frames * n_mels]);
        let least = decibels.clone().max_dim(1).sub_scalar(RANGE).expand([batch, frames * n_mels]);
        decibels.max_pair(least).reshape([batch, frames, n_mels])
    }
}
