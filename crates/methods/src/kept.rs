//! What a program that does not change need not compute twice.

use burn::tensor::Tensor;
use reprogram_models::PrefixCache;

/// Of one program on one backbone.
pub(crate) struct Kept {
    /// Keys and values of what texts begin with.
    pub prefixes: PrefixCache,
    /// Features of the classes' texts, `[class, joint]`.
    texts: Option<Tensor<2>>,
    keeps: bool,
}

impl Kept {
    /// Nothing: the program may be another one the next time.
    pub(crate) const fn nothing() -> Self {
        Self { prefixes: PrefixCache::new(0), texts: None, keeps: false }
    }

    /// Prefixes of up to this many tokens, and the classes' texts.
    pub(crate) const fn tokens(n: usize) -> Self {
        Self { prefixes: PrefixCache::new(n), texts: None, keeps: true }
    }

    /// The features of the classes' texts, computed if they are not there.
    pub(crate) fn texts(&mut self, compute: impl FnOnce() -> Tensor<2>) -> Tensor<2> {
        if let Some(texts) = &self.texts {
            return texts.clone();
        }
        let texts = compute();
        if self.keeps {
            self.texts = Some(texts.clone());
        }
        texts
    }
}
