//! Blocks of 32 elements with a scale `d`, and in the `_1` types a minimum `m`, as 16-bit floats.
//!
//! ```text
//! Q4_0  d, 16 bytes of nibbles                w = d · (q − 8)
//! Q4_1  d, m, 16 bytes of nibbles             w = d · q + m
//! Q5_0  d, 32 high bits, 16 bytes of nibbles  w = d · (q − 16)
//! Q5_1  d, m, 32 high bits, 16 bytes          w = d · q + m
//! Q8_0  d, 32 signed bytes                    w = d · q
//! ```
//!
//! Low nibbles are elements 0–15, high nibbles 16–31; the high bits are a little-endian word, bit i of element i.
//!
//! # Reference
//! Block layouts of ggml (`block_q4_0` to `block_q8_0`).

use super::half_at;

/// Elements in a block.
pub(super) const BLOCK: usize = 32;

const NIBBLES: usize = BLOCK / 2;

/// Bytes of a block.
pub(super) const Q4_0: usize = 2 + NIBBLES;
/// Bytes of a block.
pub(super) const Q4_1: usize = 4 + NIBBLES;
/// Bytes of a block.
pub(super) const Q5_0: usize = 6 + NIBBLES;
/// Bytes of a block.
pub(super) const Q5_1: usize = 8 + NIBBLES;
/// Bytes of a block.
pub(super) const Q8_0: usize = 2 + BLOCK;

pub(super) fn q4_0(block: &[u8; Q4_0], out: &mut [f32; BLOCK]) {
    let d = half_at(block, 0);
    for (i, byte) in block[2..].iter().enumerate() {
        out[i] = d * f32::from((byte & 0x0f).cast_signed() - 8);
        out[i + NIBBLES] = d * f32::from((byte >> 4).cast_signed() - 8);
    }
}

pub(super) fn q4_1(block: &[u8; Q4_1], out: &mut [f32; BLOCK]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (i, byte) in block[4..].iter().enumerate() {
        out[i] = d * f32::from(byte & 0x0f) + m;
        out[i + NIBBLES] = d * f32::from(byte >> 4) + m;
    }
}

pub(super) fn q5_0(block: &[u8; Q5_0], out: &mut [f32; BLOCK]) {
    let d = half_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (i, &byte) in block[6..].iter().enumerate() {
        let (low, upper) = five_bits(byte, high, i);
        out[i] = d * f32::from(low.cast_signed() - 16);
        out[i + NIBBLES] = d * f32::from(upper.cast_signed() - 16);
    }
}

pub(super) fn q5_1(block: &[u8; Q5_1], out: &mut [f32; BLOCK]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (i, &byte) in block[8..].iter().enumerate() {
        let (low, upper) = five_bits(byte, high, i);
        out[i] = d * f32::from(low) + m;
        out[i + NIBBLES] = d * f32::from(upper) + m;
    }
}

pub(super) fn q8_0(block: &[u8; Q8_0], out: &mut [f32; BLOCK]) {
    let d = half_at(block, 0);
    for (out, byte) in out.iter_mut().zip(&block[2..]) {
        *out = d * f32::from(byte.cast_signed());
    }
}

/// Elements `i` and `i + 16`.
fn five_bits(byte: u8, high: u32, i: usize) -> (u8, u8) {
    let bit = |element: usize| u8::from((high >> element) & 1 == 1) << 4;
    ((byte & 0x0f) | bit(i), (byte >> 4) | bit(i + NIBBLES))
}
