//! Log-likelihood of continuations after contexts, batched, without computing the same tokens twice.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `models/huggingface.py`: the last token is never fed; the score is the sum of the
//! continuation's log-probabilities, its greediness whether each is the most likely one. Three savings leave the
//! numbers alone: pairs that feed the same tokens are one row; logits are computed at scored positions only; and tokens
//! that all rows begin with go through the blocks once (for prompts that share their demonstrations).

use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use reprogram_models::{Backbone, EncodedPair, Input, KvCache, Reading, Stream, TokenAt, TokenBatch, raised};

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

/// Common prefixes shorter than this are not worth a pass of their own.
const MIN_SHARED: usize = 8;

/// Rows to be fed, and where each pair's tokens are scored.
pub(crate) struct Plan {
    rows: Vec<Vec<u32>>,
    /// For each pair: its row, the index of its first scored position, its tokens.
    scored: Vec<(usize, usize, Vec<u32>)>,
}

impl Plan {
    /// Pairs that feed the same tokens share a row. A pair longer than `context` tokens loses tokens on the left.
    pub(crate) fn new(pairs: impl Iterator<Item = EncodedPair>, context: usize) -> Self {
        let mut index: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let mut rows = Vec::new();
        let mut scored = Vec::new();
        for EncodedPair { context: tokens, continuation } in pairs {
            let mut fed = tokens;
            fed.extend(&continuation);
            fed.pop();
            let fed = fed.split_off(fed.len().saturating_sub(context));
            let first = (fed.len() + 1).saturating_sub(continuation.len());
            let row = *index.entry(fed.clone()).or_insert_with(|| {
                rows.push(fed.clone());
                rows.len() - 1
            });
            let continuation = if first == 0 { continuation[continuation.len() - fed.len()..].to_vec() } else { continuation };
            scored.push((row, first.saturating_sub(1), continuation));
        }
        Self { rows, scored }
    }

    /// Log-probabilities of all scored tokens, `[tokens]`, with the most likely token at each position.
    fn token_scores(&self, backbone: &dyn Backbone, run: impl Fn(Stream) -> Stream, sharing: Sharing) -> (Tensor<1>, Tensor<1, Int>) {
        let (stream, skipped) = self.run(backbone, run, sharing);
        let positions = self.scored.iter().flat_map(|(row, first, tokens)| (0..tokens.len()).map(move |i| (*row, first + i)));
        let positions: Vec<TokenAt> = positions.map(|(row, index)| TokenAt { row, index: index - skipped }).collect();
        let log_probabilities = log_softmax(raised(backbone.read(&stream, Reading::LogitsAt(&positions))), 1);
        let tokens: Vec<i32> = self.scored.iter().flat_map(|(_, _, tokens)| tokens.iter().map(|token| token.cast_signed())).collect();
        let n = tokens.len();
        let greedy = log_probabilities.clone().argmax(1).reshape([n]);
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [n, 1]), &log_probabilities.device());
        (log_probabilities.gather(1, tokens).reshape([n]), greedy)
    }

    fn run(&self, backbone: &dyn Backbone, run: impl Fn(Stream) -> Stream, sharing: Sharing) -> (Stream, usize) {
        let shared = match sharing {
            Sharing::Allowed if self.rows.len() > 1 => common_prefix(&self.rows),
            Sharing::Allowed | Sharing::Forbidden => 0,
        };
        // The first scored position must be fed with its row.
        let first_scored = self.scored.iter().map(|&(_, first, _)| first).min().unwrap_or(0);
        let shared = shared.min(first_scored);
        if shared < MIN_SHARED {
            return (run(backbone.embed(Input::Tokens(TokenBatch::new(self.rows.clone())))), 0);
        }
        let prefix = TokenBatch::new(vec![self.rows[0][..shared].to_vec()]);
        let prefix = run(backbone.embed(Input::Tokens(prefix)).after(KvCache::default()));
        let cache = prefix.into_cache().expect("the stream was given a cache").repeat(self.rows.len());
        let rest = TokenBatch::new(self.rows.iter().map(|row| row[shared..].to_vec()).collect());
        (run(backbone.embed(Input::Tokens(rest)).after(cache)), shared)
    }

    /// Log-likelihood of each pair, `[pairs]`; differentiable through `run`, which carries a stream from the embedding to
    /// the last block.
    pub(crate) fn log_likelihoods(&self, backbone: &dyn Backbone, run: impl Fn(Stream) -> Stream, sharing: Sharing) -> Tensor<1> {
        let (tokens, _) = self.token_scores(backbone, run, sharing);
        if self.scored.iter().all(|(_, _, tokens)| tokens.len() == 1) {
            return tokens;
        }
        let mut start = 0;
        let sums = self.scored.iter().map(|(_, _, pair)| {
            let piece = tokens.clone().narrow(0, start, pair.len()).sum();
            start += pair.len();
            piece
        });
        Tensor::cat(sums.collect(), 0)
    }
}

/// Whether tokens that all rows begin with may go through the blocks once. Not under a prompt that stands in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    Allowed,
    Forbidden,
}

fn common_prefix(rows: &[Vec<u32>]) -> usize {
    let first = &rows[0];
    rows.iter().skip(1).fold(first.len(), |length, row| first.iter().zip(row).take(length).take_while(|(a, b)| a == b).count())
}

/// Scores pairs, `token_budget` padded tokens at a time, longest first; results are in the order of the input.
///
/// # Panics
/// When the backbone has no tokenizer.
pub fn pair_log_likelihoods(backbone: &dyn Backbone, pairs: &[Pair], token_budget: usize) -> Vec<PairScore> {
    let tokenizer = backbone.tokenizer().expect("a language model");
    let context = context_of(backbone);
    let encoded: Vec<EncodedPair> = pairs.iter().map(|pair| tokenizer.encode_pair(&pair.context, &pair.continuation)).collect();
    let length = |&i: &usize| encoded[i].context.len() + encoded[i].continuation.len();
    let mut order: Vec<usize> = (0..pairs.len()).filter(|&i| !encoded[i].continuation.is_empty()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(length(i)), *i));
    let mut scores = vec![PairScore { log_likelihood: 0.0, is_greedy: true, n_tokens: 0 }; pairs.len()];
    let mut rest = order.as_slice();
    while let Some(longest) = rest.first().map(length) {
        let (batch, after) = rest.split_at((token_budget / longest).clamp(1, rest.len()));
        rest = after;
        let plan = Plan::new(batch.iter().map(|&i| encoded[i].clone()), context);
        let (tokens, greedy) = plan.token_scores(backbone, |stream| backbone.blocks(stream), Sharing::Allowed);
        let tokens: Vec<f32> = tokens.try_into_vec_as().expect("f32 on every device");
        let greedy: Vec<i64> = greedy.try_into_vec_as().expect("integers on every device");
        let mut start = 0;
        for (&i, (_, _, continuation)) in batch.iter().zip(&plan.scored) {
            let range = start..start + continuation.len();
            start = range.end;
            let is_greedy = greedy[range.clone()].iter().zip(continuation).all(|(&most_likely, &token)| most_likely == i64::from(token));
            scores[i] = PairScore { log_likelihood: tokens[range].iter().sum(), is_greedy, n_tokens: continuation.len() };
        }
    }
    scores
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(context: &[u32], continuation: &[u32]) -> EncodedPair {
        EncodedPair { context: context.to_vec(), continuation: continuation.to_vec() }
    }

    #[test]
    fn pairs_that_feed_the_same_tokens_share_a_row() {
        let plan = Plan::new([pair(&[1, 2, 3], &[7]), pair(&[1, 2, 3], &[8]), pair(&[1, 2, 3], &[7, 9])].into_iter(), 100);
        assert_eq!(plan.rows, [vec![1, 2, 3], vec![1, 2, 3, 7]]);
        assert_eq!(plan.scored, [(0, 2, vec![7]), (0, 2, vec![8]), (1, 2, vec![7, 9])]);
    }

    #[test]
    fn a_long_context_is_cut_on_the_left() {
        let plan = Plan::new([pair(&[1, 2, 3, 4, 5], &[6, 7])].into_iter(), 3);
        assert_eq!(plan.rows, [vec![4, 5, 6]]);
        assert_eq!(plan.scored, [(0, 1, vec![6, 7])]);
    }

    #[test]
    fn a_common_prefix_is_counted_over_all_rows() {
        assert_eq!(common_prefix(&[vec![1, 2, 3], vec![1, 2, 4, 5], vec![1, 2]]), 2);
    }
}
