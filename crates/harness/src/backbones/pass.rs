//! One small pass, by which is measured what a machine can do.

use burn::tensor::Tensor;
use reprogram_models::{Input, Reading, TokenBatch};
use reprogram_taxonomy::InputSpace;

use super::LoadedBackbone;

/// Rows of a pass, as many as a small batch has.
const ROWS: usize = 8;
/// Tokens of a row of text.
const TOKENS: usize = 64;

impl LoadedBackbone {
    /// Forward to the features of a made-up batch, and backward to its embedding.
    pub fn pass(&self) {
        let backbone = self.backbone.as_ref();
        let device = backbone.device();
        let input = match backbone.card().main.input {
            InputSpace::Image { channels, height, width } => Input::Image(Tensor::zeros([ROWS, channels, height, width], &device)),
            InputSpace::Waveform { samples, .. } => Input::Waveform(Tensor::zeros([1, samples], &device)),
            InputSpace::Tokens { context, vocabulary } => {
                let ids = (0..TOKENS.min(context)).map(|i| (i % vocabulary) as u32).collect::<Vec<u32>>();
                Input::Tokens(TokenBatch::new(vec![ids; ROWS]))
            }
        };
        let stream = backbone.embed(input);
        let hidden = stream.hidden().autodiff().require_grad();
        let features = backbone.read(&backbone.blocks(stream.with_hidden(hidden)), Reading::Features);
        let _ = features.sum().backward();
    }
}
