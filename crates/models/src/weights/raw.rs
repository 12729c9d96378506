//! One tensor in a file, not yet decoded.

use std::borrow::Cow;

use super::Encoding;

/// In which order the elements lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// The last axis is the fastest.
    RowMajor,
    /// Rows are paired neighbour by neighbour within this many heads (GGUF's rotary layout), and have to be unpaired.
    PairedHeads(usize),
    /// Elements from one to the next along each axis. Whoever makes it has checked that the last element is in the bytes.
    Strided(Vec<usize>),
}

/// One tensor in a file. Bytes are borrowed from it wherever they lie in one piece.
#[derive(Debug, Clone)]
pub(crate) struct RawTensor<'a> {
    encoding: Encoding,
    pub(super) shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
    order: Order,
}

impl<'a> RawTensor<'a> {
    /// Row-major elements that fill `shape`.
    pub(super) fn new(encoding: Encoding, shape: Vec<usize>, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { encoding, shape, bytes: bytes.into(), order: Order::RowMajor }
    }

    pub(super) fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Its bytes, where they are the file's own.
    pub(super) fn borrowed(&self) -> Option<&'a [u8]> {
        match self.bytes {
            Cow::Borrowed(bytes) => Some(bytes),
            Cow::Owned(_) => None,
        }
    }

    /// A matrix with rows and columns exchanged; nothing where it is none.
    pub(super) fn transposed(self) -> Option<Self> {
        let [rows, columns] = self.shape[..] else { return None };
        let strides = match &self.order {
            Order::RowMajor if self.encoding.unit().0 == 1 => vec![1, columns],
            Order::Strided(strides) => vec![strides[1], strides[0]],
            Order::RowMajor | Order::PairedHeads(_) => return self.decoded().transposed(),
        };
        Some(Self { shape: vec![columns, rows], order: Order::Strided(strides), ..self })
    }

    /// Equal parts along the first axis; nothing where it does not divide.
    pub(super) fn cut(self, parts: usize) -> Option<Vec<Self>> {
        let rows = *self.shape.first()?;
        if parts == 0 || !rows.is_multiple_of(parts) {
            return None;
        }
        let mut shape = self.shape.clone();
        shape[0] = rows / parts;
        let length = self.encoding.byte_len(shape.iter().product()).filter(|_| self.order == Order::RowMajor);
        // Blocks of a quantised tensor may reach over a cut, and others do not lie in one piece: such are decoded first.
        let Some(length) = length else {
            return self.decoded().cut(parts);
        };
        let part = |i: usize| match &self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[i * length..(i + 1) * length]),
            Cow::Owned(bytes) => Cow::Owned(bytes[i * length..(i + 1) * length].to_vec()),
        };
        Some((0..parts).map(|i| Self::new(self.encoding, shape.clone(), part(i))).collect())
    }

    /// The same values, row-major.
    fn decoded(&self) -> Self {
        let bytes: Vec<u8> = self.decode().into_iter().flat_map(f32::to_le_bytes).collect();
        Self::new(Encoding::F32, self.shape.clone(), bytes)
    }

    pub(super) fn decode(&self) -> Vec<f32> {
        match &self.order {
            Order::RowMajor => self.encoding.decode(&self.bytes),
            Order::PairedHeads(n_heads) => unpair_rows(&self.encoding.decode(&self.bytes), &self.shape, *n_heads),
            Order::Strided(strides) => {
                let (_, width) = self.encoding.unit();
                self.encoding.decode(&gather(&self.bytes, width, &self.shape, strides))
            }
        }
    }
}

/// GGUF stores rows `(head, pair, side)`; the half-split form wants `(head, side, pair)`.
fn unpair_rows(values: &[f32], shape: &[usize], n_heads: usize) -> Vec<f32> {
    let rows = shape[0];
    let width: usize = shape[1..].iter().product();
    let half = rows / n_heads / 2;
    let mut out = Vec::with_capacity(values.len());
    for head in 0..n_heads {
        for side in 0..2 {
            for pair in 0..half {
                let row = head * 2 * half + 2 * pair + side;
                out.extend_from_slice(&values[row * width..(row + 1) * width]);
            }
        }
    }
    out
}

/// Elements of `width` bytes in row-major order.
fn gather(bytes: &[u8], width: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let n: usize = shape.iter().product();
    let mut out = Vec::with_capacity(n * width);
    let mut index = vec![0; shape.len()];
    let mut element = 0;
    for _ in 0..n {
        out.extend_from_slice(&bytes[element * width..(element + 1) * width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            element += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            element -= shape[axis] * strides[axis];
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unpaired_within_heads() {
        let values: Vec<f32> = (0u8..8).map(f32::from).collect();
        assert_eq!(unpair_rows(&values, &[8, 1], 2), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn cutting_and_turning_keep_every_value() {
        let strided = || RawTensor::new(Encoding::U8, vec![4, 2], (0..8).collect::<Vec<u8>>()).in_order(Order::Strided(vec![1, 4]));
        let whole = strided().decoded();
        assert_eq!(whole.clone().transposed().unwrap().decode(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(strided().transposed().unwrap().decode(), whole.clone().transposed().unwrap().decode());
        for tensor in [whole, strided()] {
            let parts = tensor.cut(2).unwrap();
            assert_eq!((parts[1].decode(), &parts[1].shape), (vec![2.0, 6.0, 3.0, 7.0], &vec![2, 2]));
        }
    }

    #[test]
    fn strides_are_followed() {
        let bytes: Vec<u8> = (0..12).collect();
        let tensor = RawTensor::new(Encoding::U8, vec![3, 2, 2], bytes).in_order(Order::Strided(vec![1, 3, 6]));
        assert_eq!(tensor.decode(), [0.0, 6.0, 3.0, 9.0, 1.0, 7.0, 4.0, 10.0, 2.0, 8.0, 5.0, 11.0]);
    }
}
