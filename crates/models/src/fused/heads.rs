//! Attention of one item's heads, there and back; scores of a few queries at a time, which nothing keeps.
//!
//! ```text
//! there   P = softmax(s Q Kᵀ)    O = P V       kept for each query: log Σ e^score
//! back    dV = Pᵀ dO    dP = dO Vᵀ    dS = P ⊙ (dP − rowsum(P ⊙ dP))    dQ = s dS K    dK = s dSᵀ Q
//! ```
//!
//! # Reference
//! Rabe and Staats, arXiv 2112.05682 (memory); Dao et al., arXiv 2205.14135, appendix B (the way back from the kept sums).

use pulp::{Simd, WithSimd};

use super::kernel::{Buffer, Matrix, Panels, ROWS, Tile, Vectors, interleave};
use super::math::{dot, exp_row, max};

/// Queries of which scores are held at a time on the way back.
const BLOCK: usize = 8 * ROWS;

/// Which keys a query sees. Query `i` is the key `own + i`, where `own` keys stand in front of its item's own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight<'a> {
    /// All.
    Full,
    /// Those up to its own.
    Causal,
    /// Not those that this says: `[query, key]`, 0 where seen.
    Hidden(&'a [u8]),
}

/// Keys and values in front of an item's own, one head of one item: `[n, head_dim]` each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Earlier<'a> {
    pub key: &'a [f32],
    pub value: &'a [f32],
}

/// The query heads of one item that share a key/value head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    /// Queries, keys and values of the item's tokens, `[seq, width]`.
    pub tokens: &'a [f32],
    /// Numbers a token.
    pub width: usize,
    pub head_dim: usize,
    /// Query heads.
    pub heads: usize,
    /// Where a token's first query of these, its key and its value begin.
    pub at: [usize; 3],
    /// In order.
    pub earlier: [Option<Earlier<'a>>; 2],
    pub sight: Sight<'a>,
    /// Factor of the scores.
    pub scale: f32,
}

/// The way there.
pub(super) struct Attend<'a> {
    pub group: Group<'a>,
    /// `[head, seq, head_dim]`
    pub out: &'a mut [f32],
    /// `[head, seq]`
    pub log_sums: &'a mut [f32],
    pub memory: &'a mut Memory,
}

/// The way back.
pub(super) struct AttendBack<'a> {
    pub group: Group<'a>,
    /// `[head, seq]`
    pub log_sums: &'a [f32],
    /// Gradient of the result: of the item's tokens, all heads, `[seq, gradient_width]`.
    pub gradient: &'a [f32],
    pub gradient_width: usize,
    /// Where a token's first of these heads begins there.
    pub gradient_at: usize,
    /// Of queries, keys and values: `[heads + 2, seq, head_dim]`.
    pub own: &'a mut [f32],
    /// Of keys and values of the first earlier ones, `[2, n, head_dim]`; empty where nobody asks.
    pub earlier: &'a mut [f32],
    pub memory: &'a mut Memory,
}

/// What a thread needs.
#[derive(Debug)]
pub(super) struct Memory {
    keys: Panels,
    values: Panels,
    others: Panels,
    strip: Buffer,
    other_strip: Buffer,
    scores: Buffer,
    gradients: Buffer,
    sums: Buffer,
}

impl Default for Memory {
    fn default() -> Self {
        let panels = || Panels::new(Vectors::own());
        Self {
            keys: panels(),
            values: panels(),
            others: panels(),
            strip: Buffer::default(),
            other_strip: Buffer::default(),
            scores: Buffer::default(),
            gradients: Buffer::default(),
            sums: Buffer::default(),
        }
    }
}

impl<'a> Group<'a> {
    const fn seq(&self) -> usize {
        self.tokens.len() / self.width
    }

    #[inline(always)]
    fn n_earlier(&self) -> usize {
        self.earlier.iter().flatten().map(|earlier| earlier.key.len() / self.head_dim).sum()
    }

    #[inline(always)]
    fn row(&self, token: usize, at: usize) -> &'a [f32] {
        &self.tokens[token * self.width + at..][..self.head_dim]
    }

    /// All keys (0) or values (1), in order.
    #[inline(always)]
    fn pieces(&self, which: usize) -> impl Iterator<Item = Matrix<'a>> {
        let n = self.head_dim;
        let earlier = self.earlier.into_iter().flatten().map(move |earlier| {
            let values = if which == 0 { earlier.key } else { earlier.value };
            Matrix { values, stride: n, rows: values.len() / n, columns: n }
        });
        let own = Matrix { values: &self.tokens[self.at[1 + which]..], stride: self.width, rows: self.seq(), columns: n };
        earlier.chain([own])
    }

    /// Keys (0) or values (1) as columns, `[head_dim, key]`.
    #[inline(always)]
    fn columns(&self, which: usize, panels: &mut Panels) {
        panels.reshape(self.head_dim, self.n_earlier() + self.seq());
        let mut at = 0;
        for piece in self.pieces(which) {
            panels.write_transposed(at, piece);
            at += piece.rows;
        }
    }

    /// Keys (0) or values (1) as rows, `[key, head_dim]`.
    #[inline(always)]
    fn rows(&self, which: usize, panels: &mut Panels) {
        panels.reshape(self.n_earlier() + self.seq(), self.head_dim);
        let mut at = 0;
        for piece in self.pieces(which) {
            panels.write(at, piece);
            at += piece.rows;
        }
    }

    /// How many keys, from the first on, hold all that this query sees.
    #[inline(always)]
    fn reach(&self, query: usize) -> usize {
        match self.sight {
            Sight::Causal => self.n_earlier() + query + 1,
            Sight::Full | Sight::Hidden(_) => self.n_earlier() + self.seq(),
        }
    }

    /// Removes what the query does not see.
    #[inline(always)]
    fn hide(&self, query: usize, scores: &mut [f32]) {
        match self.sight {
            Sight::Full => {}
            Sight::Causal => scores[self.reach(query)..].fill(f32::NEG_INFINITY),
            Sight::Hidden(hidden) => {
                let n_keys = self.n_earlier() + self.seq();
                for (score, &hidden) in scores.iter_mut().zip(&hidden[query * n_keys..]) {
                    if hidden != 0 {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }

    /// Queries `[first, first + n)` of a head, scaled, as a strip.
    #[inline(always)]
    fn query_strip(&self, head: usize, first: usize, n: usize, strip: &mut [f32]) {
        let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
        for (i, row) in rows[..n].iter_mut().enumerate() {
            *row = self.row(first + i, self.at[0] + head * self.head_dim);
        }
        interleave(strip, 0, &rows[..n]);
        for value in strip.iter_mut() {
            *value *= self.scale;
        }
    }
}

/// `rows` of `strip · panels`, as far as `reach` columns, into rows of `width`.
#[inline(always)]
fn products<S: Simd>(simd: S, strip: &[f32], panels: &Panels, reach: usize, n: usize, out: &mut [f32], width: usize) {
    let mut tile = Tile::new();
    for panel in panels.iter().take_while(|panel| panel.column < reach) {
        tile.multiply(simd, strip, panel);
        let columns = panel.columns.min(reach - panel.column);
        for (out, row) in out.chunks_mut(width).zip(tile.rows(columns)).take(n) {
            out[panel.column..panel.column + columns].copy_from_slice(row);
        }
    }
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { group, out, log_sums, memory } = self;
        let Memory { keys, values, strip, scores, .. } = memory;
        let (seq, head_dim) = (group.seq(), group.head_dim);
        let n_keys = group.n_earlier() + seq;
        group.columns(0, keys);
        group.rows(1, values);
        let mut tile = Tile::new();
        for head in 0..group.heads {
            for first in (0..seq).step_by(ROWS) {
                let n = ROWS.min(seq - first);
                let reach = group.reach(first + n - 1);
                let queries = strip.room(head_dim * ROWS);
                group.query_strip(head, first, n, queries);
                let scores = scores.room(n_keys * ROWS);
                products(simd, queries, keys, reach, n, scores, n_keys);
                let mut shares = [1.0; ROWS];
                for (i, row) in scores.chunks_mut(n_keys).take(n).enumerate() {
                    let row = &mut row[..reach];
                    group.hide(first + i, row);
                    let largest = max(simd, row);
                    let sum = exp_row(simd, row, largest);
                    shares[i] = 1.0 / sum;
                    log_sums[head * seq + first + i] = largest + sum.ln();
                }
                let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                for (row, scores) in rows[..n].iter_mut().zip(scores.chunks(n_keys)) {
                    *row = &scores[..reach];
                }
                let weights = strip.room(n_keys * ROWS);
                interleave(weights, 0, &rows[..n]);
                for panel in values.iter() {
                    tile.multiply(simd, &weights[..reach * ROWS], panel);
                    for (i, row) in tile.rows(panel.columns).take(n).enumerate() {
                        let out = &mut out[(head * seq + first + i) * head_dim + panel.column..][..panel.columns];
                        for (out, &value) in out.iter_mut().zip(row.iter()) {
                            *out = value * shares[i];
                        }
                    }
                }
            }
        }
    }
}

impl WithSimd for AttendBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { group, log_sums, gradient, gradient_width, gradient_at, own, earlier, memory } = self;
        let Memory { keys, values, others, strip, other_strip, scores, gradients, sums } = memory;
        let (seq, head_dim) = (group.seq(), group.head_dim);
        let n_keys = group.n_earlier() + seq;
        group.columns(0, keys);
        group.columns(1, values);
        group.rows(0, others);
        let (own_queries, own_rest) = own.split_at_mut(group.heads * seq * head_dim);
        let sums = sums.room(2 * n_keys * head_dim);
        sums.fill(0.0);
        let (key_sums, value_sums) = sums.split_at_mut(n_keys * head_dim);
        let mut block = Panels::new(Vectors::of::<S>());
        let mut tile = Tile::new();
        for head in 0..group.heads {
            let at = gradient_at + head * head_dim;
            let incoming = |token: usize| &gradient[token * gradient_width + at..][..head_dim];
            for start in (0..seq).step_by(BLOCK) {
                let count = BLOCK.min(seq - start);
                let reach = group.reach(start + count - 1);
                let probabilities = scores.room(BLOCK * n_keys);
                let slopes = gradients.room(BLOCK * n_keys);
                for first in (start..start + count).step_by(ROWS) {
                    let n = ROWS.min(start + count - first);
                    let queries = strip.room(head_dim * ROWS);
                    group.query_strip(head, first, n, queries);
                    let probabilities = &mut probabilities[(first - start) * n_keys..][..n * n_keys];
                    products(simd, queries, keys, reach, n, probabilities, n_keys);
                    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                    for (i, row) in rows[..n].iter_mut().enumerate() {
                        *row = incoming(first + i);
                    }
                    interleave(queries, 0, &rows[..n]);
                    let slopes = &mut slopes[(first - start) * n_keys..][..n * n_keys];
                    products(simd, queries, values, reach, n, slopes, n_keys);
                    let both = probabilities.chunks_mut(n_keys).zip(slopes.chunks_mut(n_keys));
                    for (i, (probabilities, slopes)) in both.enumerate() {
                        let (probabilities, slopes) = (&mut probabilities[..reach], &mut slopes[..reach]);
                        group.hide(first + i, probabilities);
                        exp_row(simd, probabilities, log_sums[head * seq + first + i]);
                        let mean = dot(simd, probabilities, slopes);
                        for (slope, &probability) in slopes.iter_mut().zip(probabilities.iter()) {
                            *slope = probability * (*slope - mean);
                        }
                    }
                    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                    for (row, slopes) in rows[..n].iter_mut().zip(slopes.chunks(n_keys)) {
                        *row = &slopes[..reach];
                    }
                    let weights = strip.room(n_keys * ROWS);
                    interleave(weights, 0, &rows[..n]);
                    for panel in others.iter() {
                        tile.multiply(simd, &weights[..reach * ROWS], panel);
                        for (i, row) in tile.rows(panel.columns).take(n).enumerate() {
                            let out = &mut own_queries[(head * seq + first + i) * head_dim + panel.column..][..panel.columns];
                            for (out, &value) in out.iter_mut().zip(row.iter()) {
                                *out = value * group.scale;
                            }
                        }
                    }
                }
                // Keys take from slopes and queries, values from probabilities and what comes in.
                let queries = Matrix {
                    values: &group.tokens[start * group.width + group.at[0] + head * head_dim..],
                    stride: group.width,
                    rows: count,
                    columns: head_dim,
                };
                let incoming =
                    Matrix { values: &gradient[start * gradient_width + at..], stride: gradient_width, rows: count, columns: head_dim };
                let cases = [(&*slopes, queries, group.scale, &mut *key_sums), (&*probabilities, incoming, 1.0, &mut *value_sums)];
                for (factors, rows, scale, sums) in cases {
                    block.reshape(count, head_dim);
                    block.write(0, rows);
                    for first in (0..reach).step_by(ROWS) {
                        let n = ROWS.min(reach - first);
                        let strip = other_strip.room(count * ROWS);
                        for (cell, factors) in strip.as_chunks_mut::<ROWS>().0.iter_mut().zip(factors.chunks(n_keys)) {
                            cell[..n].copy_from_slice(&factors[first..first + n]);
                        }
                        for panel in block.iter() {
                            tile.multiply(simd, strip, panel);
                            for (i, row) in tile.rows(panel.columns).take(n).enumerate() {
                                let sums = &mut sums[(first + i) * head_dim + panel.column..][..panel.columns];
                                for (sum, &value) in sums.iter_mut().zip(row.iter()) {
                                    *sum += scale * value;
                                }
                            }
                        }
                    }
                }
            }
        }
        let n_before = n_keys - seq;
        let (own_keys, own_values) = own_rest.split_at_mut(seq * head_dim);
        own_keys.copy_from_slice(&key_sums[n_before * head_dim..]);
        own_values.copy_from_slice(&value_sums[n_before * head_dim..]);
        let (earlier_keys, earlier_values) = earlier.split_at_mut(earlier.len() / 2);
        earlier_keys.copy_from_slice(&key_sums[..earlier_keys.len()]);
        earlier_values.copy_from_slice(&value_sums[..earlier_values.len()]);
    }
}
