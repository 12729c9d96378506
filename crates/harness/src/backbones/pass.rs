//! One pass of made-up items, by which is measured what a machine can do; and about what a real one takes of its memory.

use burn::tensor::Tensor;
use reprogram_models::{Backbone, Input, Metered, Reading, Spent, Stream, TokenBatch};
use reprogram_taxonomy::InputSpace;

use super::LoadedBackbone;

/// Tokens of a row of text.
const TOKENS: usize = 64;

impl LoadedBackbone {
    /// Forward to the features of a made-up batch, and backward to its embedding.
    pub fn pass(&self, n_items: usize) {
        let backbone = self.backbone.as_ref();
        let _ = tracked(backbone, n_items).sum().backward();
        // A device that computes behind the program's back is waited for; what is wrong with it shows where it is used.
        let _ = backbone.device().sync();
    }

    /// The same forward alone.
    pub fn forward_pass(&self, n_items: usize) {
        let backbone = self.backbone.as_ref();
        let _ = backbone.read(&backbone.blocks(embedded(backbone, n_items)), Reading::Features);
        let _ = backbone.device().sync();
    }

    /// What a pass takes of f, forward and backward.
    pub fn spent_by_pass(&self, n_items: usize) -> Spent {
        let metered = Metered::imagined(self.backbone.as_ref());
        tracked(&metered, n_items);
        metered.meter().spent()
    }

    /// Bytes that a step takes for each item, about: what a graph keeps of blocks that are spelled out.
    pub fn bytes_of_step(&self) -> u64 {
        let card = &self.backbone.card().main;
        let [_, seq, _] = embedded(self.backbone.as_ref(), 1).hidden().dims();
        let n_heads = self.backbone.heads().map_or(card.dim / 64, |heads| heads.query);
        // Of a token: norms, queries, keys, values, sums, and hidden units of four times its width before and behind the
        // activation; of a head: scores and probabilities.
        (4 * card.depth * (24 * seq * card.dim + 2 * n_heads * seq * seq)) as u64
    }
}

/// Features of a made-up batch, with a graph from its embedding on.
fn tracked(backbone: &dyn Backbone, n_items: usize) -> Tensor<2> {
    let stream = embedded(backbone, n_items);
    let hidden = stream.hidden().autodiff().require_grad();
    backbone.read(&backbone.blocks(stream.with_hidden(hidden)), Reading::Features)
}

fn embedded(backbone: &dyn Backbone, n_items: usize) -> Stream {
    let device = backbone.device();
    backbone.embed(match backbone.card().main.input {
        InputSpace::Image { channels, height, width } => Input::Image(Tensor::zeros([n_items, channels, height, width], &device)),
        InputSpace::Waveform { samples, .. } => Input::Waveform(Tensor::zeros([1, samples], &device)),
        InputSpace::Tokens { context, vocabulary } => {
            let ids = (0..TOKENS.min(context)).map(|i| (i % vocabulary) as u32).collect::<Vec<u32>>();
            Input::Tokens(TokenBatch::new(vec![ids; n_items]))
        }
    })
}
