//! Log-likelihood of continuations after contexts, without computing the same tokens twice.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `models/huggingface.py`: the last token is never fed; the score is the sum of the
//! continuation's log-probabilities, its greediness whether each is the most likely one. The savings leave the numbers
//! alone: texts that begin alike share the keys and values of their beginning, across batches, and are laid out as trees
//! ([`forest`]); logits are computed at scored positions only, each once.

mod forest;
mod rows;

use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use reprogram_models::{Backbone, EncodedPair, Input, PrefixCache, Reading, Stream, TokenAt, TokenBatch, raised};

use forest::{Shape, Tree, branches, groves};
use rows::Rows;

/// A context and a continuation, in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What the model is given.
    pub context: String,
    /// What is scored.
    pub continuation: String,
}

/// A scored pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairScore {
    /// Σ ln p(token), in nats.
    pub log_likelihood: f32,
    /// Whether greedy decoding would have written the continuation.
    pub is_greedy: bool,
    /// Tokens of the continuation.
    pub n_tokens: usize,
}

/// Tokens of prefixes that a scorer keeps.
const KEPT: usize = 4_096;

/// A way from the embedding to the last block.
type Run<'a> = Box<dyn Fn(Stream) -> Stream + 'a>;

/// Scores pairs of texts with one backbone, and keeps what they begin with for those to come.
///
/// A pair's numbers do not depend on the order of the pairs, and up to rounding not on the pairs beside it.
pub struct Scorer<'a> {
    backbone: &'a dyn Backbone,
    run: Run<'a>,
    front: usize,
    context: usize,
    token_budget: usize,
    prefixes: PrefixCache,
    n_fed: usize,
}

impl<'a> Scorer<'a> {
    /// With the backbone as it is.
    pub fn new(backbone: &'a dyn Backbone) -> Self {
        Self::through(backbone, |stream| backbone.blocks(stream))
    }

    /// With something changed on the way: `run` carries a stream from the embedding to the last block. It must do the same
    /// to every row, and to every part of a row.
    pub fn through(backbone: &'a dyn Backbone, run: impl Fn(Stream) -> Stream + 'a) -> Self {
        let context = context_of(backbone);
        Self { backbone, run: Box::new(run), front: 0, context, token_budget: usize::MAX, prefixes: PrefixCache::new(KEPT), n_fed: 0 }
    }

    /// Tokens, padding included, that go through the model at once.
    #[must_use]
    pub fn with_token_budget(self, token_budget: usize) -> Self {
        Self { token_budget: token_budget.max(1), ..self }
    }

    /// With what is kept already: of the same backbone, by the same way.
    #[must_use]
    pub fn with_prefixes(self, prefixes: PrefixCache) -> Self {
        Self { prefixes, ..self }
    }

    /// What is kept by now.
    pub fn into_prefixes(self) -> PrefixCache {
        self.prefixes
    }

    /// Says how many tokens of a prompt `run` puts in front, so that they are computed once even where texts share nothing.
    #[must_use]
    pub fn with_prompt_of(self, front: usize) -> Self {
        Self { front, ..self }
    }

    /// Says how many positions of the context `run` takes, so that longer texts lose tokens on the left.
    #[must_use]
    pub fn with_positions_taken(self, n: usize) -> Self {
        Self { context: context_of(self.backbone).saturating_sub(n).max(1), ..self }
    }

    /// Tokens that went through the model so far, padding left out.
    pub const fn n_fed(&self) -> usize {
        self.n_fed + self.prefixes.n_computed()
    }

    /// Scores pairs; results are in the order of the input.
    ///
    /// # Panics
    /// When the backbone has no tokenizer.
    pub fn pairs(&mut self, pairs: &[Pair]) -> Vec<PairScore> {
        let tokenizer = self.backbone.tokenizer().expect("a language model");
        let encoded: Vec<EncodedPair> = pairs.iter().map(|pair| tokenizer.encode_pair(&pair.context, &pair.continuation)).collect();
        self.encoded(&encoded)
    }

    /// As [`Scorer::pairs`], of tokens.
    pub fn encoded(&mut self, pairs: &[EncodedPair]) -> Vec<PairScore> {
        let rows = Rows::new(pairs.iter().filter(|pair| !pair.continuation.is_empty()).cloned(), self.context);
        let mut found = vec![Vec::new(); rows.scored.len()];
        self.read(&rows, None, |read| {
            let log_probabilities: Vec<f32> = read.log_probabilities.try_into_vec_as().expect("f32 on every device");
            let greedy: Vec<i64> = read.greedy.try_into_vec_as().expect("integers on every device");
            for (at, log_probability) in read.tokens.iter().zip(log_probabilities) {
                found[at.pair].push((log_probability, greedy[at.seat] == i64::from(at.token)));
            }
        });
        let mut found = found.into_iter();
        let empty = PairScore { log_likelihood: 0.0, is_greedy: true, n_tokens: 0 };
        let score = |pair: &EncodedPair| {
            let tokens = if pair.continuation.is_empty() { None } else { found.next() };
            tokens.map_or(empty, |tokens| PairScore {
                log_likelihood: tokens.iter().map(|(log_probability, _)| log_probability).sum(),
                is_greedy: tokens.iter().all(|(_, is_greedy)| *is_greedy),
                n_tokens: tokens.len(),
            })
        };
        pairs.iter().map(score).collect()
    }

    /// Log-likelihood of each pair, `[pairs]`, differentiable. `anchor`: what texts of this kind begin with, if that is
    /// known: of it, as much as these texts begin with is kept for the next ones.
    pub fn log_likelihoods(&mut self, pairs: &[EncodedPair], anchor: Option<&[u32]>) -> Tensor<1> {
        let rows = Rows::new(pairs.iter().cloned(), self.context);
        let mut pieces = Vec::new();
        let mut order: Vec<Vec<i32>> = vec![Vec::new(); rows.scored.len()];
        let mut n_read = 0;
        self.read(&rows, anchor, |read| {
            for at in &read.tokens {
                order[at.pair].push(n_read);
                n_read += 1;
            }
            pieces.push(read.log_probabilities);
        });
        let order_of_tokens: Vec<i32> = order.iter().flatten().copied().collect();
        let tokens = Tensor::cat(pieces, 0);
        let tokens = tokens.clone().select(0, Tensor::<1, Int>::from_ints(order_of_tokens.as_slice(), &tokens.device()));
        if order.iter().all(|tokens| tokens.len() == 1) {
            return tokens;
        }
        let mut start = 0;
        let sums = order.iter().map(|pair| {
            let piece = tokens.clone().narrow(0, start, pair.len()).sum();
            start += pair.len();
            piece
        });
        Tensor::cat(sums.collect(), 0)
    }

    /// Reads every scored token of the rows, one batch after the other.
    fn read(&mut self, rows: &Rows, anchor: Option<&[u32]>, mut each: impl FnMut(Read)) {
        let shape = Shape { largest: self.token_budget, anchor: anchor.filter(|_| self.prefixes.keeps_any()), front: self.front };
        let mut pairs_of_row: Vec<Vec<usize>> = vec![Vec::new(); rows.tokens.len()];
        for (pair, scored) in rows.scored.iter().enumerate() {
            pairs_of_row[scored.row].push(pair);
        }
        for grove in groves(&rows.tokens, &rows.first_scored(), shape) {
            let past = grove.prefix.as_ref().map(|prefix| self.prefixes.past(self.backbone, prefix, &self.run));
            let n_past = grove.prefix.as_ref().map_or(0, Vec::len);
            for trees in grove.batches(self.token_budget) {
                self.n_fed += trees.iter().map(|tree| tree.tokens.len()).sum::<usize>();
                let tokens = TokenBatch::new(trees.iter().map(|tree| tree.tokens.clone()).collect());
                let stream = self.backbone.embed(Input::Tokens(tokens)).branching(branches(trees));
                let stream = match &past {
                    Some(past) => stream.behind(past.clone()),
                    None => stream,
                };
                let stream = (self.run)(stream);
                each(Read::new(self.backbone, &stream, &Asked::new(rows, trees, &pairs_of_row, n_past)));
            }
        }
    }
}

/// A scored token: its pair, and which of the positions read its logits are.
#[derive(Debug, Clone, Copy)]
struct ScoredToken {
    pair: usize,
    seat: usize,
    token: u32,
}

/// What is to be read of a batch.
struct Asked {
    /// Each once.
    positions: Vec<TokenAt>,
    /// In the order of each pair's tokens.
    tokens: Vec<ScoredToken>,
}

impl Asked {
    fn new(rows: &Rows, trees: &[Tree], pairs_of_row: &[Vec<usize>], n_past: usize) -> Self {
        let mut positions = Vec::new();
        let mut tokens = Vec::new();
        for (place, tree) in trees.iter().enumerate() {
            let mut seats: BTreeMap<usize, usize> = BTreeMap::new();
            for (row, path) in &tree.rows {
                for &pair in &pairs_of_row[*row] {
                    let scored = &rows.scored[pair];
                    for (&index, &token) in path[scored.first - n_past..].iter().zip(&scored.tokens) {
                        let seat = *seats.entry(index).or_insert_with(|| {
                            positions.push(TokenAt { row: place, index });
                            positions.len() - 1
                        });
                        tokens.push(ScoredToken { pair, seat, token });
                    }
                }
            }
        }
        Self { positions, tokens }
    }
}

/// What was read of a batch.
struct Read {
    tokens: Vec<ScoredToken>,
    /// Of each scored token.
    log_probabilities: Tensor<1>,
    /// The most likely token at each position.
    greedy: Tensor<1, Int>,
}

impl Read {
    fn new(backbone: &dyn Backbone, stream: &Stream, Asked { positions, tokens }: &Asked) -> Self {
        let log_probabilities = log_softmax(raised(backbone.read(stream, Reading::LogitsAt(positions))), 1);
        let [n_positions, _] = log_probabilities.dims();
        let greedy = log_probabilities.clone().argmax(1).reshape([n_positions]);
        // At each position as many tokens as at the one where most are scored; the choice among them comes after.
        let mut scored: Vec<Vec<i32>> = vec![Vec::new(); n_positions];
        let mut place = Vec::with_capacity(tokens.len());
        for at in tokens {
            let known = scored[at.seat].iter().position(|&token| token == at.token.cast_signed());
            place.push((at.seat, known.unwrap_or(scored[at.seat].len())));
            if known.is_none() {
                scored[at.seat].push(at.token.cast_signed());
            }
        }
        let most = scored.iter().map(Vec::len).max().unwrap_or(0);
        let padded: Vec<i32> = scored.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat(0)).take(most)).collect();
        let indices = Tensor::<2, Int>::from_data(TensorData::new(padded, [n_positions, most]), &log_probabilities.device());
        let chosen: Vec<i32> = place.iter().map(|(seat, nth)| (seat * most + nth) as i32).collect();
        let chosen = Tensor::<1, Int>::from_ints(chosen.as_slice(), &log_probabilities.device());
        let log_probabilities = log_probabilities.gather(1, indices).reshape([n_positions * most]).select(0, chosen);
        Self { tokens: tokens.clone(), log_probabilities, greedy }
    }
}

/// Scores pairs, `token_budget` padded tokens at a time; results are in the order of the input.
///
/// # Panics
/// When the backbone has no tokenizer.
pub fn pair_log_likelihoods(backbone: &dyn Backbone, pairs: &[Pair], token_budget: usize) -> Vec<PairScore> {
    Scorer::new(backbone).with_token_budget(token_budget).pairs(pairs)
}

/// The longest sequence that a language model takes.
pub(crate) fn context_of(backbone: &dyn Backbone) -> usize {
    match backbone.card().main.input {
        reprogram_taxonomy::InputSpace::Tokens { context, .. } => context,
        reprogram_taxonomy::InputSpace::Image { .. } | reprogram_taxonomy::InputSpace::Waveform { .. } => {
            panic!("a language model: Signature::check comes first")
        }
    }
}
