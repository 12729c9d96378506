//! How numbers are stored, and their decoding to f32.
//!
//! # Reference
//! Block layouts of the GGUF format: `Q4_1` is f16 scale `d`, f16 minimum `m` and 16 bytes whose low nibbles are
//! elements 0–15 and high nibbles 16–31, `w = d · q + m`; `Q8_0` is f16 scale `d` and 32 signed bytes, `w = d · q`.

use half::{bf16, f16};

/// Elements in a quantised block.
const BLOCK: usize = 32;

/// A storage type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// 16-bit brain float.
    Bf16,
    /// 4 bits an element with scale and minimum a block of 32.
    Q4_1,
    /// 8 bits an element with scale a block of 32.
    Q8_0,
}

impl Encoding {
    /// Elements and bytes of the smallest unit.
    const fn unit(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_1 => (BLOCK, 4 + BLOCK / 2),
            Self::Q8_0 => (BLOCK, 2 + BLOCK),
        }
    }

    /// Bytes of `n` elements, or `None` when they do not fill whole blocks or the number overflows.
    pub fn byte_len(self, n: usize) -> Option<usize> {
        let (elements, bytes) = self.unit();
        if n.is_multiple_of(elements) { (n / elements).checked_mul(bytes) } else { None }
    }

    /// Decodes whole units.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => chunks(bytes).map(f32::from_le_bytes).collect(),
            Self::F16 => chunks(bytes).map(|pair| f16::from_le_bytes(pair).to_f32()).collect(),
            Self::Bf16 => chunks(bytes).map(|pair| bf16::from_le_bytes(pair).to_f32()).collect(),
            Self::Q4_1 => {
                let mut out = Vec::with_capacity(bytes.len() / self.unit().1 * BLOCK);
                for block in bytes.chunks_exact(self.unit().1) {
                    let d = f16::from_le_bytes([block[0], block[1]]).to_f32();
                    let m = f16::from_le_bytes([block[2], block[3]]).to_f32();
                    out.extend(block[4..].iter().map(|byte| d * f32::from(byte & 0x0f) + m));
                    out.extend(block[4..].iter().map(|byte| d * f32::from(byte >> 4) + m));
                }
                out
            }
            Self::Q8_0 => {
                let mut out = Vec::with_capacity(bytes.len() / self.unit().1 * BLOCK);
                for block in bytes.chunks_exact(self.unit().1) {
                    let d = f16::from_le_bytes([block[0], block[1]]).to_f32();
                    out.extend(block[2..].iter().map(|&byte| d * f32::from(byte.cast_signed())));
                }
                out
            }
        }
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
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
    fn lengths_are_checked() {
        assert_eq!(Encoding::Q4_1.byte_len(64), Some(40));
        assert_eq!(Encoding::Q4_1.byte_len(33), None);
        assert_eq!(Encoding::Q8_0.byte_len(usize::MAX), None);
        assert_eq!(Encoding::F32.byte_len(usize::MAX), None);
    }
}
