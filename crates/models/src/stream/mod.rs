//! The residual stream: the only place where tokens are cut or joined.

mod attend;
mod branches;
#[cfg(feature = "flex")]
mod fused;
mod groups;
mod ids;
mod passage;
mod past;
mod positions;
mod rows;
mod side_map;
mod tail;
mod visibility;
mod within;

use burn::tensor::{Int, Tensor, TensorData};
use reprogram_taxonomy::Tower;

pub use branches::Branches;
#[cfg(feature = "flex")]
pub(crate) use fused::Before;
pub use past::{KeyValue, KvCache};
pub(crate) use positions::Positions;
pub use rows::StreamRow;
pub use side_map::SideMap;
use visibility::Keys;
pub(crate) use visibility::Mask;
pub use visibility::Masking;
#[cfg(feature = "flex")]
pub(crate) use visibility::Pattern;

use crate::blocks::LayerNorm;
use crate::{in_f32, lowered, raised};

/// How a stream's tokens are laid out: `[special | prompt | content]`, the same for every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Tokens of the backbone's own in front (a ViT's class token, CLIP's start of text).
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

    /// Tokens before the content.
    const fn front(self) -> usize {
        self.special + self.prompt
    }
}

/// Where a row's real tokens stand within the content; the others are padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Padding in front.
    pub offset: usize,
    /// Real tokens.
    pub length: usize,
}

/// Learned positions that belong to seats, not to tokens: added when the first block is reached, so that tokens which are
/// put in before that move the others on.
#[derive(Debug, Clone)]
pub(crate) struct SeatPositions {
    /// `[context, dim]`
    pub table: Tensor<2>,
    /// Over the sums (BERT).
    pub norm: Option<LayerNorm>,
}

/// What flows between the cuts of a backbone.
#[derive(Debug, Clone)]
pub struct Stream {
    tokens: Tensor<3>,
    tower: Tower,
    layout: Layout,
    spans: Vec<Span>,
    /// Index of the content token that a row is read at.
    ends: Vec<usize>,
    seats: Option<SeatPositions>,
    /// Which tokens the content is, row by row without padding, where the backbone says so.
    ids: Option<Vec<Vec<u32>>>,
    branches: Option<Branches>,
    cache: Option<KvCache>,
    /// Whether the cache takes this stream's own keys and values.
    is_kept: bool,
    /// Those made so far, with what they were made for.
    masks: Vec<(Masking, Keys, Mask)>,
    prefix: Option<KeyValue>,
    /// Of the next block's prefix: how many groups it is of, where each counts as the stream's own tokens do.
    n_groups: usize,
    side_maps: Option<[SideMap; 2]>,
    /// Positions taken by learned keys and values.
    shift: usize,
    #[cfg(feature = "flex")]
    fusion: crate::Fusion,
}

impl Stream {
    /// A stream as an embedding map makes it. `hidden`: `[batch, special + content, dim]`.
    ///
    /// # Panics
    /// When the shapes disagree: a bug of the backbone.
    pub fn new(hidden: Tensor<3>, tower: Tower, special: usize, spans: Vec<Span>) -> Self {
        let [batch, seq, _] = hidden.dims();
        assert_eq!(batch, spans.len(), "one span a row");
        assert!(spans.iter().all(|span| special + span.offset + span.length <= seq), "a span beyond the sequence");
        let ends = spans.iter().map(|span| span.length.saturating_sub(1)).collect();
        let layout = Layout { special, prompt: 0, content: seq - special };
        Self {
            tokens: hidden,
            tower,
            layout,
            spans,
            ends,
            seats: None,
            ids: None,
            branches: None,
            cache: None,
            is_kept: false,
            masks: Vec::new(),
            prefix: None,
            n_groups: 1,
            side_maps: None,
            shift: 0,
            #[cfg(feature = "flex")]
            fusion: crate::Fusion::default(),
        }
    }

    /// A stream without padding.
    pub fn unpadded(hidden: Tensor<3>, tower: Tower, special: usize) -> Self {
        let [batch, seq, _] = hidden.dims();
        Self::new(hidden, tower, special, vec![Span { offset: 0, length: seq - special }; batch])
    }

    /// Lets each row be read at this content token rather than at its last.
    #[must_use]
    pub(crate) fn read_at(mut self, ends: Vec<usize>) -> Self {
        assert_eq!(ends.len(), self.spans.len(), "one token a row");
        self.ends = ends;
        self
    }

    /// Gives every token the position of the seat that it will have when the first block is reached.
    #[must_use]
    pub(crate) fn seated(mut self, seats: SeatPositions) -> Self {
        self.seats = Some(seats);
        self
    }

    /// Lays each row's content out as a tree: a token has its parent's position plus one, and sees its ancestors and what
    /// stands in front of the content.
    ///
    /// # Panics
    /// With another number of tokens, or padding in front of them.
    #[must_use]
    pub fn branching(mut self, branches: Branches) -> Self {
        assert!(branches.lengths().eq(self.spans.iter().map(|span| span.length)), "one parent a token");
        assert!(self.spans.iter().all(|span| span.offset == 0), "a tree is filled up on the right");
        self.branches = (!branches.is_linear()).then_some(branches);
        self
    }

    /// Lets the stream continue after the tokens in `cache`, which every block then reads and extends. If there are any, a
    /// prompt is among them: none is inserted again.
    #[must_use]
    pub fn after(mut self, cache: KvCache) -> Self {
        self.cache = Some(cache);
        self.is_kept = true;
        self
    }

    /// As [`Stream::after`], but the stream's own keys and values are forgotten once they are used.
    #[must_use]
    pub fn behind(mut self, cache: KvCache) -> Self {
        self.cache = Some(cache);
        self.is_kept = false;
        self
    }

    /// The cache, extended by this stream's own tokens, if the stream was given one to extend.
    pub fn into_cache(self) -> Option<KvCache> {
        let own = self.real_tokens();
        self.cache.filter(|_| self.is_kept).map(|mut cache| {
            if cache.real.is_empty() {
                cache.real = own;
            } else {
                for (row, own) in cache.real.iter_mut().zip(own) {
                    row.extend(own);
                }
            }
            cache
        })
    }

    /// Learned keys and values in front of the next block's own (`[1 | batch, kv_head, prefix, head_dim]`), as attention
    /// uses them. Positions are moved on by [`Stream::shift_positions`], once for all blocks.
    #[must_use]
    pub fn insert_prefix(mut self, KeyValue { key, value }: KeyValue) -> Self {
        self.prefix = Some(KeyValue { key: lowered(key), value: lowered(value) });
        self
    }

    /// As [`Stream::insert_prefix`], of `n` groups of texts that know nothing of each other: scores of their keys are less by ln `n`, so
    /// that all of them together weigh as much against what is seen beside them as one group would.
    #[must_use]
    pub fn insert_groups(self, groups: KeyValue, n: usize) -> Self {
        Self { n_groups: n.max(1), ..self.insert_prefix(groups) }
    }

    /// Learned maps beside the next block's own query and value maps.
    #[must_use]
    pub fn beside(mut self, query: SideMap, value: SideMap) -> Self {
        self.side_maps = Some([query, value]);
        self
    }

    /// Those of the block that is being computed.
    pub(crate) const fn take_side_maps(&mut self) -> Option<[SideMap; 2]> {
        self.side_maps.take()
    }

    /// Adds to every token, padding included. `delta`: `[1 | batch, 1 | seq, dim]`. Learned positions that are still to come do.
    #[must_use]
    pub fn plus(mut self, delta: Tensor<3>) -> Self {
        self.tokens = self.tokens + lowered(delta);
        self
    }

    /// Moves all positions on, as if `n` tokens stood in front.
    #[must_use]
    pub const fn shift_positions(mut self, n: usize) -> Self {
        self.shift += n;
        self
    }

    /// The encoder that it flows through.
    pub const fn tower(&self) -> Tower {
        self.tower
    }

    /// `[batch, seq, dim]`
    pub fn hidden(&self) -> Tensor<3> {
        match &self.seats {
            None => self.tokens.clone(),
            Some(SeatPositions { table, norm }) => {
                let sums = self.tokens.clone() + self.positions().rows(table, self.layout.total());
                norm.as_ref().map_or(sums.clone(), |norm| norm.forward(sums))
            }
        }
    }

    /// Real content tokens of each row.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The token layout.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Replaces the hidden states, shape unchanged.
    ///
    /// # Panics
    /// When the shape changes: tokens are cut and joined here only.
    #[must_use]
    pub fn with_hidden(mut self, hidden: Tensor<3>) -> Self {
        assert_eq!(self.tokens.dims()[..2], hidden.dims()[..2], "a block keeps the tokens it is given");
        self.tokens = hidden;
        self.seats = None;
        self
    }

    /// Whether tokens went through the blocks before this stream's, any prompt among them.
    fn is_continued(&self) -> bool {
        self.cache.as_ref().is_some_and(|cache| !cache.is_empty())
    }

    /// Puts a prompt after the special tokens and before the content. `prompt`: `[1 | batch, prompt, dim]`.
    #[must_use]
    pub fn insert_prompt(mut self, prompt: Tensor<3>) -> Self {
        if self.is_continued() {
            return self;
        }
        let [batch, seq, dim] = self.tokens.dims();
        let [rows, n_prompt, prompt_dim] = prompt.dims();
        assert_eq!(dim, prompt_dim, "a prompt is as wide as the stream");
        let prompt = lowered(prompt);
        let prompt = if rows == batch { prompt } else { prompt.expand([batch, n_prompt, dim]) };
        let front = self.layout.special + self.layout.prompt;
        let mut pieces = Vec::with_capacity(3);
        if front > 0 {
            pieces.push(self.tokens.clone().narrow(1, 0, front));
        }
        pieces.push(prompt);
        if seq > front {
            pieces.push(self.tokens.narrow(1, front, seq - front));
        }
        self.tokens = Tensor::cat(pieces, 1);
        self.layout.prompt += n_prompt;
        self
    }

    /// Fills every row up behind to `total` tokens, prompt and special ones included, with copies of `token` (`[dim]`), and
    /// lets it be read at the last of them. Unlike padding these count: they are seen.
    ///
    /// # Panics
    /// When there are more tokens already.
    #[must_use]
    pub(crate) fn filled(mut self, total: usize, token: Tensor<1>) -> Self {
        let [batch, seq, dim] = self.tokens.dims();
        assert!(seq <= total, "{seq} tokens, but {total} at most");
        if seq < total {
            let more = token.reshape([1, 1, dim]).expand([batch, total - seq, dim]);
            self.tokens = Tensor::cat(vec![self.tokens, more], 1);
        }
        self.ids = None;
        self.layout.content = total - self.layout.front();
        self.spans = vec![Span { offset: 0, length: self.layout.content }; batch];
        self.ends = vec![self.layout.content.saturating_sub(1); batch];
        self
    }

    /// Counts the prompt's tokens as the first of every row's content, so that what stands at them can be read.
    ///
    /// # Panics
    /// With padding between prompt and content.
    #[must_use]
    pub(crate) fn prompt_as_content(mut self) -> Self {
        assert!(self.spans.iter().all(|span| span.offset == 0), "prompt and content are one");
        self.ids = None;
        let n_prompt = std::mem::take(&mut self.layout.prompt);
        self.layout.content += n_prompt;
        for (span, end) in self.spans.iter_mut().zip(&mut self.ends) {
            span.length += n_prompt;
            *end += n_prompt;
        }
        self
    }

    /// Replaces the prompt tokens that are there by as many others (VPT-deep). `prompt`: `[1 | batch, prompt, dim]`.
    #[must_use]
    pub fn replace_prompt(mut self, prompt: Tensor<3>) -> Self {
        if self.is_continued() {
            return self;
        }
        let [batch, seq, dim] = self.tokens.dims();
        let Layout { special, prompt: n_prompt, .. } = self.layout;
        assert_eq!(prompt.dims()[1], n_prompt, "as many prompt tokens as were inserted");
        let prompt = lowered(prompt).expand([batch, n_prompt, dim]);
        let behind = special + n_prompt;
        let mut pieces = Vec::with_capacity(3);
        if special > 0 {
            pieces.push(self.tokens.clone().narrow(1, 0, special));
        }
        pieces.push(prompt);
        if seq > behind {
            pieces.push(self.tokens.narrow(1, behind, seq - behind));
        }
        self.tokens = Tensor::cat(pieces, 1);
        self
    }

    /// The hidden states of single tokens. `(row, index)` counts an index from the row's first real content token; the
    /// result is `[tokens, dim]`.
    pub fn content_tokens(&self, tokens: impl Iterator<Item = (usize, usize)>) -> Tensor<2> {
        let front = self.layout.front();
        self.select(tokens.map(|(row, index)| (row, front + self.spans[row].offset + index)))
    }

    /// The token that each row is read at (its last real one, where the backbone says nothing else), `[batch, dim]`.
    pub fn last_tokens(&self) -> Tensor<2> {
        let front = self.layout.front();
        let rows = self.spans.iter().zip(&self.ends).enumerate();
        self.select(rows.map(|(row, (span, end))| (row, (front + span.offset + end).min(self.layout.total() - 1))))
    }

    /// One of the special tokens of each row, `[batch, dim]`.
    pub fn special_tokens(&self, index: usize) -> Tensor<2> {
        assert!(index < self.layout.special, "special token {index} of {}", self.layout.special);
        let hidden = self.hidden();
        let [batch, _, dim] = hidden.dims();
        hidden.narrow(1, index, 1).reshape([batch, dim])
    }

    /// The mean of each row's real content tokens, `[batch, dim]`; with `special`, of the special tokens too.
    pub fn mean_tokens(&self, special: bool) -> Tensor<2> {
        let hidden = self.hidden();
        let [batch, seq, dim] = hidden.dims();
        let counted = |row: &Span, seat: usize| {
            let content = self.layout.front() + row.offset..self.layout.front() + row.offset + row.length;
            content.contains(&seat) || (special && seat < self.layout.special)
        };
        let weights = self.spans.iter().flat_map(|row| {
            let n = row.length + if special { self.layout.special } else { 0 };
            (0..seq).map(move |seat| if counted(row, seat) { 1.0 / n as f32 } else { 0.0 })
        });
        let weights = TensorData::new(weights.collect::<Vec<f32>>(), [batch, 1, seq]);
        let weights = Tensor::<3>::from_data(weights, in_f32(&hidden.device()));
        lowered(weights.matmul(raised(hidden)).reshape([batch, dim]))
    }

    /// Positions of all tokens: those before count, padding does not.
    pub(crate) fn positions(&self) -> Positions {
        let cached = |row: usize| self.cache.as_ref().map_or(0, |cache| cache.n_real(row));
        let starts: Vec<usize> = (0..self.spans.len()).map(|row| self.shift + cached(row)).collect();
        let uniform = starts.windows(2).all(|pair| pair[0] == pair[1]) && self.spans.iter().all(|span| span.offset == 0);
        if uniform && self.branches.is_none() {
            return Positions::From(starts.first().copied().unwrap_or(self.shift));
        }
        let (front, seq) = (self.layout.front(), self.layout.total());
        let mut positions: Vec<i32> = Vec::with_capacity(starts.len() * seq);
        for (row, (start, span)) in starts.iter().zip(&self.spans).enumerate() {
            let depths = self.branches.as_ref().map(|branches| branches.depths(row));
            let index = |seat: usize| match &depths {
                Some(depths) => depths.get(seat - front).copied().unwrap_or(0),
                None => (seat - front).saturating_sub(span.offset),
            };
            positions.extend((0..seq).map(|seat| (start + if seat < front { seat } else { front + index(seat) }) as i32));
        }
        let data = TensorData::new(positions, [self.spans.len(), seq]);
        Positions::Each(Tensor::from_data(data, &self.tokens.device()))
    }

    /// For each row, which of its tokens are real.
    fn real_tokens(&self) -> Vec<Vec<bool>> {
        let (front, total) = (self.layout.front(), self.layout.total());
        let is_real = |span: &Span, seat: usize| seat < front || (span.offset..span.offset + span.length).contains(&(seat - front));
        self.spans.iter().map(|span| (0..total).map(|seat| is_real(span, seat)).collect()).collect()
    }

    fn select(&self, tokens: impl Iterator<Item = (usize, usize)>) -> Tensor<2> {
        let hidden = self.hidden();
        let [batch, seq, dim] = hidden.dims();
        let indices: Vec<i32> = tokens.map(|(row, seat)| (row * seq + seat) as i32).collect();
        let indices = Tensor::<1, Int>::from_ints(indices.as_slice(), &hidden.device());
        hidden.reshape([batch * seq, dim]).select(0, indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn stream() -> Stream {
        let device = Device::flex();
        let hidden = Tensor::<1, Int>::arange(0..2 * 4 * 3, &device).float().reshape([2, 4, 3]);
        Stream::new(hidden, Tower::Vision, 1, vec![Span { offset: 0, length: 3 }, Span { offset: 0, length: 2 }])
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
        assert_eq!(values(stream().special_tokens(0)), values(prompted.special_tokens(0)));
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
