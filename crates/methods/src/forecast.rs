//! The way of series through a language model: words in front, the series' own tokens behind them.

use burn::tensor::Tensor;
use reprogram_models::{Backbone, Input, Reading, Stream, TokenBatch, raised};

use crate::likelihood::context_of;
use crate::series::Normalised;
use crate::{Program, Reads, Window};

impl Program {
    /// The stream of windows behind the embedding map: what parts say of them in words, and the tokens that they make of them.
    pub(crate) fn series_stream(&self, backbone: &dyn Backbone, windows: &[Window]) -> Stream {
        let tokenizer = backbone.tokenizer().expect("a language model: Signature::check comes first");
        let text = |window: &Window| self.manipulations().iter().fold(String::new(), |text, part| part.series_text(text, window));
        let values = Normalised::of(windows, &backbone.device()).values;
        let tokens: Vec<Tensor<3>> = self.manipulations().iter().filter_map(|part| part.series_tokens(&values)).collect();
        // Words are cut on the left where they would leave no room.
        let n_own: usize = tokens.iter().map(|tokens| tokens.dims()[1]).sum();
        let limit = context_of(backbone).saturating_sub(n_own).max(1);
        let row = |window: &Window| {
            let words = tokenizer.encode_pair(&text(window), "").context;
            words[words.len().saturating_sub(limit)..].to_vec()
        };
        let rows = windows.iter().map(row).collect();
        let stream = backbone.embed(Input::Tokens(TokenBatch::left_padded(rows)));
        tokens.into_iter().fold(stream, Stream::append)
    }

    /// What an alignment reads that knows a window's own scale: its last tokens or the window itself, then mean and deviation.
    pub(crate) fn forecast_source(&self, backbone: &dyn Backbone, windows: &[Window]) -> Tensor<2> {
        let Normalised { values, mean, deviation } = Normalised::of(windows, &backbone.device());
        let read = match self.alignment().reads() {
            Reads::Window => values,
            Reads::Tokens { n, width } => {
                let stream = self.embedding(self.series_stream(backbone, windows));
                let stream = self.through(backbone, 0..backbone.card().main.depth, stream);
                let token =
                    |back: usize| raised(backbone.read(&stream.clone().read_before_end(back), Reading::Features)).narrow(1, 0, width);
                Tensor::cat((0..n).rev().map(token).collect(), 1)
            }
            reads @ (Reads::Logits
            | Reads::Features
            | Reads::Answers
            | Reads::AnswersBeside(_)
            | Reads::ItemBehindAnswers
            | Reads::ClassTexts
            | Reads::EachText
            | Reads::LocalTexts
            | Reads::Generated) => {
                panic!("{reads:?} have no scale of their own")
            }
        };
        Tensor::cat(vec![read, mean, deviation], 1)
    }
}
