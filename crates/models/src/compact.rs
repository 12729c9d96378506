//! Matrices in fewer bits than they are computed with.
//!
//! The weights of a frozen network are read and never written, so that they can lie in memory in fewer bits. Products with them
//! are still sums of f32: a number is decoded where it is used.
//!
//! ```text
//! bf16   w, rounded to the nearest, ties to even                             2 bytes
//! int8   w ≈ s q, q from −127 to 127; s = max |w| / 127 over a group         1 byte and 4 / 64
//! ```
//!
//! A group is 64 rows of one column of `[input, output]`: inputs that are summed up into one output.
//!
//! # Reference
//! Largest-magnitude scales for each output: Dettmers et al., arXiv 2208.07339, §2; for each group of inputs: ggml's `Q8_0`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor};
use burn::tensor::{Device, Tensor, TensorData};
use half::bf16;

/// Rows that share a scale.
const GROUP: usize = 64;

/// How the matrices of a frozen network lie in memory. Norms, biases, positions and convolutions are few, and stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// As the device computes.
    #[default]
    Floats,
    /// In bf16; for the CPU.
    Bf16,
    /// In 8 bits with a scale for each group, tables of embeddings in bf16; for the CPU.
    Int8,
}

/// Which way a matrix is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// As it stands.
    Straight,
    /// Columns for rows.
    Transposed,
}

/// A matrix in fewer bits, `[rows, columns]`.
#[derive(Debug, Clone)]
pub struct Compact {
    rows: usize,
    columns: usize,
    numbers: Numbers,
}

#[derive(Debug, Clone)]
enum Numbers {
    Bf16(Arc<[bf16]>),
    /// `values`: `[rows, columns]`; `scales`: `[groups, columns]`.
    Int8 {
        values: Arc<[i8]>,
        scales: Arc<[f32]>,
    },
}

impl Compact {
    /// What it is called where modules are gone through.
    pub(crate) const CONTAINER: &str = "Struct:Compact";

    /// In bf16.
    pub fn bf16(values: &[f32], [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix has as many numbers as its shape says");
        Self { rows, columns, numbers: Numbers::Bf16(values.iter().map(|&value| bf16::from_f32(value)).collect()) }
    }

    /// In 8 bits, scaled in groups of 64 rows of a column.
    pub fn int8(values: &[f32], [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix has as many numbers as its shape says");
        let (mut short, mut scales) = (Vec::with_capacity(values.len()), Vec::with_capacity(rows.div_ceil(GROUP) * columns));
        for group in values.chunks(GROUP * columns) {
            let mut largest = vec![0.0_f32; columns];
            for row in group.chunks_exact(columns) {
                for (largest, value) in largest.iter_mut().zip(row) {
                    *largest = largest.max(value.abs());
                }
            }
            // Where all are zero, zero is what they become.
            let inverse: Vec<f32> = largest.iter().map(|&largest| if largest > 0.0 { 127.0 / largest } else { 0.0 }).collect();
            for row in group.chunks_exact(columns) {
                short.extend(row.iter().zip(&inverse).map(|(value, inverse)| (value * inverse).round_ties_even() as i8));
            }
            scales.extend(largest.iter().map(|largest| largest / 127.0));
        }
        Self { rows, columns, numbers: Numbers::Int8 { values: short.into(), scales: scales.into() } }
    }

    /// `[rows, columns]`
    pub const fn dims(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Bytes that its numbers take.
    pub fn n_bytes(&self) -> usize {
        match &self.numbers {
            Numbers::Bf16(values) => 2 * values.len(),
            Numbers::Int8 { values, scales } => values.len() + 4 * scales.len(),
        }
    }

    /// `x W`: `[.., rows]` to `[.., columns]`, differentiable in `x`.
    pub(crate) fn product<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        shape[D - 1] = self.columns;
        let n = x.shape().num_elements() / self.rows;
        self.turned_product(x.reshape([n, self.rows]), Turn::Straight).reshape(shape)
    }

    /// `x Wᵀ`: `[n, columns]` to `[n, rows]`, differentiable in `x`.
    pub(crate) fn product_transposed(&self, x: Tensor<2>) -> Tensor<2> {
        self.turned_product(x, Turn::Transposed)
    }

    fn turned_product(&self, x: Tensor<2>, turn: Turn) -> Tensor<2> {
        #[cfg(feature = "flex")]
        if let Some(product) = crate::fused::product(x.clone(), self, turn) {
            return product;
        }
        let whole = Tensor::from_data(TensorData::new(self.values(), self.dims()), &x.device());
        match turn {
            Turn::Straight => x.matmul(whole),
            Turn::Transposed => x.matmul(whole.transpose()),
        }
    }

    /// Writes these columns of a row.
    #[allow(clippy::inline_always, reason = "what is not inlined into the function that the machine's vectors were chosen for has none")]
    #[inline(always)]
    pub(crate) fn decode(&self, row: usize, columns: Range<usize>, into: &mut [f32]) {
        let at = row * self.columns + columns.start..row * self.columns + columns.end;
        match &self.numbers {
            Numbers::Bf16(values) => {
                for (out, value) in into.iter_mut().zip(&values[at]) {
                    *out = f32::from_bits(u32::from(value.to_bits()) << 16);
                }
            }
            Numbers::Int8 { values, scales } => {
                let scales = &scales[row / GROUP * self.columns..][columns];
                for ((out, &value), scale) in into.iter_mut().zip(&values[at]).zip(scales) {
                    *out = f32::from(value) * scale;
                }
            }
        }
    }

    /// All numbers, row by row.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        for (row, out) in values.chunks_exact_mut(self.columns.max(1)).enumerate() {
            self.decode(row, 0..self.columns, out);
        }
        values
    }
}

impl fmt::Display for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} in {} bytes", self.rows, self.columns, self.n_bytes())
    }
}

/// Nothing of it can be trained or moved to another device; a visitor is told that it is there.
impl Module for Compact {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module("compact", Self::CONTAINER);
        visitor.exit_module("compact", Self::CONTAINER);
    }

    fn map<M: ModuleMapper>(self, _: &mut M) -> Self {
        self
    }

    fn to_device(self, _: &Device) -> Self {
        self
    }

    fn fork(self, _: &Device) -> Self {
        self
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }
}

impl ModuleDisplayDefault for Compact {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.to_string()).optional()
    }
}

impl ModuleDisplay for Compact {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, of many sizes.
    fn numbers(n: u32) -> Vec<f32> {
        let hash = |i: u32| i.wrapping_mul(2_654_435_769) >> 8;
        (0..n).map(|i| (hash(i) as f32 / 8_388_608.0 - 1.0) * f32::from(i as u8 % 11)).collect()
    }

    #[test]
    fn what_bf16_holds_comes_back_as_it_was() {
        let exact: Vec<f32> = numbers(130 * 7).into_iter().map(|value| bf16::from_f32(value).to_f32()).collect();
        assert_eq!(Compact::bf16(&exact, [130, 7]).values(), exact);
    }

    #[test]
    fn bf16_is_off_by_a_256th_of_a_number_at_most() {
        let values = numbers(130 * 7);
        let found = Compact::bf16(&values, [130, 7]).values();
        assert!(values.iter().zip(&found).all(|(value, found)| (value - found).abs() <= value.abs() / 256.0));
    }

    #[test]
    fn eight_bits_are_off_by_half_a_step_of_their_group_at_most() {
        let (rows, columns) = (130, 7);
        let mut values = numbers((rows * columns) as u32);
        // A group of zeros stays one.
        values.chunks_exact_mut(columns).take(GROUP).for_each(|row| row[3] = 0.0);
        let found = Compact::int8(&values, [rows, columns]).values();
        for column in 0..columns {
            for group in 0..rows.div_ceil(GROUP) {
                let seats = (group * GROUP..rows.min((group + 1) * GROUP)).map(|row| row * columns + column);
                let largest = seats.clone().fold(0.0_f32, |largest, at| largest.max(values[at].abs()));
                for at in seats {
                    assert!((values[at] - found[at]).abs() <= largest / 127.0 * 0.5001, "{} became {}", values[at], found[at]);
                }
            }
        }
    }

    #[test]
    fn whole_multiples_of_the_step_come_back_as_they_were() {
        let values: Vec<f32> = (0..128).map(|i: i16| f32::from(i - 127 + 127 * (i % 2)) / 64.0).collect();
        let values: Vec<f32> = values.into_iter().map(|value| value.clamp(-127.0 / 64.0, 127.0 / 64.0)).collect();
        assert_eq!(Compact::int8(&values, [128, 1]).values(), values);
    }

    #[test]
    fn memory_is_a_half_and_a_little_more_than_a_quarter() {
        let values = numbers(640 * 48);
        assert_eq!(Compact::bf16(&values, [640, 48]).n_bytes(), 2 * values.len());
        assert_eq!(Compact::int8(&values, [640, 48]).n_bytes(), values.len() + values.len() / 16);
    }

    #[test]
    fn parts_of_rows_are_decoded_alone() {
        let values = numbers(130 * 7);
        for compact in [Compact::bf16(&values, [130, 7]), Compact::int8(&values, [130, 7])] {
            let mut part = [0.0; 3];
            compact.decode(70, 2..5, &mut part);
            assert_eq!(part.to_vec(), compact.values()[70 * 7 + 2..70 * 7 + 5].to_vec());
        }
    }
}
