//! Matrices that do not change, into panels: as floats, or in fewer bits, which are decoded on the way.

use std::ops::Range;

use super::kernel::Matrix;
use crate::compact::{Compact, Turn};

/// Rows of the source that are turned at a time, so that lines are read and written whole.
const LINES: usize = 16;
/// Numbers of each that are decoded at a time.
const PIECE: usize = 64;

/// A matrix, as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Constant<'a> {
    Floats(Matrix<'a>),
    Compact(&'a Compact),
}

impl Constant<'_> {
    /// Rows and columns, read that way.
    pub(super) const fn turned(&self, turn: Turn) -> (usize, usize) {
        match (self, turn) {
            (Self::Floats(matrix), _) => matrix.turned(turn),
            (Self::Compact(compact), Turn::Straight) => (compact.dims()[0], compact.dims()[1]),
            (Self::Compact(compact), Turn::Transposed) => (compact.dims()[1], compact.dims()[0]),
        }
    }

    /// Writes columns of the turned matrix into rows of `width`.
    pub(super) fn write(&self, turn: Turn, column: usize, columns: usize, into: &mut [f32], width: usize) {
        match self {
            Self::Floats(matrix) => matrix.write(turn, column, columns, into, width),
            Self::Compact(compact) => write(compact, turn, 0..self.turned(turn).0, column..column + columns, into, width),
        }
    }
}

/// Writes a piece of the turned matrix, `[inner, columns]`, into rows of `width`.
#[inline(always)]
pub(super) fn write(compact: &Compact, turn: Turn, inner: Range<usize>, columns: Range<usize>, into: &mut [f32], width: usize) {
    match turn {
        Turn::Straight => {
            for (row, cells) in inner.zip(into.chunks_mut(width)) {
                compact.decode(row, columns.clone(), &mut cells[..columns.len()]);
            }
        }
        Turn::Transposed => {
            let mut pieces = [[0.0; PIECE]; LINES];
            for first in columns.clone().step_by(LINES) {
                let n = LINES.min(columns.end - first);
                for from in inner.clone().step_by(PIECE) {
                    let to = inner.end.min(from + PIECE);
                    for (row, piece) in pieces.iter_mut().take(n).enumerate() {
                        compact.decode(first + row, from..to, piece);
                    }
                    let cells = into[(from - inner.start) * width + first - columns.start..].chunks_mut(width);
                    for (i, cells) in cells.take(to - from).enumerate() {
                        for (cell, piece) in cells.iter_mut().zip(&pieces[..n]) {
                            *cell = piece[i];
                        }
                    }
                }
            }
        }
    }
}
