//! Products of many rows with one matrix, a tile at a time, in registers.
//!
//! ```text
//! strips   rows, six at a time:   [inner, 6], one after the other
//! panels   columns of the matrix: [inner, width], one after the other, as wide as four (two) vectors
//! tile     6 × width sums, kept in registers over the whole inner axis
//! ```
//!
//! What is done to a tile is done while it is in the first cache. Vectors are those of the machine that this runs on, found
//! out when it starts (`pulp`): AVX-512, AVX2, NEON, or none.
//!
//! # Reference
//! The order of packing and tiles: Goto and van de Geijn, ACM TOMS 34(3), 2008, doi 10.1145/1356052.1356053.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::constant::Constant;
use crate::compact::Turn;

/// Rows of a tile.
pub(super) const ROWS: usize = 6;

/// Entries of the widest tile.
const TILE: usize = ROWS * 64;

/// Numbers that begin at a cache line.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    values: Vec<f32>,
}

impl Buffer {
    /// Room for `len` numbers, whatever they are.
    #[inline(always)]
    pub(super) fn room(&mut self, len: usize) -> &mut [f32] {
        if self.values.len() < len + 16 {
            self.values = vec![0.0; len + 16];
        }
        let start = self.start();
        &mut self.values[start..start + len]
    }

    fn start(&self) -> usize {
        self.values.as_ptr().align_offset(64).min(16)
    }

    fn get(&self, len: usize) -> &[f32] {
        let start = self.start();
        &self.values[start..start + len]
    }
}

/// A matrix in memory, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    /// From the first entry on.
    pub values: &'a [f32],
    /// From one row to the next.
    pub stride: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

/// How wide things are on this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors {
    /// Numbers in a vector.
    lanes: usize,
    /// Columns of a panel: with the rows of a tile they fill the registers.
    full: usize,
}

impl Vectors {
    /// Of this kind.
    #[inline(always)]
    pub(super) const fn of<S: Simd>() -> Self {
        Self { lanes: S::F32_LANES, full: S::F32_LANES * if S::REGISTER_COUNT >= 32 { 4 } else { 2 } }
    }

    /// The machine's own.
    pub(super) fn own() -> Self {
        struct Ask;
        impl WithSimd for Ask {
            type Output = Vectors;

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> Vectors {
                Vectors::of::<S>()
            }
        }
        Arch::new().dispatch(Ask)
    }

    /// The width of the widest panel.
    pub(super) const fn full(self) -> usize {
        self.full
    }

    /// The width of a panel with so many columns left.
    #[inline(always)]
    pub(super) fn width(self, columns: usize) -> usize {
        self.full.min(columns.div_ceil(self.lanes) * self.lanes)
    }
}

/// The columns of a matrix, as tiles need them.
#[derive(Debug)]
pub(super) struct Panels {
    values: Buffer,
    inner: usize,
    columns: usize,
    vectors: Vectors,
}

/// One panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel<'a> {
    /// `[inner, width]`
    pub values: &'a [f32],
    /// Columns, those beyond the matrix included.
    pub width: usize,
    /// The first one's index.
    pub column: usize,
    /// Columns that are the matrix's.
    pub columns: usize,
}

impl Panels {
    /// Room for a matrix `[inner, columns]`.
    pub(super) fn new(vectors: Vectors) -> Self {
        Self { values: Buffer::default(), inner: 0, columns: 0, vectors }
    }

    /// Makes room for a matrix `[inner, columns]`.
    #[inline(always)]
    pub(super) fn reshape(&mut self, inner: usize, columns: usize) {
        (self.inner, self.columns) = (inner, columns);
        let len = self.len();
        self.values.room(len);
    }

    /// Matrices side by side, `[inner, Σ columns]` once each is read the way that `turn` says.
    pub(super) fn beside(matrices: &[Constant<'_>], turn: Turn, vectors: Vectors) -> Self {
        let inner = matrices.first().map_or(0, |matrix| matrix.turned(turn).0);
        let mut panels = Self::new(vectors);
        panels.reshape(inner, matrices.iter().map(|matrix| matrix.turned(turn).1).sum());
        panels.fill_all(|column, columns, panel, width| {
            let mut from = 0;
            for matrix in matrices {
                let to = from + matrix.turned(turn).1;
                let (first, last) = (from.max(column), to.min(column + columns));
                if first < last {
                    matrix.write(turn, first - from, last - first, &mut panel[first - column..], width);
                }
                from = to;
            }
        });
        panels
    }

    /// Matrices one under the other, `[Σ inner, columns]` once each is read the way that `turn` says.
    pub(super) fn below(matrices: &[Constant<'_>], turn: Turn, vectors: Vectors) -> Self {
        let columns = matrices.first().map_or(0, |matrix| matrix.turned(turn).1);
        let mut panels = Self::new(vectors);
        panels.reshape(matrices.iter().map(|matrix| matrix.turned(turn).0).sum(), columns);
        panels.fill_all(|column, columns, panel, width| {
            let mut from = 0;
            for matrix in matrices {
                matrix.write(turn, column, columns, &mut panel[from * width..], width);
                from += matrix.turned(turn).0;
            }
        });
        panels
    }

    /// Writes a matrix's rows from `row` on.
    #[inline(always)]
    pub(super) fn write(&mut self, row: usize, matrix: Matrix<'_>) {
        let (inner, columns, vectors, len) = (self.inner, self.columns, self.vectors, self.len());
        for (p, panel) in self.values.room(len).chunks_mut((inner * vectors.full).max(1)).enumerate() {
            let column = p * vectors.full;
            let width = vectors.width(columns - column);
            matrix.write(Turn::Straight, column, width.min(columns - column), &mut panel[row * width..], width);
        }
    }

    /// Writes a matrix's rows as columns from `column` on.
    #[inline(always)]
    pub(super) fn write_transposed(&mut self, column: usize, matrix: Matrix<'_>) {
        let (inner, columns, vectors, len) = (self.inner, self.columns, self.vectors, self.len());
        let values = self.values.room(len);
        for row in 0..matrix.rows {
            let p = (column + row) / vectors.full;
            let (seat, width) = (column + row - p * vectors.full, vectors.width(columns - p * vectors.full));
            let source = &matrix.values[row * matrix.stride..][..matrix.columns];
            for (cells, &value) in values[p * inner * vectors.full..].chunks_exact_mut(width).zip(source) {
                cells[seat] = value;
            }
        }
    }

    /// All panels.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = Panel<'_>> {
        let (inner, columns, vectors) = (self.inner, self.columns, self.vectors);
        self.values.get(self.len()).chunks((inner * vectors.full).max(1)).enumerate().map(move |(p, values)| {
            let column = p * vectors.full;
            Panel { values, width: vectors.width(columns - column), column, columns: vectors.full.min(columns - column) }
        })
    }

    /// Rows of the matrix.
    pub(super) const fn inner(&self) -> usize {
        self.inner
    }

    fn len(&self) -> usize {
        self.inner * self.columns.div_ceil(self.vectors.lanes) * self.vectors.lanes
    }

    /// Lets all threads fill panels. `fill`: of a panel, the first column, their number, its memory, its width.
    fn fill_all(&mut self, fill: impl Fn(usize, usize, &mut [f32], usize) + Sync) {
        let (inner, columns, vectors, len) = (self.inner, self.columns, self.vectors, self.len());
        self.values.room(len).par_chunks_mut((inner * vectors.full).max(1)).enumerate().for_each(|(p, panel)| {
            let column = p * vectors.full;
            fill(column, vectors.full.min(columns - column), panel, vectors.width(columns - column));
        });
    }
}

impl Matrix<'_> {
    /// Rows and columns, read that way.
    pub(super) const fn turned(&self, turn: Turn) -> (usize, usize) {
        match turn {
            Turn::Straight => (self.rows, self.columns),
            Turn::Transposed => (self.columns, self.rows),
        }
    }

    /// Writes columns of the turned matrix into rows of `width`.
    #[inline(always)]
    pub(super) fn write(&self, turn: Turn, column: usize, columns: usize, into: &mut [f32], width: usize) {
        match turn {
            Turn::Straight => {
                for (cells, row) in into.chunks_mut(width).zip(self.values.chunks(self.stride)).take(self.rows) {
                    cells[..columns].copy_from_slice(&row[column..column + columns]);
                }
            }
            Turn::Transposed => {
                // Sixteen rows of the source at a time, so that lines are read and written whole.
                for first in (0..columns).step_by(16) {
                    let n = 16.min(columns - first);
                    let source = &self.values[(column + first) * self.stride..];
                    for (i, cells) in into.chunks_mut(width).take(self.columns).enumerate() {
                        for (j, cell) in cells[first..first + n].iter_mut().enumerate() {
                            *cell = source[j * self.stride + i];
                        }
                    }
                }
            }
        }
    }
}

/// Writes rows from `inner` on into a strip, `[inner, 6]`.
#[inline(always)]
pub(super) fn interleave(strip: &mut [f32], inner: usize, rows: &[&[f32]]) {
    let (cells, _) = strip[inner * ROWS..].as_chunks_mut::<ROWS>();
    // Spelled out: a closure for each row would not be inlined, and so have no vectors.
    if let [first, second, third, fourth, fifth, sixth] = *rows {
        let len = first.len();
        let (second, third, fourth, fifth, sixth) = (&second[..len], &third[..len], &fourth[..len], &fifth[..len], &sixth[..len]);
        for (i, cell) in cells[..len].iter_mut().enumerate() {
            *cell = [first[i], second[i], third[i], fourth[i], fifth[i], sixth[i]];
        }
        return;
    }
    for (seat, row) in rows.iter().enumerate() {
        for (cell, &value) in cells.iter_mut().zip(*row) {
            cell[seat] = value;
        }
    }
}

/// The sums of a tile, row after row.
#[derive(Debug)]
pub(super) struct Tile {
    values: [f32; TILE],
    width: usize,
}

impl Tile {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { values: [0.0; TILE], width: 1 }
    }

    /// `strip` (`[inner, 6]`) times `panel` (`[inner, width]`), over the shorter of both.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&mut self, simd: S, strip: &[f32], panel: Panel<'_>) {
        self.width = panel.width;
        match panel.width / S::F32_LANES {
            1 => self.sums::<S, 1>(simd, strip, panel.values),
            2 => self.sums::<S, 2>(simd, strip, panel.values),
            3 => self.sums::<S, 3>(simd, strip, panel.values),
            _ => self.sums::<S, 4>(simd, strip, panel.values),
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const VECTORS: usize>(&mut self, simd: S, strip: &[f32], panel: &[f32]) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let (strip, _) = strip.as_chunks::<ROWS>();
        let (panel, _) = S::as_simd_f32s(panel).0.as_chunks::<VECTORS>();
        for (rows, columns) in strip.iter().zip(panel) {
            for (sums, &row) in sums.iter_mut().zip(rows) {
                let row = simd.splat_f32s(row);
                for (sum, &column) in sums.iter_mut().zip(columns) {
                    *sum = simd.mul_add_e_f32s(row, column, *sum);
                }
            }
        }
        let (out, _) = S::as_mut_simd_f32s(&mut self.values).0.as_chunks_mut::<VECTORS>();
        for (out, sums) in out.iter_mut().zip(sums) {
            *out = sums;
        }
    }

    /// Takes on another's shape.
    #[inline(always)]
    pub(super) const fn like(&mut self, other: &Self) {
        self.width = other.width;
    }

    /// Its rows, the first `columns` of each.
    #[inline(always)]
    pub(super) fn rows(&mut self, columns: usize) -> impl Iterator<Item = &mut [f32]> {
        self.values.chunks_exact_mut(self.width).take(ROWS).map(move |row| &mut row[..columns])
    }

    /// Writes it into a strip from `inner` on: columns become the inner axis.
    #[inline(always)]
    pub(super) fn interleave(&self, columns: usize, strip: &mut [f32], inner: usize) {
        let mut rows = self.values.chunks_exact(self.width).map(|row| &row[..columns]);
        let rows: [&[f32]; ROWS] = std::array::from_fn(|_| rows.next().unwrap_or(&[]));
        interleave(strip, inner, &rows);
    }
}

/// Rows in strips times a matrix in panels: what to do with each tile, given its first row, its panel and itself.
///
/// Not a function with a closure: a closure that is not inlined has no vectors.
macro_rules! for_tiles {
    ($simd:expr, $strips:expr, $panels:expr, |$row:ident, $panel:ident, $tile:ident| $body:expr) => {
        let mut tile = $crate::fused::kernel::Tile::new();
        for $panel in $panels.iter() {
            for (index, strip) in $strips.chunks_exact($panels.inner() * $crate::fused::kernel::ROWS).enumerate() {
                tile.multiply($simd, strip, $panel);
                let ($row, $tile) = (index * $crate::fused::kernel::ROWS, &mut tile);
                $body
            }
        }
    };
}

pub(super) use for_tiles;
