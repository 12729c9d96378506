//! Two towers without causal order, whose pairs are judged one by one.
//!
//! # Reference
//! Zhai et al., arXiv 2303.15343; SigLIP 2 of a fixed resolution (Tschannen et al., arXiv 2502.14786) has the same layout:
//! key names of the hub's `SiglipModel`. The image tower ends with attention of one learned query over all of its tokens
//! (Zhai et al., arXiv 2106.04560, appendix), the text tower at its last seat.
//!
//! Texts are filled up to a fixed number of tokens, and what fills them up is seen like any other token, as in training: a
//! text's features depend on it. It is added when the first block is reached, so that a prompt takes seats from it.

mod config;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

pub use config::SiglipConfig;

use crate::blocks::{Attention, AttentionRule, Bias, Block, Heads, LayerNorm, Linear, Mlp, PatchEmbed, Standardise, TokenTable};
use crate::stream::SeatPositions;
use crate::weights::{Fate, Loader, RearrangeError, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, ClipTower, Frozen, Input, JointSpace, Masking, Reading, Stream, TextTokenizer, TokenBatch};

/// A checkpoint that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SiglipError {
    /// A tensor of another layout.
    #[error(transparent)]
    Layout(#[from] RearrangeError),
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl SiglipConfig {
    fn card(&self, name: &str) -> Card {
        let tower = |tower, of: &ClipTower, input| TowerCard { tower, depth: of.depth, dim: of.dim, input };
        let image = InputSpace::Image { channels: self.n_channels, height: self.image_size, width: self.image_size };
        let tokens = InputSpace::Tokens { context: self.context, vocabulary: self.vocabulary };
        Card {
            name: name.to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Fixed,
            main: tower(Tower::Vision, &self.vision, image),
            second: Some(tower(Tower::Text, &self.text, tokens)),
            output: OutputSpace::Joint { dim: self.joint_dim() },
        }
    }
}

/// One learned query over all tokens, and a feed-forward network.
#[derive(Module, Debug)]
struct Pooling {
    /// `[1, 1, dim]`
    probe: Param<Tensor<3>>,
    attention: Attention,
    norm: LayerNorm,
    mlp: Mlp,
}

impl Pooling {
    fn load(loader: &mut Loader<'_>, tower: &ClipTower) -> Self {
        let (dim, hidden, prefix) = (tower.dim, tower.hidden, "vision_model.head");
        let mut linear = |name: &str, input, output| Linear::load(loader, &format!("{prefix}.{name}"), input, output);
        let maps = ["q_proj", "k_proj", "v_proj", "out_proj"].map(|name| linear(&format!("attention.{name}"), dim, dim));
        let mlp = Mlp::new(linear("mlp.fc1", dim, hidden), linear("mlp.fc2", hidden, dim), tower.activation);
        let rule = AttentionRule::plain(Heads::uniform(tower.n_heads, dim), Masking::Full);
        Self {
            probe: loader.param(&format!("{prefix}.probe"), [1, 1, dim]),
            attention: Attention::new(maps, rule),
            norm: tower.norm(loader, &format!("{prefix}.layernorm")),
            mlp,
        }
    }

    /// Multiply-accumulates of one item of `seq` tokens: keys and values of each, one query over them, and what is behind it.
    fn macs(&self, seq: usize) -> u64 {
        let Attention { query, key, value, output, .. } = &self.attention;
        let heads = self.attention.heads();
        let products = 2 * seq * heads.query * heads.dim;
        seq as u64 * (key.macs() + value.macs())
            + query.macs()
            + output.macs()
            + products as u64
            + self.mlp.fc1.macs()
            + self.mlp.fc2.macs()
    }

    /// `[batch, seq, dim]` to `[batch, dim]`.
    fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [batch, _, dim] = tokens.dims();
        let pooled = self.attention.forward_over(self.probe.val().expand([batch, 1, dim]), tokens);
        let pooled = pooled.clone() + self.mlp.forward(self.norm.forward(pooled));
        pooled.reshape([batch, dim])
    }
}

#[derive(Module, Debug)]
struct VisionTower {
    patch_embed: PatchEmbed,
    /// `[patches, dim]`
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    pooling: Pooling,
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
    padding: u32,
}

#[derive(Module, Debug)]
struct SiglipModel {
    vision: VisionTower,
    text: TextTower,
    /// `[1]`, the logarithm.
    logit_scale: Param<Tensor<1>>,
    /// `[1]`
    logit_bias: Param<Tensor<1>>,
}

/// A frozen SigLIP.
pub struct Siglip {
    model: Frozen<SiglipModel>,
    joint: JointSpace,
    tokenizer: Option<TextTokenizer>,
    card: Card,
}

impl Siglip {
    /// Reads weights in the hub's layout. Texts are filled up with the tokenizer's own token for it, or, where it has none,
    /// with the configuration's.
    pub fn load(
        config: &SiglipConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, SiglipError> {
        // The pooling's maps of query, key and value are kept in one piece.
        let packed = "vision_model.head.attention.in_proj_";
        let weights = weights.rearranged(|name| match name.strip_prefix(packed) {
            Some(kind) => Fate::Cut(["q", "k", "v"].map(|map| format!("vision_model.head.attention.{map}_proj.{kind}")).to_vec()),
            None => Fate::Renamed(name.to_owned()),
        })?;
        let mut loader = Loader::new(weights, device);
        let (vision, text) = (&config.vision, &config.text);
        let edge = config.image_size / config.patch_size;
        let patches = "vision_model.embeddings.patch_embedding";
        let model = SiglipModel {
            vision: VisionTower {
                patch_embed: PatchEmbed::load(&mut loader, patches, config.n_channels, config.patch_size, vision.dim, Bias::Stored),
                positions: loader.param("vision_model.embeddings.position_embedding.weight", [edge * edge, vision.dim]),
                blocks: vision.blocks(&mut loader, "vision_model", Masking::Full),
                norm: vision.norm(&mut loader, "vision_model.post_layernorm"),
                pooling: Pooling::load(&mut loader, vision),
                standardise: Standardise::new(&config.image_mean, &config.image_std, device),
            },
            text: TextTower {
                embedding: TokenTable::load(&mut loader, "text_model.embeddings.token_embedding.weight", config.vocabulary, text.dim),
                positions: loader.param("text_model.embeddings.position_embedding.weight", [config.context, text.dim]),
                blocks: text.blocks(&mut loader, "text_model", Masking::Full),
                norm: text.norm(&mut loader, "text_model.final_layer_norm"),
                projection: Linear::load(&mut loader, "text_model.head", text.dim, config.joint_dim()),
                padding: tokenizer.as_ref().and_then(|tokenizer| tokenizer.pad().ok()).unwrap_or(config.padding),
            },
            logit_scale: loader.scalar("logit_scale"),
            logit_bias: loader.scalar("logit_bias"),
        };
        loader.finish()?;
        let model = Frozen::new(model);
        let joint = JointSpace { scale: model.logit_scale.val().exp(), bias: Some(model.logit_bias.val()) };
        Ok(Self { model, joint, tokenizer, card: config.card(name) })
    }
}

impl VisionTower {
    fn embed(&self, image: Tensor<4>) -> Stream {
        let patches = self.patch_embed.forward(self.standardise.forward(image));
        Stream::unpadded(patches + self.positions.val().unsqueeze(), Tower::Vision, 0)
    }

    /// Prompt tokens are pooled like all others.
    fn features(&self, stream: &Stream) -> Tensor<2> {
        self.pooling.forward(self.norm.forward(stream.hidden()))
    }
}

impl TextTower {
    fn embed(&self, batch: TokenBatch) -> Stream {
        let longest = batch.rows.iter().map(Vec::len).max().unwrap_or(0);
        let fill = |mut row: Vec<u32>| {
            row.resize(longest, self.padding);
            row
        };
        let positions = self.positions.val();
        let (ids, spans) = TokenBatch::new(batch.rows.into_iter().map(fill).collect()).padded(&positions.device());
        let seats = SeatPositions { table: positions, norm: None };
        Stream::new(self.embedding.rows(ids), Tower::Text, 0, spans).seated(seats)
    }

    /// Fills all rows up to the context.
    fn fill(&self, stream: Stream) -> Stream {
        let positions = self.positions.val();
        let [n_seats, dim] = positions.dims();
        let id = Tensor::<2, Int>::from_ints([[self.padding.cast_signed()]], &positions.device());
        stream.filled(n_seats, self.embedding.rows(id).reshape([dim]))
    }

    fn features(&self, stream: &Stream) -> Tensor<2> {
        self.projection.forward(self.norm.forward(stream.last_tokens()))
    }
}

const NO_SUCH_TOWER: &str = "a SigLIP has no acoustic tower: a stream comes from its own `embed`";

impl Arithmetic for Siglip {
    fn embed_macs(&self, input: &Input) -> u64 {
        match input {
            Input::Image(image) => self.model.vision.patch_embed.macs(image.dims()),
            Input::Tokens(_) | Input::Waveform(_) => 0,
        }
    }

    fn block_work(&self, tower: Tower, layer: usize) -> BlockWork {
        match tower {
            Tower::Vision => self.model.vision.blocks[layer].work(),
            Tower::Text => self.model.text.blocks[layer].work(),
            Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
        }
    }

    fn read_macs(&self, tower: Tower, rows: usize, seq: usize, _: Reading<'_>) -> u64 {
        rows as u64
            * match tower {
                Tower::Vision => self.model.vision.pooling.macs(seq),
                Tower::Text => self.model.text.projection.macs(),
                Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
            }
    }

    fn filled_to(&self, tower: Tower) -> Option<usize> {
        match tower {
            Tower::Text => Some(self.model.text.positions.val().dims()[0]),
            Tower::Vision | Tower::Acoustic => None,
        }
    }
}

impl Backbone for Siglip {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.model.logit_scale.val().device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.model.each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        match input {
            Input::Image(image) => self.model.vision.embed(image),
            Input::Tokens(batch) => self.model.text.embed(batch),
            Input::Waveform(_) => panic!("a SigLIP is fed images and texts: Signature::check comes first"),
        }
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        match stream.tower() {
            Tower::Vision => self.model.vision.blocks[layer].forward(layer, stream),
            Tower::Text => {
                let text = &self.model.text;
                let stream = if layer == 0 { text.fill(stream) } else { stream };
                text.blocks[layer].forward(layer, stream)
            }
            Tower::Acoustic => panic!("{NO_SUCH_TOWER}"),
        }
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match (reading, stream.tower()) {
            (Reading::Features, Tower::Vision) => self.model.vision.features(stream),
            (Reading::Features, Tower::Text) => self.model.text.features(stream),
            (Reading::Features, Tower::Acoustic) => panic!("{NO_SUCH_TOWER}"),
            (Reading::Logits | Reading::LogitsAt(_), _) => panic!("a SigLIP has no labels of its own: Signature::check comes first"),
        }
    }

    fn standardised(&self, pixels: Tensor<4>) -> Option<Tensor<4>> {
        Some(self.model.vision.standardise.forward(pixels))
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.tokenizer.as_ref()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        Some(self.model.text.embedding.whole(&self.device()))
    }

    fn joint(&self) -> Option<&JointSpace> {
        Some(&self.joint)
    }

    fn heads(&self) -> Option<Heads> {
        self.model.vision.blocks.first().map(Block::heads)
    }
}
