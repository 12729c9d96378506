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

    /// Rows `start..start + n` of the first axis, or why they cannot be cut out.
    pub(super) fn rows(&self, start: usize, n: usize) -> Result<Self, String> {
        let [n_rows, rest @ ..] = self.shape.as_slice() else { return Err("it is a single number".to_owned()) };
        if start + n > *n_rows {
            return Err(format!("it has {n_rows} rows, so there is no row {}", start + n - 1));
        }
        let row = match &self.order {
            Order::RowMajor => rest.iter().product(),
            Order::Strided(strides) => strides[0],
            Order::PairedHeads(_) => return Err("its rows are paired".to_owned()),
        };
        let whole = || "a row is no whole number of its blocks".to_owned();
        let from = self.encoding.byte_len(start * row).ok_or_else(whole)?;
        // Strided rows are entwined, so the bytes of the rows behind stay in.
        let to = match &self.order {
            Order::RowMajor => from + self.encoding.byte_len(n * row).ok_or_else(whole)?,
            Order::Strided(_) | Order::PairedHeads(_) => self.bytes.len(),
        };
        let bytes = match &self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..to]),
            Cow::Owned(bytes) => Cow::Owned(bytes[from..to].to_vec()),
        };
        let shape = [n].iter().chain(rest).copied().collect();
        Ok(Self { encoding: self.encoding, shape, bytes, order: self.order.clone() })
    }

    /// The matrix with its axes exchanged, or why it cannot be.
    pub(super) fn transposed(self) -> Result<Self, String> {
        let &[rows, columns] = self.shape.as_slice() else { return Err(format!("its shape is {:?}, so it is no matrix", self.shape)) };
        let strides = match &self.order {
            Order::RowMajor if self.encoding.unit().0 == 1 => vec![1, columns],
            Order::RowMajor => return Err(format!("its elements are stored in blocks ({:?})", self.encoding)),
            Order::Strided(strides) => vec![strides[1], strides[0]],
            Order::PairedHeads(_) => return Err("its rows are paired".to_owned()),
        };
        Ok(Self { shape: vec![columns, rows], order: Order::Strided(strides), ..self })
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
    fn strides_are_followed() {
        let bytes: Vec<u8> = (0..12).collect();
        let tensor = RawTensor::new(Encoding::U8, vec![3, 2, 2], bytes).in_order(Order::Strided(vec![1, 3, 6]));
        assert_eq!(tensor.decode(), [0.0, 6.0, 3.0, 9.0, 1.0, 7.0, 4.0, 10.0, 2.0, 8.0, 5.0, 11.0]);
    }
}
