//! What a program is fed.

use burn::tensor::Tensor;

use crate::{Options, Window};

/// A text item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its text.
    pub text: String,
    /// Its own answers, where it brings any.
    pub options: Option<Options>,
}

impl Query {
    /// A text that is answered by the words of the classes.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), options: None }
    }
}

/// A batch of items of one modality.
#[derive(Debug, Clone)]
pub enum Batch {
    /// Images on the backbone's canvas, pixels in 0..=1: `[batch, channel, height, width]`.
    Images(Tensor<4>),
    /// Texts.
    Texts(Vec<Query>),
    /// Recordings, or series, on the backbone's canvas: `[batch, sample]`.
    Waveforms(Tensor<2>),
    /// Series, for a language model.
    Series(Vec<Window>),
}

impl Batch {
    /// Items in it.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(images) => images.dims()[0],
            Self::Texts(queries) => queries.len(),
            Self::Waveforms(waveforms) => waveforms.dims()[0],
            Self::Series(windows) => windows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
