//! Vision transformer with a classification head.
//!
//! # Reference
//! Dosovitskiy et al., arXiv 2010.11929; layout, key names and defaults of the hub's `ViTForImageClassification`.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, InputSpace, OutputSpace, Tower, TowerCard};
use serde::{Deserialize, Serialize};

use crate::blocks::{
    Activation, Attention, AttentionRule, Bias, Block, FeedForward, Heads, LayerNorm, Linear, Mlp, Norm, PatchEmbed, Residual,
};
use crate::weights::{Loader, Manifest, Weights, WeightsError};
use crate::{Backbone, Frozen, Input, Masking, Reading, Stream, TextTokenizer};

/// The hub's `config.json`, as far as it changes the function. Keys that only describe training or labels are read past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VitConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads; divides the width.
    pub num_attention_heads: usize,
    /// Width of the feed-forward network.
    pub intermediate_size: usize,
    /// Its activation.
    pub hidden_act: String,
    /// Of every layer normalisation.
    pub layer_norm_eps: f64,
    /// Pixels; images are square.
    pub image_size: usize,
    /// Pixels; divides the image size.
    pub patch_size: usize,
    /// Colour channels.
    pub num_channels: usize,
    /// Source classes.
    pub num_labels: usize,
    /// Mean that pixels are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that pixels are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

/// A configuration that describes no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unusable ViT configuration: {0}")]
pub struct VitConfigError(String);

impl VitConfig {
    /// Checks what the weights cannot tell.
    pub fn validate(&self) -> Result<(), VitConfigError> {
        let fail = |reason: String| Err(VitConfigError(reason));
        if self.num_attention_heads == 0 || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return fail(format!("{} heads do not divide a width of {}", self.num_attention_heads, self.hidden_size));
        }
        if self.patch_size == 0 || !self.image_size.is_multiple_of(self.patch_size) {
            return fail(format!("patches of {} pixels do not tile an image of {}", self.patch_size, self.image_size));
        }
        if self.image_mean.len() != self.num_channels || self.image_std.len() != self.num_channels {
            return fail(format!("image_mean and image_std need one value for each of {} channels", self.num_channels));
        }
        if self.hidden_act != "gelu" {
            return fail(format!("hidden_act `{}` is not read, only `gelu`", self.hidden_act));
        }
        Ok(())
    }

    /// Patches of an image.
    pub const fn n_patches(&self) -> usize {
        let edge = self.image_size / self.patch_size;
        edge * edge
    }

    fn card(&self, name: &str) -> Card {
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            main: TowerCard {
                tower: Tower::Vision,
                depth: self.num_hidden_layers,
                dim: self.hidden_size,
                input: InputSpace::Image { channels: self.num_channels, height: self.image_size, width: self.image_size },
            },
            second: None,
            output: OutputSpace::Classes { n: self.num_labels },
        }
    }

    /// The pre-norm block under these names.
    fn block(&self, loader: &mut Loader<'_>, prefix: &str) -> Block {
        let (dim, hidden, eps) = (self.hidden_size, self.intermediate_size, self.layer_norm_eps);
        let mut linear = |name: &str, input, output| Linear::load(loader, &format!("{prefix}.{name}"), input, output);
        let attention = [
            linear("attention.attention.query", dim, dim),
            linear("attention.attention.key", dim, dim),
            linear("attention.attention.value", dim, dim),
            linear("attention.output.dense", dim, dim),
        ];
        let mlp = Mlp::new(linear("intermediate.dense", dim, hidden), linear("output.dense", hidden, dim), Activation::Gelu);
        let mut norm = |name: &str| Residual::pre(Norm::Layer(LayerNorm::load(loader, &format!("{prefix}.{name}"), dim, eps)));
        let rule = AttentionRule::plain(Heads::uniform(self.num_attention_heads, dim), Masking::Full);
        Block::new(norm("layernorm_before"), Attention::new(attention, rule), norm("layernorm_after"), FeedForward::Plain(mlp))
    }
}

/// The model. It can be trained while it is not [`Frozen`].
#[derive(Module, Debug)]
pub struct Vit {
    patch_embed: PatchEmbed,
    /// `[1, 1, dim]`
    class_token: Param<Tensor<3>>,
    /// `[1, 1 + patches, dim]`
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    classifier: Linear,
    /// `1 / std` and `−mean / std` for each channel, `[1, channel, 1, 1]`.
    #[module(skip)]
    normalisation: (Tensor<4>, Tensor<4>),
    #[module(skip)]
    card: Card,
}

impl Vit {
    /// Reads a checkpoint in the hub's layout.
    pub fn load(config: &VitConfig, name: &str, weights: Weights<'_>, device: &Device) -> Result<Self, VitError> {
        Self::from_loader(config, name, Loader::new(weights, device)).map(|(model, _)| model)
    }

    /// The model that a loader makes, with what writing it back needs.
    pub fn from_loader(config: &VitConfig, name: &str, mut loader: Loader<'_>) -> Result<(Self, Manifest), VitError> {
        config.validate()?;
        let device = loader.device().clone();
        let dim = config.hidden_size;
        let patches = "vit.embeddings.patch_embeddings.projection";
        let model = Self {
            patch_embed: PatchEmbed::load(&mut loader, patches, config.num_channels, config.patch_size, dim, Bias::Stored),
            class_token: loader.param("vit.embeddings.cls_token", [1, 1, dim]),
            positions: loader.param("vit.embeddings.position_embeddings", [1, 1 + config.n_patches(), dim]),
            blocks: (0..config.num_hidden_layers).map(|layer| config.block(&mut loader, &format!("vit.encoder.layer.{layer}"))).collect(),
            norm: LayerNorm::load(&mut loader, "vit.layernorm", dim, config.layer_norm_eps),
            classifier: Linear::load(&mut loader, "classifier", dim, config.num_labels),
            normalisation: normalisation(config, &device),
            card: config.card(name),
        };
        Ok((model, loader.finish()?))
    }

    /// `[batch, channel, height, width]`, pixels in 0..=1, to logits `[batch, source]`.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let mut stream = Stream::unpadded(self.embed_image(image), Tower::Vision, 1);
        for (layer, block) in self.blocks.iter().enumerate() {
            stream = block.forward(layer, stream);
        }
        self.classify(stream.special_tokens(0))
    }

    fn embed_image(&self, image: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = image.dims();
        let expected = InputSpace::Image { channels, height, width };
        assert_eq!(self.card.main.input, expected, "images are resized before they come here");
        let (scale, shift) = self.normalisation.clone();
        let patches = self.patch_embed.forward(image * scale + shift);
        let dim = self.card.main.dim;
        let class = self.class_token.val().expand([batch, 1, dim]);
        Tensor::cat(vec![class, patches], 1) + self.positions.val()
    }

    /// Class tokens `[batch, dim]` before the last norm, to logits.
    fn classify(&self, class_tokens: Tensor<2>) -> Tensor<2> {
        self.classifier.forward(self.norm.forward(class_tokens))
    }
}

fn normalisation(config: &VitConfig, device: &Device) -> (Tensor<4>, Tensor<4>) {
    let channels = config.num_channels;
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
    Config(#[from] VitConfigError),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl Backbone for Frozen<Vit> {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.class_token.val().device()
    }

    fn embed(&self, input: Input) -> Stream {
        let Input::Image(image) = input else { panic!("a ViT is fed images: Signature::check comes first") };
        Stream::unpadded(self.embed_image(image), Tower::Vision, 1)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.blocks[layer].forward(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match reading {
            Reading::Logits => self.classify(stream.special_tokens(0)),
            Reading::Features => self.norm.forward(stream.special_tokens(0)),
            Reading::LogitsAt(_) => panic!("a classifier has no next-token logits: Signature::check comes first"),
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        None
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        None
    }
}
