//! The way back: the gradient of a block's input from that of its result, in three passes over the tokens, the last one first.

use pulp::{Arch, Simd, WithSimd};

use super::heads::{self, AttendBack};
use super::kernel::{Buffer, Panels, ROWS, Vectors, for_tiles, interleave};
use super::math::{activate_row, times_short};
use super::parts::{Packed, Parts, on_all_threads, rows_at_once, values};
use super::rotation::Direction;
use super::there::{Hidden, Kept, Scene, strip_of, times};

/// Gradients of a block's inputs.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[token, dim]`, where it is asked for.
    pub x: Option<Vec<f32>>,
    /// Of the first earlier keys and values, `[rows, kv_head, n, head_dim]` each, where they are asked for.
    pub earlier: Option<[Vec<f32>; 2]>,
}

/// `gradient`: that of the result, `[token, dim]`. `x`: what went in. `asked`: for the gradient of `x`, and of the first earlier
/// keys and values.
pub(super) fn back(parts: &Parts, scene: &Scene, kept: &Kept, x: &[f32], gradient: &[f32], asked: [bool; 2]) -> Gradients {
    let packed = parts.packed_transposed(Vectors::own());
    let (middle, attended) = finish(parts, scene, kept, gradient, &packed);
    let (heads, n_earlier) = attend(parts, scene, kept, &attended, asked[1]);
    drop(attended);
    let x = asked[0].then(|| project(parts, scene, x, &middle, &heads, n_earlier, &packed.query_key_value));
    let earlier = (n_earlier > 0).then(|| [0, 1].map(|which| earlier(parts, scene, &heads, n_earlier, which)));
    Gradients { x, earlier }
}

/// Gradients of the sums behind attention, `[token, dim]`, and of what attention gives, `[token, head · head_dim]`.
fn finish(parts: &Parts, scene: &Scene, kept: &Kept, gradient: &[f32], packed: &Packed) -> (Vec<f32>, Vec<f32>) {
    let (dim, inner, tokens) = (parts.dim, parts.heads.query * parts.heads.dim, scene.tokens());
    let step = rows_at_once(tokens);
    let (mut middle, mut attended) = (vec![0.0; tokens * dim], vec![0.0; tokens * inner]);
    let outs = middle.chunks_mut(step * dim).zip(attended.chunks_mut(step * inner));
    let tasks = outs.zip(gradient.chunks(step * dim)).enumerate();
    let tasks = tasks.map(|(i, ((middle, attended), gradient))| (i * step, gradient, middle, attended)).collect();
    on_all_threads(tasks, |(first, gradient, middle, attended), memory: &mut Memory| {
        Arch::new().dispatch(Finish { parts, kept, packed, first, gradient, middle, attended, memory });
    });
    (middle, attended)
}

#[derive(Debug, Default)]
struct Memory {
    rows: Buffer,
    strips: Buffer,
    hidden: Buffer,
}

struct Finish<'a> {
    parts: &'a Parts,
    kept: &'a Kept,
    packed: &'a Packed,
    first: usize,
    gradient: &'a [f32],
    middle: &'a mut [f32],
    attended: &'a mut [f32],
    memory: &'a mut Memory,
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { parts, kept, packed, first, gradient, middle, attended, memory } = self;
        let (dim, hidden, inner) = (parts.dim, parts.hidden(), parts.heads.query * parts.heads.dim);
        let n_rows = gradient.len() / dim;
        let n_strips = n_rows.div_ceil(ROWS);
        let Memory { rows, strips: all_strips, hidden: units } = memory;
        let sums = &kept.middle[first * dim..][..n_rows * dim];
        let rows = rows.room((n_rows + 2 * ROWS) * dim);
        let (behind, spare) = rows.split_at_mut(n_rows * dim);
        let (scaled, normal) = spare.split_at_mut(ROWS * dim);

        // Through the last norm, if there is one; `behind` is the gradient of the sum in front of it.
        behind.copy_from_slice(gradient);
        if let Some(norm) = &parts.around_mlp.after_sum {
            let late = &kept.late[first * dim..][..n_rows * dim];
            for (gradient, x) in behind.chunks_exact_mut(dim).zip(late.chunks_exact(dim)) {
                norm.backward(simd, x, gradient, &mut normal[..dim]);
            }
        }

        // Through the feed-forward network.
        let strips = all_strips.room(n_strips * ROWS * dim);
        scaled_strips(strips, behind, scaled, parts.around_mlp.scale.as_ref().map(values), dim);
        let factor = if parts.mlp.gate.is_some() { 2 } else { 1 };
        let units = units.room(n_strips * ROWS * hidden * factor);
        let activation = parts.mlp.activation;
        let mut gates = super::kernel::Tile::new();
        let mut slope = [0.0; 64];
        let mut gate_row = [0.0; 64];
        let [down] = packed.outwards.as_slice() else { unreachable!("one map leads back to the hidden units") };
        for_tiles!(simd, strips, down, |row, panel, tile| {
            let (from, n) = (panel.column, panel.columns);
            let strip = &mut units[row * hidden * factor..];
            match &kept.hidden {
                Hidden::Nothing => unreachable!("the way there kept nothing for a way back"),
                Hidden::Slopes(slopes) => {
                    for (i, values) in tile.rows(n).take(n_rows - row).enumerate() {
                        times_short(values, &slopes[(first + row + i) * hidden + from..][..n]);
                    }
                    tile.interleave(n, strip, from);
                }
                Hidden::Gated { gate, up } => {
                    gates.like(tile);
                    for (i, (values, gates)) in tile.rows(n).zip(gates.rows(n)).take(n_rows - row).enumerate() {
                        let at = (first + row + i) * hidden + from;
                        let (gate_row, slope) = (&mut gate_row[..n], &mut slope[..n]);
                        gate_row.copy_from_slice(&gate[at..at + n]);
                        activate_row(simd, activation, gate_row, slope);
                        let units = &up[at..at + n];
                        for ((((value, out), &gate), &slope), &unit) in
                            values.iter_mut().zip(gates.iter_mut()).zip(gate_row.iter()).zip(slope.iter()).zip(units)
                        {
                            *out = *value * unit * slope;
                            *value *= gate;
                        }
                    }
                    gates.interleave(n, strip, from);
                    tile.interleave(n, strip, hidden + from);
                }
            }
        });
        for_tiles!(simd, units, packed.inwards, |row, panel, tile| {
            for (out, values) in middle.chunks_exact_mut(dim).skip(row).zip(tile.rows(panel.columns)) {
                out[panel.column..][..panel.columns].copy_from_slice(values);
            }
        });

        // Through the norm in front of it, or the one behind the sum before.
        for ((middle, behind), x) in middle.chunks_exact_mut(dim).zip(behind.chunks_exact(dim)).zip(sums.chunks_exact(dim)) {
            if let Some(norm) = &parts.around_mlp.before {
                norm.backward(simd, x, middle, &mut normal[..dim]);
            }
            for (middle, &behind) in middle.iter_mut().zip(behind) {
                *middle += behind;
            }
            if let Some(norm) = &parts.around_attention.after_sum {
                norm.backward(simd, x, middle, &mut normal[..dim]);
            }
        }

        // Through attention's output map.
        let strips = all_strips.room(n_strips * ROWS * dim);
        scaled_strips(strips, middle, scaled, parts.around_attention.scale.as_ref().map(values), dim);
        for_tiles!(simd, strips, packed.output, |row, panel, tile| {
            for (out, values) in attended.chunks_exact_mut(inner).skip(row).zip(tile.rows(panel.columns)) {
                out[panel.column..][..panel.columns].copy_from_slice(values);
            }
        });
    }
}

/// Rows times a factor for each column, as strips.
#[inline(always)]
fn scaled_strips(strips: &mut [f32], rows: &[f32], scaled: &mut [f32], scale: Option<&[f32]>, dim: usize) {
    for (strip, rows) in strips.chunks_exact_mut(ROWS * dim).zip(rows.chunks(ROWS * dim)) {
        let Some(scale) = scale else {
            strip_of(strip, rows, dim);
            continue;
        };
        let scaled = &mut scaled[..rows.len()];
        scaled.copy_from_slice(rows);
        for row in scaled.chunks_exact_mut(dim) {
            times(row, scale);
        }
        strip_of(strip, scaled, dim);
    }
}

/// Gradients of queries, keys and values, `[batch, kv_head, (group + 2) · seq + 2 · earlier, head_dim]`, and the number of
/// earlier keys among them.
fn attend(parts: &Parts, scene: &Scene, kept: &Kept, attended: &[f32], with_earlier: bool) -> (Vec<f32>, usize) {
    let heads = parts.heads;
    let group = heads.query / heads.key_value;
    let n_earlier = scene.earlier[0].as_ref().filter(|_| with_earlier).map_or(0, |past| past.n);
    let own = (group + 2) * scene.seq * heads.dim;
    let len = own + 2 * n_earlier * heads.dim;
    let mut out = vec![0.0; scene.batch * heads.key_value * len];
    let width = heads.query * heads.dim;
    let tasks = out.chunks_mut(len).zip(kept.log_sums.chunks(group * scene.seq)).enumerate().collect();
    on_all_threads(tasks, |(i, (out, log_sums)): (usize, (&mut [f32], _)), memory: &mut heads::Memory| {
        let (item, head) = (i / heads.key_value, i % heads.key_value);
        let (own, earlier) = out.split_at_mut(own);
        Arch::new().dispatch(AttendBack {
            group: scene.group(parts, &kept.query_key_value, item, head),
            log_sums,
            gradient: &attended[item * scene.seq * width..][..scene.seq * width],
            gradient_width: width,
            gradient_at: head * group * heads.dim,
            own,
            earlier,
            memory,
        });
    });
    (out, n_earlier)
}

fn project(parts: &Parts, scene: &Scene, x: &[f32], middle: &[f32], heads: &[f32], n_earlier: usize, panels: &Panels) -> Vec<f32> {
    let (dim, step) = (parts.dim, rows_at_once(scene.tokens()));
    let mut out = vec![0.0; scene.tokens() * dim];
    let tasks = out.chunks_mut(step * dim).zip(x.chunks(step * dim)).zip(middle.chunks(step * dim)).enumerate();
    let tasks = tasks.map(|(i, ((out, x), middle))| (i * step, out, x, middle)).collect();
    on_all_threads(tasks, |(first, out, x, middle), memory: &mut Memory| {
        Arch::new().dispatch(Project { parts, scene, first, x, middle, heads, n_earlier, panels, out, memory });
    });
    out
}

struct Project<'a> {
    parts: &'a Parts,
    scene: &'a Scene,
    first: usize,
    x: &'a [f32],
    middle: &'a [f32],
    heads: &'a [f32],
    n_earlier: usize,
    panels: &'a Panels,
    out: &'a mut [f32],
    memory: &'a mut Memory,
}

impl WithSimd for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { parts, scene, first, x, middle, heads: gradients, n_earlier, panels, out, memory } = self;
        let (dim, width, heads, seq) = (parts.dim, parts.width(), parts.heads, scene.seq);
        let group = heads.query / heads.key_value;
        let len = ((group + 2) * seq + 2 * n_earlier) * heads.dim;
        let n_rows = x.len() / dim;
        let rows = memory.rows.room(ROWS * width.max(dim));
        let strips = memory.strips.room(n_rows.div_ceil(ROWS) * ROWS * width);
        for (i, strip) in strips.chunks_exact_mut(ROWS * width).enumerate() {
            let from = first + i * ROWS;
            let n = ROWS.min(first + n_rows - from);
            for (j, row) in rows.chunks_exact_mut(width).take(n).enumerate() {
                let (item, seat) = ((from + j) / seq, (from + j) % seq);
                for (head, out) in row.chunks_exact_mut(heads.dim).enumerate() {
                    let (owner, part) = if head < heads.query {
                        (head / group, head % group)
                    } else {
                        let rest = head - heads.query;
                        (rest % heads.key_value, group + rest / heads.key_value)
                    };
                    let at = (item * heads.key_value + owner) * len + (part * seq + seat) * heads.dim;
                    out.copy_from_slice(&gradients[at..at + heads.dim]);
                }
                if let Some(tables) = &parts.rope {
                    let rotated = (heads.query + heads.key_value) * heads.dim;
                    tables.rotate(&mut row[..rotated], heads.dim, scene.positions[from + j], Direction::Back);
                }
            }
            let mut all: [&[f32]; ROWS] = [&[]; ROWS];
            for (slot, row) in all[..n].iter_mut().zip(rows.chunks_exact(width)) {
                *slot = row;
            }
            interleave(strip, 0, &all[..n]);
        }
        for_tiles!(simd, strips, panels, |row, panel, tile| {
            for (out, values) in out.chunks_exact_mut(dim).skip(row).zip(tile.rows(panel.columns)) {
                out[panel.column..][..panel.columns].copy_from_slice(values);
            }
        });
        let normal = &mut rows[..dim];
        for ((out, x), middle) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).zip(middle.chunks_exact(dim)) {
            if let Some(norm) = &parts.around_attention.before {
                norm.backward(simd, x, out, normal);
            }
            for (out, &middle) in out.iter_mut().zip(middle) {
                *out += middle;
            }
        }
    }
}

/// Gradients of the earlier keys (0) or values (1), summed over the items where one row stands for all.
fn earlier(parts: &Parts, scene: &Scene, gradients: &[f32], n_earlier: usize, which: usize) -> Vec<f32> {
    let heads = parts.heads;
    let (size, own) = (n_earlier * heads.dim, (heads.query / heads.key_value + 2) * scene.seq * heads.dim);
    let rows = scene.earlier[0].as_ref().map_or(0, |past| past.rows);
    let mut out = vec![0.0; rows * heads.key_value * size];
    for (i, gradients) in gradients.chunks_exact(own + 2 * size).enumerate() {
        let (item, head) = (i / heads.key_value, i % heads.key_value);
        let row = if rows == 1 { 0 } else { item };
        let out = &mut out[(row * heads.key_value + head) * size..][..size];
        for (out, gradient) in out.iter_mut().zip(&gradients[own + which * size..][..size]) {
            *out += gradient;
        }
    }
    out
}
