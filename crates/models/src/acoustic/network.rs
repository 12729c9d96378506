//! The convolutional network: a chain of convolutions, leaky rectifiers, floors and poolings, as its graph says.

use burn::module::Module;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Tensor, activation::leaky_relu, module::max_pool2d};

use super::config::{AcousticError, counts, is_plain};
use super::mel::bound;
use crate::blocks::{Conv2d, ConvPadding, ConvRule};
use crate::weights::{Loader, Onnx, OnnxAttribute, OnnxNode, Weights};

/// One operation.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Conv { weight: String, bias: Option<String>, channels: [usize; 2], rule: ConvRule },
    LeakyRelu { slope: f64 },
    Floor { least: f64 },
    MaxPool { kernel: [usize; 2], stride: [usize; 2] },
}

/// The operations, in order, and what they go from and to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    /// Frames of a window.
    pub window: usize,
    /// Bands of a frame.
    pub n_mels: usize,
    /// Features of a window.
    pub dim: usize,
    steps: Vec<Step>,
    /// Tensors that were read already.
    pub constants: Vec<String>,
}

/// `[channel, height, width]` of what flows from one step to the next.
type Shape = [usize; 3];

impl Chain {
    /// Reads the graph: a reshape to `[−1, 1, frame, band]`, steps down to a single pixel, and a reshape.
    pub(super) fn read(onnx: &Onnx<'_>) -> Result<Self, AcousticError> {
        let wrong = |reason: String| AcousticError::Graph { graph: "network", reason };
        let weights = onnx.weights();
        let Some(([first, middle @ ..], last)) = onnx.nodes().split_last().map(|(last, front)| (front, last)) else {
            return Err(wrong("it has less than two operations".to_owned()));
        };
        let mut constants: Vec<String> = [first, last].iter().filter_map(|node| node.inputs.get(1)).map(|&name| name.to_owned()).collect();
        let input = first
            .inputs
            .get(1)
            .and_then(|name| weights.tensor(name))
            .map(|shape| shape.values.iter().map(|&size| size as i64).collect::<Vec<_>>());
        let (&[_, one, window, n_mels], "Reshape", "Reshape") = (input.as_deref().unwrap_or_default(), first.operator, last.operator)
        else {
            return Err(wrong(format!("it goes from `{}` to `{}`, not from one reshape to another", first.operator, last.operator)));
        };
        for pair in onnx.nodes().windows(2) {
            if pair[1].inputs.first() != pair[0].outputs.first() {
                return Err(wrong(format!("`{}` does not follow on `{}`", pair[1].name, pair[0].name)));
            }
        }
        if one != 1 || window < 1 || n_mels < 1 {
            return Err(wrong(format!("it takes windows of shape [{one}, {window}, {n_mels}]")));
        }
        let mut shape = [1, window as usize, n_mels as usize];
        let mut steps = Vec::with_capacity(middle.len());
        for node in middle {
            let step = step(node, &weights).ok_or_else(|| wrong(format!("`{}` ({}) is not computed here", node.name, node.operator)))?;
            shape = step.shape(shape).ok_or_else(|| wrong(format!("`{}` cannot be fed {shape:?}", node.name)))?;
            if let Step::Floor { .. } = step {
                constants.extend(node.inputs.get(1).map(|&name| name.to_owned()));
            }
            steps.push(step);
        }
        let [dim, 1, 1] = shape else { return Err(wrong(format!("it ends with {shape:?}, not with a single pixel"))) };
        Ok(Self { window: window as usize, n_mels: n_mels as usize, dim, steps, constants })
    }
}

impl Step {
    /// The shape behind it, if it can be fed this one.
    fn shape(&self, [channels, height, width]: Shape) -> Option<Shape> {
        let behind = |size: usize, kernel: usize, stride: usize| Some(size.checked_sub(kernel)? / stride + 1);
        match self {
            Self::LeakyRelu { .. } | Self::Floor { .. } => Some([channels, height, width]),
            Self::MaxPool { kernel, stride } => {
                Some([channels, behind(height, kernel[0], stride[0])?, behind(width, kernel[1], stride[1])?])
            }
            Self::Conv { channels: [input, output], rule, .. } => {
                let ConvPadding::Zeros([above, beside]) = rule.padding else { return None };
                let size = [height + above.0 + above.1, width + beside.0 + beside.1];
                let [height, width] = [0, 1].map(|axis| behind(size[axis], rule.kernel[axis], rule.stride[axis]));
                (*input == channels).then_some([*output, height?, width?])
            }
        }
    }
}

/// The step that a node is, if it is one.
fn step(node: &OnnxNode<'_>, weights: &Weights<'_>) -> Option<Step> {
    match node.operator {
        "Conv" => {
            let weight = node.inputs.get(1)?;
            let &[output, input, height, width] = weights.shape(weight)? else { return None };
            let plain = is_plain(node, "dilations", 1) && is_plain(node, "group", 1);
            let kernel = [height, width];
            let stride = counts(node, "strides").filter(|stride: &[usize; 2]| plain && !stride.contains(&0))?;
            let [above, left, below, right] = if node.attributes.contains_key("pads") { counts(node, "pads")? } else { [0; 4] };
            let padding = ConvPadding::Zeros([(above, below), (left, right)]);
            let rule = ConvRule { kernel, stride, padding, groups: 1 };
            let bias = node.inputs.get(2).map(|&bias| bias.to_owned());
            Some(Step::Conv { weight: (*weight).to_owned(), bias, channels: [input, output], rule })
        }
        "LeakyRelu" => match node.attributes.get("alpha") {
            Some(OnnxAttribute::Float(slope)) => Some(Step::LeakyRelu { slope: f64::from(*slope) }),
            // What the standard says where nothing is said.
            None => Some(Step::LeakyRelu { slope: 0.01 }),
            Some(OnnxAttribute::Integer(_) | OnnxAttribute::Integers(_) | OnnxAttribute::Floats(_)) => None,
        },
        "Max" if node.inputs.len() == 2 => Some(Step::Floor { least: bound(weights, node.inputs[1])? }),
        "MaxPool" => {
            let plain = is_plain(node, "pads", 0) && is_plain(node, "dilations", 1) && is_plain(node, "ceil_mode", 0);
            let stride = counts(node, "strides").filter(|stride: &[usize; 2]| plain && !stride.contains(&0))?;
            let kernel = counts(node, "kernel_shape").filter(|kernel: &[usize; 2]| !kernel.contains(&0))?;
            Some(Step::MaxPool { kernel, stride })
        }
        _ => None,
    }
}

/// The network.
#[derive(Module, Debug)]
pub(super) struct Network {
    /// One a convolution among the steps.
    convolutions: Vec<Conv2d>,
    #[module(skip)]
    steps: Vec<Step>,
}

impl Network {
    /// Reads the tensors.
    pub(super) fn load(loader: &mut Loader<'_>, chain: &Chain) -> Self {
        let convolutions = chain.steps.iter().filter_map(|step| match step {
            Step::Conv { weight, bias, channels, rule } => Some(Conv2d::load(loader, weight, bias.as_deref(), *channels, *rule)),
            Step::LeakyRelu { .. } | Step::Floor { .. } | Step::MaxPool { .. } => None,
        });
        Self { convolutions: convolutions.collect(), steps: chain.steps.clone() }
    }

    /// Multiply-accumulates of a window of this height and width.
    pub(super) fn macs(&self, window: [usize; 2]) -> u64 {
        let mut convolutions = self.convolutions.iter();
        let pooled = |size: usize, kernel: usize, stride: usize| (size - kernel) / stride + 1;
        let (_, macs) = self.steps.iter().fold((window, 0), |(size, sum), step| match step {
            Step::Conv { .. } => {
                let (behind, macs) = convolutions.next().expect("one convolution was loaded for each step").macs(size);
                (behind, sum + macs)
            }
            Step::LeakyRelu { .. } | Step::Floor { .. } => (size, sum),
            Step::MaxPool { kernel, stride } => (std::array::from_fn(|axis| pooled(size[axis], kernel[axis], stride[axis])), sum),
        });
        macs
    }

    /// `[window, 1, frame, mel]` to `[window, dim, 1, 1]`.
    pub(super) fn forward(&self, windows: Tensor<4>) -> Tensor<4> {
        let mut convolutions = self.convolutions.iter();
        self.steps.iter().fold(windows, |x, step| match step {
            Step::Conv { .. } => convolutions.next().expect("one convolution was loaded for each step").forward(x),
            Step::LeakyRelu { slope } => leaky_relu(x, *slope),
            Step::Floor { least } => x.clamp_min(*least),
            Step::MaxPool { kernel, stride } => max_pool2d(x, MaxPoolOptions::new(*kernel).with_stride(*stride)),
        })
    }
}
