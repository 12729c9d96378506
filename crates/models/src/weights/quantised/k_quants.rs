//! Super-blocks of 256 elements, whose parts have small integer scales of their own under one 16-bit scale `d`.
//!
//! ```text
//! Q4_K  d, d_min, 12 bytes of scales, 128 bytes of nibbles              w = (d · s) · q − (d_min · m)
//! Q5_K  d, d_min, 12 bytes of scales, 32 of high bits, 128 of nibbles   w = (d · s) · q − (d_min · m)
//! Q6_K  128 bytes of nibbles, 64 of high bits, 16 signed scales, d      w = (d · s) · (q − 32)
//! ```
//!
//! In `Q4_K` and `Q5_K` 32 bytes of nibbles are 64 elements, the low nibbles first, and each 32 elements have a scale `s`
//! and a minimum `m` of 6 bits; bit i of a high byte belongs to the i-th 32 elements. In `Q6_K` 64 bytes of nibbles are
//! 128 elements, all low nibbles first, two bits of a high byte belong to each of their four 32s, and each 16 elements
//! have a scale.
//!
//! # Reference
//! Block layouts of ggml (`block_q4_K` to `block_q6_K`).

use super::half_at;

/// Elements in a super-block.
pub(super) const BLOCK: usize = 256;

const SCALES: usize = 12;

/// Bytes of a super-block.
pub(super) const Q4_K: usize = 4 + SCALES + BLOCK / 2;
/// Bytes of a super-block.
pub(super) const Q5_K: usize = 4 + SCALES + BLOCK / 8 + BLOCK / 2;
/// Bytes of a super-block.
pub(super) const Q6_K: usize = BLOCK / 2 + BLOCK / 4 + BLOCK / 16 + 2;

pub(super) fn q4_k(block: &[u8; Q4_K], out: &mut [f32; BLOCK]) {
    let parts = scales_and_minima(block);
    let (outs, nibbles) = (out.as_chunks_mut::<64>().0, block[4 + SCALES..].as_chunks::<32>().0);
    for ((out, nibbles), parts) in outs.iter_mut().zip(nibbles).zip(parts.as_chunks::<2>().0) {
        let [(low_scale, low_minimum), (high_scale, high_minimum)] = *parts;
        for (i, byte) in nibbles.iter().enumerate() {
            out[i] = low_scale * f32::from(byte & 0x0f) - low_minimum;
            out[i + 32] = high_scale * f32::from(byte >> 4) - high_minimum;
        }
    }
}

pub(super) fn q5_k(block: &[u8; Q5_K], out: &mut [f32; BLOCK]) {
    let parts = scales_and_minima(block);
    let (high_bits, nibbles) = block[4 + SCALES..].split_at(BLOCK / 8);
    let (outs, nibbles) = (out.as_chunks_mut::<64>().0, nibbles.as_chunks::<32>().0);
    for (j, ((out, nibbles), parts)) in outs.iter_mut().zip(nibbles).zip(parts.as_chunks::<2>().0).enumerate() {
        let [(low_scale, low_minimum), (high_scale, high_minimum)] = *parts;
        for (i, (byte, bits)) in nibbles.iter().zip(high_bits).enumerate() {
            let bits = bits >> (2 * j);
            out[i] = low_scale * f32::from((byte & 0x0f) | (bits & 1) << 4) - low_minimum;
            out[i + 32] = high_scale * f32::from((byte >> 4) | (bits & 2) << 3) - high_minimum;
        }
    }
}

pub(super) fn q6_k(block: &[u8; Q6_K], out: &mut [f32; BLOCK]) {
    let (nibbles, rest) = block.split_at(BLOCK / 2);
    let (high_bits, rest) = rest.split_at(BLOCK / 4);
    let d = half_at(block, Q6_K - 2);
    let mut scales = [0.0; BLOCK / 16];
    for (scale, byte) in scales.iter_mut().zip(rest) {
        *scale = d * f32::from(byte.cast_signed());
    }
    let (outs, nibbles) = (out.as_chunks_mut::<128>().0, nibbles.as_chunks::<64>().0);
    let (high_bits, scales) = (high_bits.as_chunks::<32>().0, scales.as_chunks::<8>().0);
    for (((out, nibbles), high_bits), scales) in outs.iter_mut().zip(nibbles).zip(high_bits).zip(scales) {
        for (i, bits) in high_bits.iter().enumerate() {
            let six_bits = |nibble: u8, two: u8| f32::from((nibble | (two & 3) << 4).cast_signed() - 32);
            let scale = |quarter: usize| scales[2 * quarter + i / 16];
            out[i] = scale(0) * six_bits(nibbles[i] & 0x0f, *bits);
            out[i + 32] = scale(1) * six_bits(nibbles[i + 32] & 0x0f, bits >> 2);
            out[i + 64] = scale(2) * six_bits(nibbles[i] >> 4, bits >> 4);
            out[i + 96] = scale(3) * six_bits(nibbles[i + 32] >> 4, bits >> 6);
        }
    }
}

/// Scale and minimum of each 32 elements. Those of the first four lie in the low 6 bits of bytes 0–3 and 4–7; those of the
/// last four have their low 4 bits in bytes 8–11 and their high 2 bits on top of the first four.
fn scales_and_minima<const BYTES: usize>(block: &[u8; BYTES]) -> [(f32, f32); 8] {
    let (d, d_min) = (half_at(block, 0), half_at(block, 2));
    let packed = &block[4..4 + SCALES];
    let mut out = [(0.0, 0.0); 8];
    for j in 0..4 {
        let (scale, minimum, rest) = (packed[j], packed[j + 4], packed[j + 8]);
        out[j] = (d * f32::from(scale & 0x3f), d_min * f32::from(minimum & 0x3f));
        let (scale, minimum) = ((rest & 0x0f) | (scale >> 6) << 4, (rest >> 4) | (minimum >> 6) << 4);
        out[j + 4] = (d * f32::from(scale), d_min * f32::from(minimum));
    }
    out
}
