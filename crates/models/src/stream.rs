//! The residual stream: the only place where tokens are cut or joined.

use burn::tensor::{Int, Tensor};

/// How a stream's tokens are laid out: `[special | prompt | content]`, the same for every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Tokens of the backbone's own in front (a ViT's class token).
    pub special: usize,
    /// Prompt tokens that a manipulation put in.
    pub prompt: usize,
    /// Tokens of the item, padding included.
    pub content: usize,
}

impl Layout {
    /// All tokens.
    pub const fn total(self) -> usize {
        self.special + self.prompt + self.content
    }
}

/// Keys and values of one block, as attention uses them (rotated, where the backbone rotates).
#[derive(Debug, Clone)]
pub struct KeyValue {
    /// `[batch, kv_head, past, head_dim]`
    pub key: Tensor<4>,
    /// `[batch, kv_head, past, head_dim]`
    pub value: Tensor<4>,
}

/// Keys and values of tokens that went through the blocks before, one entry a block.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    layers: Vec<KeyValue>,
    length: usize,
}

impl KvCache {
    /// Tokens in it.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing went through yet.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// One row's past, repeated for `batch` rows.
    pub fn repeat(&self, batch: usize) -> Self {
        let repeat = |tensor: &Tensor<4>| tensor.clone().repeat_dim(0, batch);
        let layers = self.layers.iter().map(|past| KeyValue { key: repeat(&past.key), value: repeat(&past.value) }).collect();
        Self { layers, length: self.length }
    }
}

/// What flows between the cuts of a backbone.
///
/// Rows are padded on the right: `lengths` counts each row's real content tokens, so positions are the same in every row.
#[derive(Debug, Clone)]
pub struct Stream {
    hidden: Tensor<3>,
    lengths: Vec<usize>,
    layout: Layout,
    cache: Option<KvCache>,
}

impl Stream {
    /// A stream as an embedding map makes it. `hidden`: `[batch, special + content, dim]`.
    ///
    /// # Panics
    /// When the shapes disagree: a bug of the backbone.
    pub fn new(hidden: Tensor<3>, special: usize, lengths: Vec<usize>) -> Self {
        let [batch, seq, _] = hidden.dims();
        assert_eq!(batch, lengths.len(), "one length a row");
        assert!(lengths.iter().all(|&length| special + length <= seq), "a length beyond the sequence");
        Self { hidden, lengths, layout: Layout { special, prompt: 0, content: seq - special }, cache: None }
    }

    /// Lets the stream continue after the tokens in `cache`, which every block then reads and extends.
    #[must_use]
    pub fn after(mut self, cache: KvCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The cache, extended by this stream's own tokens, if the stream was given one.
    pub fn into_cache(self) -> Option<KvCache> {
        let seq = self.layout.total();
        self.cache.map(|cache| KvCache { length: cache.length + seq, ..cache })
    }

    /// `[batch, seq, dim]`
    pub fn hidden(&self) -> Tensor<3> {
        self.hidden.clone()
    }

    /// Real content tokens of each row.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The token layout.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Tokens that went before: the position of this stream's first token.
    pub fn start(&self) -> usize {
        self.cache.as_ref().map_or(0, KvCache::len)
    }

    /// Replaces the hidden states, shape unchanged.
    ///
    /// # Panics
    /// When the shape changes: tokens are cut and joined here only.
    #[must_use]
    pub fn with_hidden(mut self, hidden: Tensor<3>) -> Self {
        assert_eq!(self.hidden.dims()[..2], hidden.dims()[..2], "a block keeps the tokens it is given");
        self.hidden = hidden;
        self
    }

    /// Puts a prompt after the special tokens and before the content. `prompt`: `[1 | batch, prompt, dim]`.
    #[must_use]
    pub fn insert_prompt(mut self, prompt: Tensor<3>) -> Self {
        let [batch, seq, dim] = self.hidden.dims();
        let [rows, n_prompt, prompt_dim] = prompt.dims();
        assert_eq!(dim, prompt_dim, "a prompt is as wide as the stream");
        let prompt = if rows == batch { prompt } else { prompt.expand([batch, n_prompt, dim]) };
        let front = self.layout.special + self.layout.prompt;
        let mut pieces = Vec::with_capacity(3);
        if front > 0 {
            pieces.push(self.hidden.clone().narrow(1, 0, front));
        }
        pieces.push(prompt);
        if seq > front {
            pieces.push(self.hidden.narrow(1, front, seq - front));
        }
        self.hidden = Tensor::cat(pieces, 1);
        self.layout.prompt += n_prompt;
        self
    }

    /// Replaces the prompt tokens that are there by as many others (VPT-deep). `prompt`: `[1 | batch, prompt, dim]`.
    #[must_use]
    pub fn replace_prompt(mut self, prompt: Tensor<3>) -> Self {
        let [batch, seq, dim] = self.hidden.dims();
        let Layout { special, prompt: n_prompt, .. } = self.layout;
        assert_eq!(prompt.dims()[1], n_prompt, "as many prompt tokens as were inserted");
        let prompt = prompt.expand([batch, n_prompt, dim]);
        let behind = special + n_prompt;
        let mut pieces = Vec::with_capacity(3);
        if special > 0 {
            pieces.push(self.hidden.clone().narrow(1, 0, special));
        }
        pieces.push(prompt);
        if seq > behind {
            pieces.push(self.hidden.narrow(1, behind, seq - behind));
        }
        self.hidden = Tensor::cat(pieces, 1);
        self
    }

    /// The hidden states of single tokens. `(row, index)` counts an index from the first content token; the result is
    /// `[tokens, dim]`.
    pub fn content_tokens(&self, tokens: impl Iterator<Item = (usize, usize)>) -> Tensor<2> {
        let front = self.layout.special + self.layout.prompt;
        self.tokens(tokens.map(|(row, index)| (row, front + index)))
    }

    /// The last real token of each row, `[batch, dim]`.
    pub fn last_tokens(&self) -> Tensor<2> {
        let front = self.layout.special + self.layout.prompt;
        self.tokens(self.lengths.iter().enumerate().map(|(row, &length)| (row, (front + length).saturating_sub(1))))
    }

    /// The first special token of each row, `[batch, dim]`.
    pub fn class_tokens(&self) -> Tensor<2> {
        let [batch, _, dim] = self.hidden.dims();
        self.hidden.clone().narrow(1, 0, 1).reshape([batch, dim])
    }

    /// Splits off the cached keys and values of one block.
    pub(crate) fn past(&self, layer: usize) -> Option<KeyValue> {
        self.cache.as_ref().and_then(|cache| cache.layers.get(layer).cloned())
    }

    /// Whether blocks must hand their keys and values to [`Stream::remember`].
    pub(crate) const fn remembers(&self) -> bool {
        self.cache.is_some()
    }

    /// Stores a block's keys and values, past ones included.
    pub(crate) fn remember(&mut self, layer: usize, now: KeyValue) {
        if let Some(cache) = &mut self.cache {
            if layer < cache.layers.len() {
                cache.layers[layer] = now;
            } else {
                assert_eq!(layer, cache.layers.len(), "blocks run in order");
                cache.layers.push(now);
            }
        }
    }

    fn tokens(&self, tokens: impl Iterator<Item = (usize, usize)>) -> Tensor<2> {
        let [batch, seq, dim] = self.hidden.dims();
        let indices: Vec<i32> = tokens.map(|(row, index)| (row * seq + index) as i32).collect();
        let indices = Tensor::<1, Int>::from_ints(indices.as_slice(), &self.hidden.device());
        self.hidden.clone().reshape([batch * seq, dim]).select(0, indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn stream() -> Stream {
        let device = Device::flex();
        let hidden = Tensor::<1, Int>::arange(0..2 * 4 * 3, &device).float().reshape([2, 4, 3]);
        Stream::new(hidden, 1, vec![3, 2])
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn a_prompt_goes_between_special_and_content() {
        let prompted = stream().insert_prompt(Tensor::full([1, 2, 3], -1.0, &Device::flex()));
        assert_eq!(prompted.layout(), Layout { special: 1, prompt: 2, content: 3 });
        let row: Vec<f32> = prompted.hidden().narrow(0, 0, 1).narrow(2, 0, 1).try_into_vec_as().unwrap();
        assert_eq!(row, [0.0, -1.0, -1.0, 3.0, 6.0, 9.0]);
    }

    #[test]
    fn content_indices_are_the_same_with_and_without_a_prompt() {
        let prompted = stream().insert_prompt(Tensor::zeros([1, 5, 3], &Device::flex()));
        let at = [(0, 0), (1, 1)];
        assert_eq!(values(stream().content_tokens(at.into_iter())), values(prompted.content_tokens(at.into_iter())));
        assert_eq!(values(stream().last_tokens()), values(prompted.last_tokens()));
        assert_eq!(values(stream().class_tokens()), values(prompted.class_tokens()));
    }

    #[test]
    fn the_last_token_is_the_last_real_one() {
        assert_eq!(values(stream().last_tokens()), [9.0, 10.0, 11.0, 18.0, 19.0, 20.0]);
    }

    #[test]
    fn replacing_a_prompt_leaves_the_rest_alone() {
        let device = Device::flex();
        let prompted = stream().insert_prompt(Tensor::zeros([1, 2, 3], &device));
        let replaced = prompted.replace_prompt(Tensor::ones([1, 2, 3], &device));
        assert_eq!(replaced.layout().prompt, 2);
        assert_eq!(values(replaced.last_tokens()), values(stream().last_tokens()));
        let prompt: Vec<f32> = replaced.hidden().narrow(1, 1, 2).try_into_vec_as().unwrap();
        assert!(prompt.iter().all(|&value| (value - 1.0).abs() < 1e-7));
    }
}
