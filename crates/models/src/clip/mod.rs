//! Two towers, one for images and one for texts, that meet in one space.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020; layout and key names of the hub's `CLIPModel`.

pub(crate) mod config;
mod model;
mod open_clip;
mod texts;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Card, Tower};

pub use config::{ClipConfig, ClipTower, TextEnd};
pub use model::ClipModel;
pub use open_clip::{is_open_clip, open_clip_to_hub};

use crate::blocks::Heads;
use crate::weights::{Loader, Weights, WeightsError};
use crate::{Arithmetic, Backbone, BlockWork, Frozen, Input, JointSpace, Reading, Stream, TextTokenizer, TokenBatch};

/// A frozen CLIP.
pub struct Clip {
    model: Frozen<ClipModel>,
    joint: JointSpace,
    tokenizer: Option<TextTokenizer>,
    card: Card,
}

impl Clip {
    /// Reads weights in the hub's layout.
    pub fn load(
        config: &ClipConfig,
        name: &str,
        weights: Weights<'_>,
        tokenizer: Option<TextTokenizer>,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let (model, _) = ClipModel::from_loader(config, Loader::new(weights, device))?;
        let model = Frozen::new(model);
        let joint = JointSpace { scale: model.logit_scale().exp(), bias: None };
        Ok(Self { model, joint, tokenizer, card: config.card(name) })
    }
}

impl Arithmetic for Clip {
    fn embed_macs(&self, input: &Input) -> u64 {
        self.model.embed_macs(input)
    }

    fn block_work(&self, tower: Tower, layer: usize) -> BlockWork {
        self.model.block_work(tower, layer)
    }

    fn read_macs(&self, tower: Tower, rows: usize, _: usize, _: Reading<'_>) -> u64 {
        rows as u64 * self.model.projection_macs(tower)
    }
}

impl Backbone for Clip {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.model.device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.model.each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        self.model.embed(input)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.model.block(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        match reading {
            Reading::Features => self.model.features(stream),
            Reading::Logits | Reading::LogitsAt(_) => panic!("a CLIP has no labels of its own: Signature::check comes first"),
        }
    }

    fn standardised(&self, pixels: Tensor<4>) -> Option<Tensor<4>> {
        Some(self.model.standardised(pixels))
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.tokenizer.as_ref()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        Some(self.model.token_embeddings())
    }

    fn joint(&self) -> Option<&JointSpace> {
        Some(&self.joint)
    }

    fn local_features(&self, stream: &Stream) -> Option<Tensor<3>> {
        (stream.tower() == Tower::Vision).then(|| self.model.local_features(stream))
    }

    fn heads(&self) -> Option<Heads> {
        self.model.heads()
    }

    fn text_features_times(&self, copies: usize, rows: Vec<Vec<u32>>, run: &dyn Fn(Stream) -> Stream) -> Tensor<2> {
        let ends: Vec<usize> = rows.iter().map(|row| self.model.text_end(row)).collect();
        let trees = texts::trees(&rows, &ends);
        let all = || (0..copies).flat_map(|copy| trees.iter().map(move |tree| (copy, tree)));
        let tokens = TokenBatch::new(all().map(|(_, tree)| tree.tokens.clone()).collect());
        let stream = run(self.embed(Input::Tokens(tokens)).branching(texts::branches(all().map(|(_, tree)| tree))));
        let mut places = vec![(0, 0); copies * rows.len()];
        for (row, (copy, tree)) in all().enumerate() {
            tree.ends.iter().for_each(|&(text, seat)| places[copy * rows.len() + text] = (row, seat));
        }
        self.model.text_features(stream.content_tokens(places.into_iter()))
    }
}
