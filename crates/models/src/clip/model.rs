//! The towers as a module, which can be trained while it is not frozen.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

use super::{ClipConfig, ClipTower, TextEnd};
use crate::blocks::{
    Attention, AttentionRule, Bias, Block, FeedForward, Heads, LayerNorm, Linear, Mlp, Norm, PatchEmbed, Residual, Standardise, TokenTable,
};
use crate::stream::SeatPositions;
use crate::weights::{Loader, Manifest, WeightsError};
use crate::{BlockWork, Input, Masking, Stream, TokenBatch};

impl ClipConfig {
    pub(super) fn card(&self, name: &str) -> Card {
        let tower = |tower, of: &ClipTower, input| TowerCard { tower, depth: of.depth, dim: of.dim, input };
        let image = InputSpace::Image { channels: self.n_channels, height: self.image_size, width: self.image_size };
        let tokens = InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary };
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Fixed,
            main: tower(Tower::Vision, &self.vision, image),
            second: Some(tower(Tower::Text, &self.text, tokens)),
            output: OutputSpace::Joint { dim: self.joint_dim },
        }
    }
}

impl ClipTower {
    /// The pre-norm blocks under `PREFIX.encoder.layers`.
    pub(crate) fn blocks(&self, loader: &mut Loader<'_>, prefix: &str, masking: Masking) -> Vec<Block> {
        (0..self.depth).map(|layer| self.block(loader, &format!("{prefix}.encoder.layers.{layer}"), masking)).collect()
    }

    fn block(&self, loader: &mut Loader<'_>, prefix: &str, masking: Masking) -> Block {
        let (dim, hidden) = (self.dim, self.hidden);
        let mut linear = |name: &str, input, output| Linear::load(loader, &format!("{prefix}.{name}"), input, output);
        let attention = ["q_proj", "k_proj", "v_proj", "out_proj"].map(|name| linear(&format!("self_attn.{name}"), dim, dim));
        let mlp = Mlp::new(linear("mlp.fc1", dim, hidden), linear("mlp.fc2", hidden, dim), self.activation);
        let mut norm = |name: &str| Residual::pre(Norm::Layer(self.norm(loader, &format!("{prefix}.{name}"))));
        let rule = AttentionRule::plain(Heads::uniform(self.n_heads, dim), masking);
        Block::new(norm("layer_norm1"), Attention::new(attention, rule), norm("layer_norm2"), FeedForward::Plain(mlp))
    }

    pub(crate) fn norm(&self, loader: &mut Loader<'_>, name: &str) -> LayerNorm {
        LayerNorm::load(loader, name, self.dim, self.eps)
    }
}

const NO_SUCH_TOWER: &str = "a CLIP has no acoustic tower: a stream comes from its own `embed`";

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
    #[module(skip)]
    standardise: Standardise,
}

#[derive(Module, Debug)]
struct TextTower {
    embedding: TokenTable,
    /// `[context, dim]`
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    projection: Linear,
    #[module(skip)]
    end: TextEnd,
}

/// Both towers. They can be trained while they are not [`Frozen`](crate::Frozen).
#[derive(Module, Debug)]
pub struct ClipModel {
    vision: VisionTower,
    text: TextTower,
    /// `[1]`, the logarithm of the similarity's factor.
    logit_scale: Param<Tensor<1>>,
}

impl ClipModel {
    /// The model that a loader makes, with what writing it back needs. Names are those of the hub's `CLIPModel`.
    pub fn from_loader(config: &ClipConfig, mut loader: Loader<'_>) -> Result<(Self, Manifest), WeightsError> {
        let device = loader.device().clone();
        let (vision, text) = (&config.vision, &config.text);
        let edge = config.image_size / config.patch_size;
        let projection =
            |loader: &mut Loader<'_>, name: &str, of: &ClipTower| Linear::load_with(loader, name, of.dim, config.joint_dim, Bias::None);
        let patches = "vision_model.embeddings.patch_embedding";
        let model = Self {
            vision: VisionTower {
                patch_embed: PatchEmbed::load(&mut loader, patches, config.n_channels, config.patch_size, vision.dim, Bias::None),
                class_token: loader.param("vision_model.embeddings.class_embedding", [vision.dim]),
                positions: loader.param("vision_model.embeddings.position_embedding.weight", [1 + edge * edge, vision.dim]),
                norm_before: vision.norm(&mut loader, "vision_model.pre_layrnorm"),
                blocks: vision.blocks(&mut loader, "vision_model", Masking::Full),
                norm_behind: vision.norm(&mut loader, "vision_model.post_layernorm"),
                projection: projection(&mut loader, "visual_projection", vision),
                standardise: Standardise::new(&config.image_mean, &config.image_std, &device),
            },
            text: TextTower {
                embedding: TokenTable::load(&mut loader, "text_model.embeddings.token_embedding.weight", config.vocabulary, text.dim),
                positions: loader.param("text_model.embeddings.position_embedding.weight", [config.context, text.dim]),
                blocks: text.blocks(&mut loader, "text_model", Masking::Causal),
                norm: text.norm(&mut loader, "text_model.final_layer_norm"),
                projection: projection(&mut loader, "text_projection", text),
                end: config.end,
            },
            logit_scale: loader.scalar("logit_scale"),
        };
        Ok((model, loader.finish()?))
    }

    /// Features in the joint space, `[items, joint]`, of whichever tower the input is for; not of unit length.
    pub fn encode(&self, input: Input) -> Tensor<2> {
        let mut stream = self.embed(input);
        for layer in 0..self.blocks(stream.tower()).len() {
            stream = self.block(layer, stream);
        }
        self.features(&stream)
    }

    /// The logarithm of the similarity's factor, `[1]`.
    pub fn logit_scale(&self) -> Tensor<1> {
        self.logit_scale.val()
    }

    /// The table of token embeddings, `[vocabulary, dim]`.
    pub(super) fn token_embeddings(&self) -> Tensor<2> {
        self.text.embedding.whole(&self.device())
    }

    /// Of the images' tower.
    pub(super) fn heads(&self) -> Option<Heads> {
        self.vision.blocks.first().map(Block::heads)
    }

    pub(super) fn standardised(&self, pixels: Tensor<4>) -> Tensor<4> {
        self.vision.standardise.forward(pixels)
    }

    pub(super) fn device(&self) -> Device {
        self.logit_scale.val().device()
    }

    pub(super) fn embed(&self, input: Input) -> Stream {
        match input {
            Input::Image(image) => self.vision.embed(image),
            Input::Tokens(batch) => self.text.embed(batch),
            Input::Waveform(_) => panic!("a CLIP is fed images and texts: Signature::check comes first"),
        }
    }

    pub(super) fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.blocks(stream.tower())[layer].forward(layer, stream)
    }

    pub(super) fn features(&self, stream: &Stream) -> Tensor<2> {
        match stream.tower() {
            Tower::Vision => {
                let VisionTower { norm_behind, projection, .. } = &self.vision;
                projection.forward(norm_behind.forward(stream.special_tokens(0)))
            }
            Tower::Text => self.text_features(stream.last_tokens()),
            Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
        }
    }

    /// Of every patch of an image, as its class token is read: `[batch, patches, joint]`.
    pub(super) fn local_features(&self, stream: &Stream) -> Tensor<3> {
        let VisionTower { norm_behind, projection, .. } = &self.vision;
        let (batch, patches) = (stream.spans().len(), stream.layout().content);
        let tokens = stream.content_tokens((0..batch).flat_map(|row| (0..patches).map(move |index| (row, index))));
        let features = projection.forward(norm_behind.forward(tokens));
        let [_, joint] = features.dims();
        features.reshape([batch, patches, joint])
    }

    /// Of what stands, behind the last block, where texts are read: `[texts, dim]` to `[texts, joint]`.
    pub(super) fn text_features(&self, tokens: Tensor<2>) -> Tensor<2> {
        let TextTower { norm, projection, .. } = &self.text;
        projection.forward(norm.forward(tokens))
    }

    /// The index of the token behind the start that a text is read at.
    pub(super) fn text_end(&self, row: &[u32]) -> usize {
        self.text.end.content_index(row)
    }

    /// Of what makes a stream of these items.
    pub(super) fn embed_macs(&self, input: &Input) -> u64 {
        match input {
            Input::Image(image) => self.vision.patch_embed.macs(image.dims()),
            Input::Tokens(_) | Input::Waveform(_) => 0,
        }
    }

    pub(super) fn block_work(&self, tower: Tower, layer: usize) -> BlockWork {
        self.blocks(tower)[layer].work()
    }

    /// Of one item's features.
    pub(super) fn projection_macs(&self, tower: Tower) -> u64 {
        match tower {
            Tower::Vision => self.vision.projection.macs(),
            Tower::Text => self.text.projection.macs(),
            Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
        }
    }

    fn blocks(&self, tower: Tower) -> &[Block] {
        match tower {
            Tower::Vision => &self.vision.blocks,
            Tower::Text => &self.text.blocks,
            Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
        }
    }
}

impl VisionTower {
    fn embed(&self, image: Tensor<4>) -> Stream {
        let Self { patch_embed, class_token, positions, norm_before, standardise, .. } = self;
        let patches = patch_embed.forward(standardise.forward(image));
        let [batch, _, dim] = patches.dims();
        let class = class_token.val().reshape([1, 1, dim]).expand([batch, 1, dim]);
        let hidden = Tensor::cat(vec![class, patches], 1) + positions.val().unsqueeze();
        Stream::unpadded(norm_before.forward(hidden), Tower::Vision, 1)
    }
}

impl TextTower {
    fn embed(&self, batch: TokenBatch) -> Stream {
        let ends = batch.rows.iter().map(|row| self.end.content_index(row)).collect();
        // Which side is filled up makes no difference to a text; the start token must be at the first seat.
        let (ids, mut spans) = TokenBatch::new(batch.rows).padded(&self.positions.val().device());
        // Every text begins with its start token, which stays in front of a prompt.
        for span in &mut spans {
            span.length = span.length.saturating_sub(1);
        }
        let hidden = self.embedding.rows(ids);
        let seats = SeatPositions { table: self.positions.val(), norm: None };
        Stream::new(hidden, Tower::Text, 1, spans).read_at(ends).seated(seats)
    }
}

impl TextEnd {
    /// The index of the content token that a row is read at; the start of the text is no content.
    fn content_index(self, row: &[u32]) -> usize {
        let wanted = match self {
            Self::First(id) => id,
            Self::Largest => row.iter().copied().max().unwrap_or(0),
        };
        row.iter().position(|&id| id == wanted).map_or(row.len(), |seat| seat + 1).saturating_sub(2)
    }
}
