//! Rows times a matrix in fewer bits, as one node of burn's graph.
//!
//! The matrix is decoded a piece of a panel at a time, on the way there and again on the way back: it is never in memory as f32,
//! not even while a graph waits for its way back.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::constant::write;
use super::kernel::{Buffer, Panel, ROWS, Tile, Vectors};
use super::node::{Input, contiguous, result, tensor};
use super::parts::{on_all_threads, values};
use super::there::strip_of;
use crate::compact::{Compact, Turn};

/// Rows of a panel that are decoded at a time: with 64 columns, a part of the second cache.
const DEPTH: usize = 512;

/// What the way back needs: the matrix alone.
#[derive(Debug, Clone)]
struct Saved {
    weight: Compact,
    turn: Turn,
    rows: usize,
}

#[derive(Debug)]
struct Product;

impl Backward<Flex, 1> for Product {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
        let [x] = ops.parents;
        let Saved { weight, turn, rows } = ops.state;
        let Some(x) = x else { return };
        let back = match turn {
            Turn::Straight => Turn::Transposed,
            Turn::Transposed => Turn::Straight,
        };
        let found = multiply(values(&gradient), &weight, back);
        let columns = found.len() / rows.max(1);
        gradients.register::<Flex>(x.id, tensor(found, [rows, columns]));
    }
}

/// `x W`, or `x Wᵀ`; nothing where x is not f32 on the CPU.
pub(crate) fn product(x: Tensor<2>, weight: &Compact, turn: Turn) -> Option<Tensor<2>> {
    let [rows, _] = x.dims();
    let x = Input::new(x)?;
    let out = multiply(values(&x.plain), weight, turn);
    let columns = turned(weight, turn).1;
    let (context, is_tracked) = (x.context, x.is_tracked());
    let step = is_tracked.then(|| (Product, [x.node()], Saved { weight: weight.clone(), turn, rows }));
    Some(result(tensor(out, [rows, columns]), context, step))
}

const fn turned(weight: &Compact, turn: Turn) -> (usize, usize) {
    let [rows, columns] = weight.dims();
    match turn {
        Turn::Straight => (rows, columns),
        Turn::Transposed => (columns, rows),
    }
}

/// `x`: `[rows, inner]`; the result is `[rows, columns]`.
fn multiply(x: &[f32], weight: &Compact, turn: Turn) -> Vec<f32> {
    let (inner, columns) = turned(weight, turn);
    let (n_rows, vectors) = (x.len() / inner, Vectors::own());
    let mut strips = vec![0.0; n_rows.div_ceil(ROWS) * ROWS * inner];
    strips.par_chunks_mut(ROWS * inner).zip(x.par_chunks(ROWS * inner)).for_each(|(strip, x)| strip_of(strip, x, inner));
    // Panel after panel, so that each is one thread's.
    let mut panels = vec![0.0; n_rows * columns];
    let tasks = panels.chunks_mut((n_rows * vectors.full()).max(1)).enumerate().collect();
    on_all_threads(tasks, |(i, out), memory: &mut Buffer| {
        let from = i * vectors.full();
        Arch::new().dispatch(OnePanel { strips: &strips, weight, turn, from, vectors, out, memory });
    });
    if columns <= vectors.full() {
        return panels;
    }
    let mut out = vec![0.0; n_rows * columns];
    out.par_chunks_mut(columns).enumerate().for_each(|(row, out)| {
        for (out, panel) in out.chunks_mut(vectors.full()).zip(panels.chunks(n_rows * vectors.full())) {
            out.copy_from_slice(&panel[row * out.len()..][..out.len()]);
        }
    });
    out
}

struct OnePanel<'a> {
    strips: &'a [f32],
    weight: &'a Compact,
    turn: Turn,
    /// The panel's first column.
    from: usize,
    vectors: Vectors,
    /// `[rows, columns of the panel]`, zeros.
    out: &'a mut [f32],
    memory: &'a mut Buffer,
}

impl WithSimd for OnePanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { strips, weight, turn, from, vectors, out, memory } = self;
        let (inner, all) = turned(weight, turn);
        let columns = vectors.full().min(all - from);
        let width = vectors.width(columns);
        let mut tile = Tile::new();
        for first in (0..inner).step_by(DEPTH) {
            let depth = DEPTH.min(inner - first);
            let values = memory.room(depth * width);
            write(weight, turn, first..first + depth, from..from + columns, values, width);
            for (index, strip) in strips.chunks_exact(inner * ROWS).enumerate() {
                let strip = &strip[first * ROWS..(first + depth) * ROWS];
                tile.multiply(simd, strip, Panel { values, width, column: from, columns });
                for (out, sums) in out.chunks_exact_mut(columns).skip(index * ROWS).zip(tile.rows(columns)) {
                    for (out, &sum) in out.iter_mut().zip(sums.iter()) {
                        *out += sum;
                    }
                }
            }
        }
    }
}
