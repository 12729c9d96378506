//! What a block that runs as one operation asks a stream for.

use super::visibility::{Keys, Pattern};
use super::{KeyValue, Masking, Stream};

/// What attention of a block sees in front of its tokens' own keys and values.
pub(crate) struct Before {
    /// Learned ones; where there are none and both are there, what all rows share in front of their own past.
    pub prefix: Option<KeyValue>,
    /// Those of earlier tokens.
    pub past: Option<KeyValue>,
    /// What is hidden of all.
    pub pattern: Pattern,
    /// Whether the tokens' own ones are kept.
    pub remembers: bool,
}

impl Stream {
    /// Whether blocks run as one operation, from here on.
    #[must_use]
    pub const fn with_fusion(mut self, fusion: crate::Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    /// Maps beside a block's own belong to no fused operation, nor do groups in front of its keys.
    pub(crate) const fn fusion(&self) -> crate::Fusion {
        if self.side_maps.is_some() || self.n_groups > 1 { crate::Fusion::Never } else { self.fusion }
    }

    /// `[batch, seq, dim]`
    pub(crate) fn dims(&self) -> [usize; 3] {
        self.tokens.dims()
    }

    /// What [`Stream::attend`] would join and hide; nothing is taken.
    pub(crate) fn before(&self, layer: usize, masking: Masking) -> Before {
        let branches = self.branches.clone().map(|branches| (self.layout.front(), branches));
        let mut keys = Keys { real: self.real_tokens(), n_queries: self.layout.total(), branches };
        let mut past = self.cache.as_ref().and_then(|cache| cache.layers.get(layer)).cloned();
        if let (Some(cache), Some(_)) = (&self.cache, &past) {
            keys.prepend(&cache.real);
        }
        let mut prefix = self.prefix.clone();
        if let Some(shared) = self.cache.as_ref().and_then(|cache| cache.shared.get(layer)) {
            keys.prepend(&vec![vec![true; shared.len()]; self.spans.len()]);
            match (&prefix, past.take()) {
                (_, None) => past = Some(shared.clone()),
                // One row stands for all: joined with rows of their own, it would be copied for each of them at every step.
                (None, Some(own)) => (prefix, past) = (Some(shared.clone()), Some(own)),
                (Some(_), Some(own)) => past = Some(shared.clone().then(own)),
            }
        }
        if let Some(prefix) = &self.prefix {
            keys.prepend(&vec![vec![true; prefix.len()]; self.spans.len()]);
        }
        Before { prefix, past, pattern: keys.pattern(masking), remembers: self.is_kept }
    }

    /// Takes what [`Stream::before`] showed, and remembers the tokens' own keys and values.
    pub(crate) fn attended(&mut self, layer: usize, own: Option<KeyValue>) {
        self.prefix = None;
        self.n_groups = 1;
        let (Some(cache), Some(own), true) = (&mut self.cache, own, self.is_kept) else { return };
        if let Some(past) = cache.layers.get_mut(layer) {
            *past = past.clone().then(own);
        } else {
            assert_eq!(layer, cache.layers.len(), "blocks run in order");
            cache.layers.push(own);
        }
    }
}
