//! Two towers, one for images and one for texts, that meet in one space.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020; layout and key names of the hub's `CLIPModel`.

mod config;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use reprogram_taxonomy::{Access, Card, InputSpace, OutputSpace, Tower, TowerCard};

pub use config::{ClipConfig, ClipTower, TextEnd};

use crate::blocks::{Attention, AttentionRule, Bias, Block, FeedForward, Heads, LayerNorm, Linear, Mlp, Norm, PatchEmbed, Residual};
use crate::stream::SeatPositions;
use crate::weights::{Loader, Weights, WeightsError};
use crate::{Backbone, Frozen, Input, JointSpace, Masking, Reading, Stream, TextTokenizer, TokenBatch};

impl ClipConfig {
    fn card(&self, name: &str) -> Card {
        let tower = |tower, of: &ClipTower, input| TowerCard { tower, depth: of.depth, dim: of.dim, input };
        let image = InputSpace::Image { channels: self.n_channels, height: self.image_size, width: self.image_size };
        let tokens = InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary };
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            main: tower(Tower::Vision, &self.vision, image),
            second: Some(tower(Tower::Text, &self.text, tokens)),
            output: OutputSpace::Joint { dim: self.joint_dim },
        }
    }
}

impl ClipTower {
    fn blocks(&self, loader: &mut Loader<'_>, prefix: &str, masking: Masking) -> Vec<Block> {
        (0..self.depth).map(|layer| self.block(loader, &format!("{prefix}.encoder.layers.{layer}"), masking)).collect()
    }

    fn block(&self, loader: &mut Loader<'_>, prefix: &str, masking: Masking) -> Block {
        let (dim, hidden) = (self.dim, self.hidden);
        let mut linear = |name: &str, input, output| Linear::load(loader, &format!("{prefix}.{name}"), input, output);
        let attention = ["q_proj", "k_proj", "v_proj", "out_proj"].map(|name| linear(&format!("self_attn.{name}"), dim, dim));
        let mlp = Mlp::new(linear("mlp.fc1", dim, hidden), linear("mlp.fc2", hidden, dim), self.activation);
        let mut norm = |name: &str| Residual::pre(Norm::Layer(LayerNorm::load(loader, &format!("{prefix}.{name}"), dim, self.eps)));
        let rule = AttentionRule::plain(Heads::uniform(self.n_heads, dim), masking);
        Block::new(norm("layer_norm1"), Attention::new(attention, rule), norm("layer_norm2"), FeedForward::Plain(mlp))
    }
}

#[derive(Module, Debug)]
struct VisionTower {
    patch_embed: PatchEmbed,
    /// `[dim]`
    class_token: Param<Tensor<1>>,
    /// `[1 + patches, dim]`
    positions: Param<Tensor<2>>,
    norm_before: LayerNorm,
    blocks: Vec<Block>,
    norm_behind: LayerNorm,
    projection: Linear,
}

#[derive(Module, Debug)]
struct TextTower {
    /// `[vocabulary, dim]`
    embedding: Param<Tensor<2>>,
    /// `[context, dim]`
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    projection: Linear,
}

#[derive(Module, Debug)]
struct ClipModel {
    vision: VisionTower,
    text: TextTower,
    /// `[1]`, the logarithm.
    logit_scale: Param<Tensor<1>>,
}

/// A frozen CLIP.
pub struct Clip {
    model: Frozen<ClipModel>,
    joint: JointSpace,
    end: TextEnd,
    tokenizer: Option<TextTokenizer>,
    card: Card,
}

impl Clip {
    /// Reads weights in the hub's layout. Images are fed as the towers take them, normalised.
    pub fn load(
        config: &ClipConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let mut loader = Loader::new(weights, device);
        let (vision, text) = (&config.vision, &config.text);
        let edge = config.image_size / config.patch_size;
        let norm = |loader: &mut Loader<'_>, name: &str, of: &ClipTower| LayerNorm::load(loader, name, of.dim, of.eps);
        let projection =
            |loader: &mut Loader<'_>, name: &str, of: &ClipTower| Linear::load_with(loader, name, of.dim, config.joint_dim, Bias::None);
        let patches = "vision_model.embeddings.patch_embedding";
        let model = ClipModel {
            vision: VisionTower {
                patch_embed: PatchEmbed::load(&mut loader, patches, config.n_channels, config.patch_size, vision.dim, Bias::None),
                class_token: loader.param("vision_model.embeddings.class_embedding", [vision.dim]),
                positions: loader.param("vision_model.embeddings.position_embedding.weight", [1 + edge * edge, vision.dim]),
                norm_before: norm(&mut loader, "vision_model.pre_layrnorm", vision),
                blocks: vision.blocks(&mut loader, "vision_model", Masking::Full),
                norm_behind: norm(&mut loader, "vision_model.post_layernorm", vision),
                projection: projection(&mut loader, "visual_projection", vision),
            },
            text: TextTower {
                embedding: loader.param("text_model.embeddings.token_embedding.weight", [config.vocabulary, text.dim]),
                positions: loader.param("text_model.embeddings.position_embedding.weight", [config.context, text.dim]),
                blocks: text.blocks(&mut loader, "text_model", Masking::Causal),
                norm: norm(&mut loader, "text_model.final_layer_norm", text),
                projection: projection(&mut loader, "text_projection", text),
            },
            logit_scale: loader.scalar("logit_scale"),
        };
        loader.finish()?;
        let model = Frozen::new(model);
        let joint = JointSpace { scale: model.logit_scale.val().exp() };
        Ok(Self { model, joint, end: config.end, tokenizer, card: config.card(name) })
    }

    fn embed_image(&self, image: Tensor<4>) -> Stream {
        let VisionTower { patch_embed, class_token, positions, norm_before, .. } = &self.model.vision;
        let patches = patch_embed.forward(image);
        let [batch, _, dim] = patches.dims();
        let class = class_token.val().reshape([1, 1, dim]).expand([batch, 1, dim]);
        let hidden = Tensor::cat(vec![class, patches], 1) + positions.val().unsqueeze();
        Stream::unpadded(norm_before.forward(hidden), Tower::Vision, 1)
    }

    /// The index of the content token that a row is read at; the start of the text is no content.
    fn end_of(&self, row: &[u32]) -> usize {
        let wanted = match self.end {
            TextEnd::First(id) => id,
            TextEnd::Largest => row.iter().copied().max().unwrap_or(0),
        };
        row.iter().position(|&id| id == wanted).map_or(row.len(), |seat| seat + 1).saturating_sub(2)
    }
}

impl Backbone for Clip {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.model.logit_scale.val().device()
    }

    fn embed(&self, input: Input) -> Stream {
        let batch = match input {
            Input::Image(image) => return self.embed_image(image),
            Input::Tokens(batch) => batch,
            Input::Waveform(_) => panic!("a CLIP is fed images and texts: Signature::check comes first"),
        };
        let text = &self.model.text;
        let ends = batch.rows.iter().map(|row| self.end_of(row)).collect();
        // Which side is filled up makes no difference to a text; the start token must be at the first seat.
        let (ids, mut spans) = TokenBatch::new(batch.rows).padded(&self.device());
        // Every text begins with its start token, which stays in front of a prompt.
        for span in &mut spans {
            span.length = span.length.saturating_sub(1);
        }
        let hidden = burn::tensor::module::embedding(text.embedding.val(), ids);
        let seats = SeatPositions { table: text.positions.val(), norm: None };
        Stream::new(hidden, Tower::Text, 1, spans).read_at(ends).seated(seats)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        let blocks = match stream.tower() {
            Tower::Vision => &self.model.vision.blocks,
            Tower::Text => &self.model.text.blocks,
            Tower::Acoustic => panic!("a CLIP has no acoustic tower: a stream comes from its own `embed`"),
        };
        blocks[layer].forward(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match (reading, stream.tower()) {
            (Reading::Features, Tower::Vision) => {
                let VisionTower { norm_behind, projection, .. } = &self.model.vision;
                projection.forward(norm_behind.forward(stream.special_tokens(0)))
            }
            (Reading::Features, Tower::Text) => {
                let TextTower { norm, projection, .. } = &self.model.text;
                projection.forward(norm.forward(stream.last_tokens()))
            }
            (Reading::Features, Tower::Acoustic) => panic!("a CLIP has no acoustic tower: a stream comes from its own `embed`"),
            (Reading::Logits | Reading::LogitsAt(_), _) => panic!("a CLIP has no labels of its own: Signature::check comes first"),
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.tokenizer.as_ref()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        Some(self.model.text.embedding.val())
    }

    fn joint(&self) -> Option<&JointSpace> {
        Some(&self.joint)
    }
}
