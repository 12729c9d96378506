//! How numbers are stored, and their decoding to f32.
//!
//! # Reference
//! The tensor types of ggml and their block layouts, one file for each family: [`legacy`] has blocks of 32 elements,
//! [`k_quants`] super-blocks of 256. `gguf` 0.19 decodes to the same bits (`tests/quantised.rs`).

mod k_quants;
mod legacy;

use half::{bf16, f16};

use super::threads::fill_pieces;

/// A storage type. Everything is little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 64-bit float, rounded to the nearest f32.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// 16-bit brain float.
    Bf16,
    /// Signed 64-bit integer, rounded to the nearest f32: a counter, not a weight.
    I64,
    /// Signed 32-bit integer, rounded to the nearest f32.
    I32,
    /// Signed 16-bit integer.
    I16,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 8-bit integer.
    U8,
    /// A byte that is zero (0.0) or not (1.0).
    Bool,
    /// 4 bits an element, a scale for each block of 32.
    Q4_0,
    /// 4 bits an element, scale and minimum for each block of 32.
    Q4_1,
    /// 5 bits an element, a scale for each block of 32.
    Q5_0,
    /// 5 bits an element, scale and minimum for each block of 32.
    Q5_1,
    /// 8 bits an element, a scale for each block of 32.
    Q8_0,
    /// 4 bits an element, 8 scales and minima of 6 bits for each super-block of 256.
    Q4K,
    /// 5 bits an element, 8 scales and minima of 6 bits for each super-block of 256.
    Q5K,
    /// 6 bits an element, 16 scales of 8 bits for each super-block of 256.
    Q6K,
}

impl Encoding {
    /// Elements and bytes of the smallest unit.
    pub(super) const fn unit(self) -> (usize, usize) {
        match self {
            Self::F64 | Self::I64 => (1, 8),
            Self::F32 | Self::I32 => (1, 4),
            Self::F16 | Self::Bf16 | Self::I16 => (1, 2),
            Self::I8 | Self::U8 | Self::Bool => (1, 1),
            Self::Q4_0 => (legacy::BLOCK, legacy::Q4_0),
            Self::Q4_1 => (legacy::BLOCK, legacy::Q4_1),
            Self::Q5_0 => (legacy::BLOCK, legacy::Q5_0),
            Self::Q5_1 => (legacy::BLOCK, legacy::Q5_1),
            Self::Q8_0 => (legacy::BLOCK, legacy::Q8_0),
            Self::Q4K => (k_quants::BLOCK, k_quants::Q4_K),
            Self::Q5K => (k_quants::BLOCK, k_quants::Q5_K),
            Self::Q6K => (k_quants::BLOCK, k_quants::Q6_K),
        }
    }

    /// Bytes of `n` elements, or `None` when they do not fill whole blocks or the number overflows.
    pub fn byte_len(self, n: usize) -> Option<usize> {
        let (elements, bytes) = self.unit();
        if n.is_multiple_of(elements) { (n / elements).checked_mul(bytes) } else { None }
    }

    /// Decodes whole units; what is left behind the last whole one is ignored.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let (elements, unit) = self.unit();
        let mut out = vec![0.0; bytes.len() / unit * elements];
        match self {
            Self::F64 => scalars(bytes, &mut out, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::F32 => scalars(bytes, &mut out, f32::from_le_bytes),
            Self::F16 => scalars(bytes, &mut out, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Bf16 => scalars(bytes, &mut out, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Self::I64 => scalars(bytes, &mut out, |bytes| i64::from_le_bytes(bytes) as f32),
            Self::I32 => scalars(bytes, &mut out, |bytes| i32::from_le_bytes(bytes) as f32),
            Self::I16 => scalars(bytes, &mut out, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Self::I8 => scalars(bytes, &mut out, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Self::U8 => scalars(bytes, &mut out, |[byte]| f32::from(byte)),
            Self::Bool => scalars(bytes, &mut out, |[byte]| f32::from(u8::from(byte != 0))),
            Self::Q4_0 => blocks(bytes, &mut out, legacy::q4_0),
            Self::Q4_1 => blocks(bytes, &mut out, legacy::q4_1),
            Self::Q5_0 => blocks(bytes, &mut out, legacy::q5_0),
            Self::Q5_1 => blocks(bytes, &mut out, legacy::q5_1),
            Self::Q8_0 => blocks(bytes, &mut out, legacy::q8_0),
            Self::Q4K => blocks(bytes, &mut out, k_quants::q4_k),
            Self::Q5K => blocks(bytes, &mut out, k_quants::q5_k),
            Self::Q6K => blocks(bytes, &mut out, k_quants::q6_k),
        }
        out
    }
}

/// Numbers that a thread decodes at a time.
const PIECE: usize = 1 << 16;

fn scalars<const BYTES: usize>(bytes: &[u8], out: &mut [f32], decode: impl Fn([u8; BYTES]) -> f32 + Sync) {
    let (scalars, _) = bytes.as_chunks();
    fill_pieces(out, PIECE, |i, piece| {
        for (&bytes, out) in scalars[i * PIECE..].iter().zip(piece) {
            *out = decode(bytes);
        }
    });
}

fn blocks<const BYTES: usize, const N: usize>(bytes: &[u8], out: &mut [f32], decode: impl Fn(&[u8; BYTES], &mut [f32; N]) + Sync) {
    let (blocks, _) = bytes.as_chunks();
    fill_pieces(out, PIECE, |i, piece| {
        for (block, out) in blocks[i * (PIECE / N)..].iter().zip(piece.as_chunks_mut().0) {
            decode(block, out);
        }
    });
}

/// The 16-bit float at this byte of a block.
fn half_at<const BYTES: usize>(block: &[u8; BYTES], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q4_1_nibbles_are_in_order() {
        let mut block = vec![];
        block.extend(f16::from_f32(0.5).to_le_bytes());
        block.extend(f16::from_f32(-1.0).to_le_bytes());
        block.extend((0u8..16).map(|i| (15 - i) << 4 | i));
        let values = Encoding::Q4_1.decode(&block);
        let expected: Vec<f32> = (0u8..16).chain((0u8..16).rev()).map(|q| 0.5 * f32::from(q) - 1.0).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn q8_0_is_signed() {
        let mut block = f16::from_f32(0.25).to_le_bytes().to_vec();
        block.extend((0..32u8).map(|i| i.wrapping_sub(16)));
        let values = Encoding::Q8_0.decode(&block);
        let expected: Vec<f32> = (-16i8..16).map(|q| 0.25 * f32::from(q)).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn integers_and_truth_values_are_numbers() {
        assert_eq!(Encoding::I64.decode(&(-3i64).to_le_bytes()), [-3.0]);
        assert_eq!(Encoding::I32.decode(&(1i32 << 30).to_le_bytes()), [1_073_741_824.0]);
        assert_eq!(Encoding::I16.decode(&(-300i16).to_le_bytes()), [-300.0]);
        assert_eq!(Encoding::I8.decode(&[0xff]), [-1.0]);
        assert_eq!(Encoding::U8.decode(&[0xff]), [255.0]);
        assert_eq!(Encoding::Bool.decode(&[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(Encoding::F64.decode(&0.1f64.to_le_bytes()), [0.1]);
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(Encoding::Q4_1.byte_len(64), Some(40));
        assert_eq!(Encoding::Q4_1.byte_len(33), None);
        assert_eq!(Encoding::Q6K.byte_len(512), Some(420));
        assert_eq!(Encoding::Q6K.byte_len(32), None);
        assert_eq!(Encoding::Q8_0.byte_len(usize::MAX), None);
        assert_eq!(Encoding::F32.byte_len(usize::MAX), None);
    }
}
