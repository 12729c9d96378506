//! A backbone that counts what goes through it: what was kept, shared or left out costs nothing, what was padded does.
//!
//! An imagined one counts the same and computes next to nothing: blocks let streams through as they are, and what is read is
//! zero. It tells what a program would cost, for the price of its tokenizer and its embedding. Networks that end at their embedding
//! are computed whole.

use std::iter::Sum;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Card, OutputSpace, Tower};

use super::{Arithmetic, BlockWork, Gradients, Passage};
use crate::blocks::Heads;
use crate::{Backbone, Input, JointSpace, Reading, Stream, TextTokenizer, in_f32};

/// What went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens that came out of a tower's last block: of texts, patches and class tokens of images, prompts; no padding.
    pub tokens: u64,
    /// Operations forward.
    pub forward_flops: u64,
    /// Operations backward, of passes that have gradients; each is taken to be followed by one backward pass.
    pub backward_flops: u64,
}

/// Counts, from any thread.
#[derive(Debug, Default)]
pub struct Meter {
    tokens: AtomicU64,
    forward_macs: AtomicU64,
    backward_macs: AtomicU64,
}

/// A backbone with a meter.
pub struct Metered<'a> {
    inner: Inner<'a>,
    meter: Arc<Meter>,
    weights: Weights,
    blocks: Blocks,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocks {
    Computed,
    Imagined,
}

enum Inner<'a> {
    Lent(&'a dyn Backbone),
    Own(Box<dyn Backbone>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weights {
    Frozen,
    Tuned,
}

impl Spent {
    /// What was spent since an earlier reading.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            tokens: self.tokens - earlier.tokens,
            forward_flops: self.forward_flops - earlier.forward_flops,
            backward_flops: self.backward_flops - earlier.backward_flops,
        }
    }

    /// What is left of it without another; nothing where the other is more.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            forward_flops: self.forward_flops.saturating_sub(other.forward_flops),
            backward_flops: self.backward_flops.saturating_sub(other.backward_flops),
        }
    }

    /// So many times as much, rounded.
    #[must_use]
    pub fn times(self, n: f64) -> Self {
        let of = |count: u64| (count as f64 * n).round() as u64;
        Self { tokens: of(self.tokens), forward_flops: of(self.forward_flops), backward_flops: of(self.backward_flops) }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            forward_flops: self.forward_flops + other.forward_flops,
            backward_flops: self.backward_flops + other.backward_flops,
        }
    }
}

impl Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl Meter {
    /// All that went through so far.
    pub fn spent(&self) -> Spent {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Spent { tokens: read(&self.tokens), forward_flops: 2 * read(&self.forward_macs), backward_flops: 2 * read(&self.backward_macs) }
    }

    fn add(&self, forward_macs: u64, backward_macs: u64) {
        self.forward_macs.fetch_add(forward_macs, Ordering::Relaxed);
        self.backward_macs.fetch_add(backward_macs, Ordering::Relaxed);
    }
}

impl<'a> Metered<'a> {
    /// Computes what this backbone does.
    pub fn new(inner: &'a dyn Backbone) -> Self {
        Self { inner: Inner::Lent(inner), meter: Arc::default(), weights: Weights::Frozen, blocks: Blocks::Computed }
    }

    /// Counts what this backbone would compute. No number that comes out means anything.
    pub fn imagined(inner: &'a dyn Backbone) -> Self {
        Self { blocks: Blocks::Imagined, ..Self::new(inner) }
    }

    /// Its counts.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn inner(&self) -> &dyn Backbone {
        match &self.inner {
            Inner::Lent(inner) => *inner,
            Inner::Own(inner) => inner.as_ref(),
        }
    }

    fn gradients(&self, flow: bool) -> Gradients {
        match (self.weights, flow) {
            (Weights::Tuned, flow) => Gradients::Weights { flow },
            (Weights::Frozen, true) => Gradients::Flow,
            (Weights::Frozen, false) => Gradients::None,
        }
    }

    /// Counts a map that is no block's.
    fn count(&self, macs: u64, flow: bool) {
        self.meter.add(macs, macs * self.gradients(flow).times_forward());
    }

    /// Zeros in place of what is read.
    fn nothing(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        let card = self.card();
        let [rows, _] = stream.n_rows_and_tokens();
        let n = match reading {
            Reading::LogitsAt(tokens) => tokens.len(),
            Reading::Logits | Reading::Features => rows,
        };
        let own = || card.tower(stream.tower()).map_or(card.main.dim, |tower| tower.dim);
        let width = match (reading, card.output) {
            (Reading::Features, OutputSpace::Joint { dim }) => dim,
            (Reading::Features, OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. } | OutputSpace::Features { .. }) => own(),
            (Reading::Logits | Reading::LogitsAt(_), _) => card.n_source_classes().expect("a part's build comes first"),
        };
        Tensor::zeros([n, width], in_f32(&self.device()))
    }

    fn depth(&self, tower: Tower) -> usize {
        self.card().tower(tower).map_or(0, |tower| tower.depth)
    }
}

impl Arithmetic for Metered<'_> {
    fn embed_macs(&self, input: &Input) -> u64 {
        self.inner().embed_macs(input)
    }

    fn block_work(&self, tower: Tower, layer: usize) -> BlockWork {
        self.inner().block_work(tower, layer)
    }

    fn read_macs(&self, tower: Tower, rows: usize, seq: usize, reading: Reading<'_>) -> u64 {
        self.inner().read_macs(tower, rows, seq, reading)
    }

    fn filled_to(&self, tower: Tower) -> Option<usize> {
        self.inner().filled_to(tower)
    }
}

impl Backbone for Metered<'_> {
    fn card(&self) -> &Card {
        self.inner().card()
    }

    fn device(&self) -> Device {
        self.inner().device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.inner().each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        self.count(self.embed_macs(&input), input.is_tracked());
        let stream = self.inner().embed(input);
        if self.depth(stream.tower()) == 0 {
            self.meter.tokens.fetch_add(stream.n_real() as u64, Ordering::Relaxed);
        }
        stream
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        let tower = stream.tower();
        let (keys_in_front, beside) = (stream.n_keys_in_front(layer), stream.beside_macs());
        let gradients = match (self.gradients(stream.is_tracked()), stream.has_tracked_attached()) {
            (Gradients::None, true) => Gradients::Attached,
            (gradients, _) => gradients,
        };
        let work = self.block_work(tower, layer);
        let out = match self.blocks {
            Blocks::Computed => self.inner().block(layer, stream),
            Blocks::Imagined => stream.passed_by(layer, work.heads),
        };
        let [batch, own] = out.n_rows_and_tokens();
        let seq = self.filled_to(tower).unwrap_or(own);
        let passage = Passage { batch, seq, keys_in_front, beside };
        self.meter.add(work.forward_macs(passage), work.backward_macs(passage, gradients));
        if layer + 1 == self.depth(tower) {
            let n_real = if self.filled_to(tower).is_some() { batch * seq } else { out.n_real() };
            self.meter.tokens.fetch_add(n_real as u64, Ordering::Relaxed);
        }
        out
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        let [rows, seq] = stream.n_rows_and_tokens();
        self.count(self.read_macs(stream.tower(), rows, seq, reading), stream.is_tracked());
        match self.blocks {
            Blocks::Imagined if self.depth(stream.tower()) > 0 => self.nothing(stream, reading),
            Blocks::Computed | Blocks::Imagined => self.inner().read(stream, reading),
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.inner().tokenizer()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        self.inner().token_embeddings()
    }

    fn standardised(&self, pixels: Tensor<4>) -> Option<Tensor<4>> {
        self.inner().standardised(pixels)
    }

    fn joint(&self) -> Option<&JointSpace> {
        self.inner().joint()
    }

    fn local_features(&self, stream: &Stream) -> Option<Tensor<3>> {
        let local = self.inner().local_features(stream)?;
        let [batch, tokens, _] = local.dims();
        self.count(self.read_macs(stream.tower(), batch * tokens, 1, Reading::Features), stream.is_tracked());
        Some(local)
    }

    fn heads(&self) -> Option<Heads> {
        self.inner().heads()
    }

    fn weight_sizes(&self) -> Option<Vec<usize>> {
        self.inner().weight_sizes()
    }

    fn shifted(&self, by: &[Tensor<1>]) -> Option<Box<dyn Backbone>> {
        let weights = if by.iter().any(Tensor::is_tracked) { Weights::Tuned } else { self.weights };
        Some(Box::new(Metered {
            inner: Inner::Own(self.inner().shifted(by)?),
            meter: Arc::clone(&self.meter),
            weights,
            blocks: self.blocks,
        }))
    }

    fn text_features_times(&self, copies: usize, rows: Vec<Vec<u32>>, run: &dyn Fn(Stream) -> Stream) -> Tensor<2> {
        let n = copies * rows.len();
        let features = self.inner().text_features_times(copies, rows, run);
        // `run` goes through this one's blocks; what is read behind them, the inner one reads itself.
        self.count(self.read_macs(Tower::Text, n, 1, Reading::Features), features.is_tracked());
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_adds_up() {
        let spent = |n: u64| Spent { tokens: n, forward_flops: 10 * n, backward_flops: 100 * n };
        assert_eq!([spent(2) + spent(3), [spent(1), spent(4)].into_iter().sum(), spent(2).times(2.5)], [spent(5); 3]);
        assert_eq!([spent(5).less(spent(2)), spent(5).since(spent(2)), spent(2).less(spent(5))], [spent(3), spent(3), spent(0)]);
    }
}
