//! The way there: what a block makes of its tokens, in three passes over them.
//!
//! ```text
//! 1  rows    norm → queries, keys, values → rotation
//! 2  heads   attention
//! 3  rows    output map → sum (→ norm) → norm → feed-forward → sum (→ norm)
//! ```
//!
//! A pass over rows takes as many as the second cache holds through all of its steps.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::heads::{self, Attend, Earlier, Group, Sight};
use super::kernel::{Buffer, Panel, Panels, ROWS, Tile, Vectors, for_tiles, interleave};
use super::math::{activate_row, shorten};
use super::parts::{Packed, Parts, on_all_threads, rows_at_once, values};
use super::rotation::Direction;
use crate::blocks::Heads;

/// Tokens and what they see.
#[derive(Debug)]
pub(super) struct Scene {
    pub batch: usize,
    pub seq: usize,
    /// Of each token, item after item; empty where nothing is rotated.
    pub positions: Vec<usize>,
    /// Keys and values in front of the tokens' own, in order.
    pub earlier: [Option<Past>; 2],
    pub sight: Seen,
}

/// Keys and values, `[rows, kv_head, n, head_dim]`; one row stands for all.
#[derive(Debug)]
pub(super) struct Past {
    pub key: burn::backend::flex::FlexTensor,
    pub value: burn::backend::flex::FlexTensor,
    pub rows: usize,
    pub n: usize,
}

/// Which keys queries see.
#[derive(Debug)]
pub(super) enum Seen {
    Full,
    Causal,
    /// `[batch, query, key]`, 0 where seen.
    Hidden(Vec<u8>),
}

/// What the way back needs of the way there, beside the block's input.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// `[token, width]`, queries and keys rotated.
    pub query_key_value: Vec<f32>,
    /// `[batch, head, seq]`
    pub log_sums: Vec<f32>,
    /// Sums behind attention, before any norm, `[token, dim]`.
    pub middle: Vec<f32>,
    /// Sums behind the feed-forward network, where a norm stands behind them, `[token, dim]`.
    pub late: Vec<f32>,
    pub hidden: Hidden,
}

/// Of the hidden units, as much as their derivatives take.
#[derive(Debug, Default)]
pub(super) enum Hidden {
    /// Nobody asks.
    #[default]
    Nothing,
    /// Derivatives of the activation in 16 bits, `[token, hidden]`.
    Slopes(Vec<u16>),
    /// Gates and units before they meet, `[token, hidden]` each.
    Gated { gate: Vec<f32>, up: Vec<f32> },
}

/// What a thread needs for rows.
#[derive(Debug, Default)]
pub(super) struct RowMemory {
    pub rows: Buffer,
    pub strips: Buffer,
    pub hidden: Buffer,
}

impl Past {
    /// Of one head of one item.
    pub(super) fn of(&self, item: usize, head: usize, n_heads: usize, head_dim: usize) -> Earlier<'_> {
        let row = if self.rows == 1 { 0 } else { item };
        let len = self.n * head_dim;
        let at = (row * n_heads + head) * len;
        Earlier { key: &values(&self.key)[at..at + len], value: &values(&self.value)[at..at + len] }
    }
}

impl Scene {
    /// Tokens of all items.
    pub(super) const fn tokens(&self) -> usize {
        self.batch * self.seq
    }

    /// The query heads that share a key/value head of an item.
    pub(super) fn group<'a>(&'a self, parts: &Parts, tokens: &'a [f32], item: usize, head: usize) -> Group<'a> {
        let (heads, width, head_dim) = (parts.heads, parts.width(), parts.heads.dim);
        let n = heads.query / heads.key_value;
        let n_keys = self.earlier.iter().flatten().map(|past| past.n).sum::<usize>() + self.seq;
        let sight = match &self.sight {
            Seen::Full => Sight::Full,
            Seen::Causal => Sight::Causal,
            Seen::Hidden(hidden) => Sight::Hidden(&hidden[item * self.seq * n_keys..][..self.seq * n_keys]),
        };
        let at = [head * n, heads.query + head, heads.query + heads.key_value + head].map(|head| head * head_dim);
        Group {
            tokens: &tokens[item * self.seq * width..][..self.seq * width],
            width,
            head_dim,
            heads: n,
            at,
            earlier: self.earlier.each_ref().map(|past| past.as_ref().map(|past| past.of(item, head, heads.key_value, head_dim))),
            sight,
            scale: parts.scale,
        }
    }
}

/// `x`: `[token, dim]`; the result has its shape. `keeps`: whether there will be a way back.
pub(super) fn there(parts: &Parts, scene: &Scene, x: &[f32], keeps: bool) -> (Vec<f32>, Kept) {
    let packed = parts.packed(Vectors::own());
    let query_key_value = project(parts, scene, x, &packed.query_key_value);
    let (attended, log_sums) = attend(parts, scene, &query_key_value);
    let mut kept = Kept { query_key_value, log_sums, ..Kept::default() };
    let out = finish(parts, scene, x, &attended, &packed, keeps, &mut kept);
    (out, kept)
}

fn project(parts: &Parts, scene: &Scene, x: &[f32], panels: &Panels) -> Vec<f32> {
    let (dim, width, step) = (parts.dim, parts.width(), rows_at_once(scene.tokens()));
    let shift: Vec<f32> = parts.query_key_value.iter().flat_map(super::parts::Map::shift).collect();
    let mut out = vec![0.0; scene.tokens() * width];
    let tasks = x.chunks(step * dim).zip(out.chunks_mut(step * width)).enumerate();
    let tasks = tasks.map(|(i, (x, out))| (i * step, x, out)).collect();
    on_all_threads(tasks, |(first, x, out), memory: &mut RowMemory| {
        Arch::new().dispatch(Project { parts, positions: &scene.positions, first, x, out, shift: &shift, panels, memory });
    });
    out
}

struct Project<'a> {
    parts: &'a Parts,
    positions: &'a [usize],
    first: usize,
    x: &'a [f32],
    out: &'a mut [f32],
    shift: &'a [f32],
    panels: &'a Panels,
    memory: &'a mut RowMemory,
}

impl WithSimd for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { parts, positions, first, x, out, shift, panels, memory } = self;
        let (dim, width, heads) = (parts.dim, parts.width(), parts.heads);
        let n_rows = x.len() / dim;
        let normal = memory.rows.room(ROWS * dim);
        let strips = memory.strips.room(n_rows.div_ceil(ROWS) * ROWS * dim);
        for (strip, x) in strips.chunks_exact_mut(ROWS * dim).zip(x.chunks(ROWS * dim)) {
            let rows = match &parts.around_attention.before {
                Some(norm) => {
                    for (out, x) in normal.chunks_exact_mut(dim).zip(x.chunks_exact(dim)) {
                        norm.forward(simd, x, out);
                    }
                    &normal[..x.len()]
                }
                None => x,
            };
            strip_of(strip, rows, dim);
        }
        for_tiles!(simd, strips, panels, |row, panel, tile| {
            let shift = &shift[panel.column..][..panel.columns];
            for (out, sums) in out.chunks_exact_mut(width).skip(row).zip(tile.rows(panel.columns)) {
                let out = &mut out[panel.column..][..panel.columns];
                for ((out, &sum), &shift) in out.iter_mut().zip(sums.iter()).zip(shift) {
                    *out = sum + shift;
                }
            }
        });
        if let Some(tables) = &parts.rope {
            let rotated = (heads.query + heads.key_value) * heads.dim;
            for (token, out) in out.chunks_exact_mut(width).enumerate() {
                tables.rotate(&mut out[..rotated], heads.dim, positions[first + token], Direction::There);
            }
        }
    }
}

/// At most six rows that stand one behind the other, as a strip.
#[inline(always)]
pub(super) fn strip_of(strip: &mut [f32], rows: &[f32], dim: usize) {
    let mut all: [&[f32]; ROWS] = [&[]; ROWS];
    let n = rows.len() / dim;
    for (slot, row) in all.iter_mut().zip(rows.chunks_exact(dim)) {
        *slot = row;
    }
    interleave(strip, 0, &all[..n]);
}

/// What attention makes of queries, keys and values, `[batch, head, seq, head_dim]`, and the logarithms of the sums.
fn attend(parts: &Parts, scene: &Scene, query_key_value: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let heads = parts.heads;
    let rows = heads.query / heads.key_value * scene.seq;
    let n = scene.batch * heads.key_value;
    let (mut out, mut log_sums) = (vec![0.0; n * rows * heads.dim], vec![0.0; n * rows]);
    let tasks = out.chunks_mut(rows * heads.dim).zip(log_sums.chunks_mut(rows)).enumerate().collect();
    on_all_threads(tasks, |(i, (out, log_sums)), memory: &mut heads::Memory| {
        let group = scene.group(parts, query_key_value, i / heads.key_value, i % heads.key_value);
        Arch::new().dispatch(Attend { group, out, log_sums, memory });
    });
    (out, log_sums)
}

fn finish(parts: &Parts, scene: &Scene, x: &[f32], attended: &[f32], packed: &Packed, keeps: bool, kept: &mut Kept) -> Vec<f32> {
    let (dim, hidden, tokens) = (parts.dim, parts.hidden(), scene.tokens());
    let step = rows_at_once(tokens);
    let shifts = [Some(&parts.output), parts.mlp.gate.as_ref(), Some(&parts.mlp.up), Some(&parts.mlp.down)];
    let shifts = shifts.map(|map| map.map(super::parts::Map::shift).unwrap_or_default());
    let mut out = vec![0.0; tokens * dim];
    kept.middle = vec![0.0; tokens * dim];
    kept.late = vec![0.0; if keeps && parts.around_mlp.after_sum.is_some() { tokens * dim } else { 0 }];
    kept.hidden = match (keeps, &parts.mlp.gate) {
        (false, _) => Hidden::Nothing,
        (true, None) => Hidden::Slopes(vec![0; tokens * hidden]),
        (true, Some(_)) => Hidden::Gated { gate: vec![0.0; tokens * hidden], up: vec![0.0; tokens * hidden] },
    };
    let mut late = kept.late.chunks_mut(step * dim);
    let mut slopes = Vec::new();
    let mut gated = Vec::new();
    match &mut kept.hidden {
        Hidden::Nothing => {}
        Hidden::Slopes(all) => slopes = all.chunks_mut(step * hidden).collect(),
        Hidden::Gated { gate, up } => gated = gate.chunks_mut(step * hidden).zip(up.chunks_mut(step * hidden)).collect(),
    }
    let (mut slopes, mut gated) = (slopes.into_iter(), gated.into_iter());
    let rows = x.chunks(step * dim).zip(out.chunks_mut(step * dim)).zip(kept.middle.chunks_mut(step * dim));
    let tasks = rows.enumerate().map(|(i, ((x, out), middle))| Finish {
        parts,
        seq: scene.seq,
        first: i * step,
        x,
        attended,
        packed,
        shifts: &shifts,
        out,
        middle,
        late: late.next(),
        slopes: slopes.next(),
        gated: gated.next(),
    });
    on_all_threads(tasks.collect(), |task, memory: &mut RowMemory| Arch::new().dispatch(WithMemory(task, memory)));
    out
}

struct Finish<'a> {
    parts: &'a Parts,
    seq: usize,
    first: usize,
    x: &'a [f32],
    attended: &'a [f32],
    packed: &'a Packed,
    /// Of output, gate, up and down.
    shifts: &'a [Vec<f32>; 4],
    out: &'a mut [f32],
    middle: &'a mut [f32],
    late: Option<&'a mut [f32]>,
    slopes: Option<&'a mut [u16]>,
    gated: Option<(&'a mut [f32], &'a mut [f32])>,
}

struct WithMemory<'a>(Finish<'a>, &'a mut RowMemory);

impl WithSimd for WithMemory<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(task, memory) = self;
        let Finish { parts, seq, first, x, attended, packed, shifts, out, middle, late, mut slopes, mut gated } = task;
        let (dim, hidden, heads) = (parts.dim, parts.hidden(), parts.heads);
        let n_rows = x.len() / dim;
        let n_strips = n_rows.div_ceil(ROWS);
        let RowMemory { rows, strips, hidden: units } = memory;

        // Attention's output, and the sum behind it.
        let attention_strips = strips.room(n_strips * ROWS * heads.query * heads.dim);
        strips_of_heads(attention_strips, attended, heads, first..first + n_rows, seq);
        let scale = parts.around_attention.scale.as_ref().map(values);
        for_tiles!(simd, attention_strips, packed.output, |row, panel, tile| {
            add_branch(row, panel, tile, (x, middle, dim), &shifts[0], scale);
        });

        // What the feed-forward network is added to; what it reads.
        let normal = rows.room((n_rows + ROWS) * dim);
        let (normed, normal) = normal.split_at_mut(n_rows * dim);
        let base: &[f32] = match &parts.around_attention.after_sum {
            Some(norm) => {
                for (out, x) in normed.chunks_exact_mut(dim).zip(middle.chunks_exact(dim)) {
                    norm.forward(simd, x, out);
                }
                normed
            }
            None => middle,
        };
        let mlp_strips = strips.room(n_strips * ROWS * dim);
        for (strip, x) in mlp_strips.chunks_exact_mut(ROWS * dim).zip(base.chunks(ROWS * dim)) {
            let rows = match &parts.around_mlp.before {
                Some(norm) => {
                    for (out, x) in normal.chunks_exact_mut(dim).zip(x.chunks_exact(dim)) {
                        norm.forward(simd, x, out);
                    }
                    &normal[..x.len()]
                }
                None => x,
            };
            strip_of(strip, rows, dim);
        }

        // Hidden units.
        let units = units.room(n_strips * ROWS * hidden);
        let activation = parts.mlp.activation;
        let mut slope = [0.0; 64];
        match packed.outwards.as_slice() {
            [up] => {
                for_tiles!(simd, mlp_strips, up, |row, panel, tile| {
                    let shift = &shifts[2][panel.column..][..panel.columns];
                    for (i, values) in tile.rows(panel.columns).enumerate() {
                        add(values, shift);
                        let slope = &mut slope[..panel.columns];
                        activate_row(simd, activation, values, slope);
                        if let Some(slopes) = &mut slopes
                            && row + i < n_rows
                        {
                            shorten(slope, &mut slopes[(row + i) * hidden + panel.column..][..panel.columns]);
                        }
                    }
                    tile.interleave(panel.columns, &mut units[row * hidden..], panel.column);
                });
            }
            [gate, up] => {
                let (mut gate_tile, mut up_tile) = (Tile::new(), Tile::new());
                for (gate, up) in gate.iter().zip(up.iter()) {
                    let [gate_shift, up_shift] = [&shifts[1], &shifts[2]].map(|shift| &shift[up.column..][..up.columns]);
                    for (i, strip) in mlp_strips.chunks_exact(ROWS * dim).enumerate() {
                        gate_tile.multiply(simd, strip, gate);
                        up_tile.multiply(simd, strip, up);
                        let both = gate_tile.rows(up.columns).zip(up_tile.rows(up.columns));
                        for (j, (gate, units)) in both.enumerate() {
                            add(gate, gate_shift);
                            add(units, up_shift);
                            let row = i * ROWS + j;
                            if let Some((all_gates, all_units)) = &mut gated
                                && row < n_rows
                            {
                                let at = row * hidden + up.column;
                                all_gates[at..at + up.columns].copy_from_slice(gate);
                                all_units[at..at + up.columns].copy_from_slice(units);
                            }
                            activate_row(simd, activation, gate, &mut slope[..up.columns]);
                            for (unit, &gate) in units.iter_mut().zip(gate.iter()) {
                                *unit *= gate;
                            }
                        }
                        up_tile.interleave(up.columns, &mut units[i * ROWS * hidden..], up.column);
                    }
                }
            }
            _ => unreachable!("one or two maps lead to the hidden units"),
        }

        // Back to the stream.
        let scale = parts.around_mlp.scale.as_ref().map(values);
        for_tiles!(simd, units, packed.inwards, |row, panel, tile| {
            add_branch(row, panel, tile, (base, out, dim), &shifts[3], scale);
        });
        if let Some(norm) = &parts.around_mlp.after_sum {
            if let Some(late) = late {
                late.copy_from_slice(out);
            }
            let row = &mut normal[..dim];
            for out in out.chunks_exact_mut(dim) {
                row.copy_from_slice(out);
                norm.forward(simd, row, out);
            }
        }
    }
}

/// Strips of what attention gives the tokens `range`. `attended`: `[batch, head, seq, head_dim]`.
#[inline(always)]
fn strips_of_heads(strips: &mut [f32], attended: &[f32], heads: Heads, range: Range<usize>, seq: usize) {
    for (i, strip) in strips.chunks_exact_mut(ROWS * heads.query * heads.dim).enumerate() {
        let from = range.start + i * ROWS;
        let n = ROWS.min(range.end - from);
        for head in 0..heads.query {
            let mut all: [&[f32]; ROWS] = [&[]; ROWS];
            for (j, row) in all[..n].iter_mut().enumerate() {
                let (item, seat) = ((from + j) / seq, (from + j) % seq);
                *row = &attended[((item * heads.query + head) * seq + seat) * heads.dim..][..heads.dim];
            }
            interleave(strip, head * heads.dim, &all[..n]);
        }
    }
}

/// `out = base + scale · (tile + shift)`.
#[inline(always)]
fn add_branch(
    row: usize,
    panel: Panel<'_>,
    tile: &mut Tile,
    (base, out, dim): (&[f32], &mut [f32], usize),
    shift: &[f32],
    scale: Option<&[f32]>,
) {
    let (from, n) = (panel.column, panel.columns);
    let rows = out.chunks_exact_mut(dim).zip(base.chunks_exact(dim)).skip(row);
    for ((out, base), sums) in rows.zip(tile.rows(n)) {
        let (out, base) = (&mut out[from..from + n], &base[from..from + n]);
        add(sums, &shift[from..from + n]);
        if let Some(scale) = scale {
            times(sums, &scale[from..from + n]);
        }
        for ((out, &base), &sum) in out.iter_mut().zip(base).zip(sums.iter()) {
            *out = base + sum;
        }
    }
}

#[inline(always)]
fn add(values: &mut [f32], others: &[f32]) {
    for (value, other) in values.iter_mut().zip(others) {
        *value += other;
    }
}

/// Entry by entry.
#[inline(always)]
pub(super) fn times(values: &mut [f32], others: &[f32]) {
    for (value, other) in values.iter_mut().zip(others) {
        *value *= other;
    }
}
