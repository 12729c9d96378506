//! Inputs taken and outputs compared, each by its name.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::InputSpace;

use super::{Comparison, Difference, ParityError, Quantity, Report};
use crate::weights::{StoredTensor, Weights};
use crate::{Backbone, TokenBatch};

pub(super) struct Session<'a> {
    pub(super) backbone: &'a dyn Backbone,
    expected: &'a Weights<'a>,
    /// Where inputs are, so that gradients reach them.
    device: Device,
    known: BTreeSet<String>,
    compared: Vec<Comparison>,
}

/// The weights' device, with gradients.
fn tracking(device: Device) -> Device {
    if device.is_autodiff() { device } else { device.autodiff() }
}

/// Something computed, cut off from what it was computed of, that gradients are asked for.
pub(super) fn tracked<const D: usize>(computed: Tensor<D>) -> Tensor<D> {
    let plain = if computed.device().is_autodiff() { computed.inner() } else { computed };
    plain.autodiff().require_grad()
}

fn wrong(name: &str, reason: impl Into<String>) -> ParityError {
    ParityError::Input { name: name.to_owned(), reason: reason.into() }
}

impl<'a> Session<'a> {
    pub(super) fn new(backbone: &'a dyn Backbone, expected: &'a Weights<'a>) -> Self {
        Self { backbone, expected, device: tracking(backbone.device()), known: BTreeSet::new(), compared: Vec::new() }
    }

    /// Whether the file has this tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.expected.shape(name).is_some()
    }

    /// An input as it is stored.
    fn stored(&mut self, name: &str) -> Option<StoredTensor> {
        let stored = self.expected.tensor(name)?;
        self.known.insert(name.to_owned());
        Some(stored)
    }

    /// An input that gradients are asked for.
    pub(super) fn leaf<const D: usize>(&mut self, name: &str) -> Result<Option<Tensor<D>>, ParityError> {
        let Some(StoredTensor { shape, values, .. }) = self.stored(name) else { return Ok(None) };
        let n_axes = shape.len();
        let Ok(shape) = <[usize; D]>::try_from(shape) else { return Err(wrong(name, format!("has {n_axes} axes, not {D}"))) };
        Ok(Some(Tensor::from_data(TensorData::new(values, shape), &self.device).require_grad()))
    }

    /// Pixels of the size that the backbone takes.
    pub(super) fn pixels(&mut self, name: &str) -> Result<Option<Tensor<4>>, ParityError> {
        let Some(pixels) = self.leaf::<4>(name)? else { return Ok(None) };
        let [_, c, h, w] = pixels.dims();
        match self.backbone.card().main.input {
            InputSpace::Image { channels, height, width } if (channels, height, width) == (c, h, w) => Ok(Some(pixels)),
            InputSpace::Image { channels, height, width } => Err(wrong(
                name,
                format!("is of {c}×{h}×{w} (channel, height, width), but the checkpoint takes {channels}×{height}×{width}"),
            )),
            InputSpace::Tokens { .. } => Err(wrong(name, "is an image, but the checkpoint takes texts")),
            InputSpace::Waveform { .. } => Err(wrong(name, "is an image, but the checkpoint takes waveforms")),
        }
    }

    /// Rows of whole numbers.
    pub(super) fn integers(&mut self, name: &str) -> Result<Option<Vec<Vec<i64>>>, ParityError> {
        let Some(StoredTensor { shape, values, .. }) = self.stored(name) else { return Ok(None) };
        let &[_, columns] = shape.as_slice() else { return Err(wrong(name, format!("has {} axes, not 2", shape.len()))) };
        if columns == 0 {
            return Err(wrong(name, "has empty rows"));
        }
        Ok(Some(values.chunks(columns).map(|row| row.iter().map(|&value| value as i64).collect()).collect()))
    }

    /// Token ids that the backbone knows, in rows that fit it.
    pub(super) fn ids(&mut self, name: &str) -> Result<Option<Vec<Vec<u32>>>, ParityError> {
        let Some(rows) = self.integers(name)? else { return Ok(None) };
        let inputs = self.backbone.card().towers().map(|tower| tower.input).collect::<Vec<_>>();
        let limits = inputs.iter().find_map(|input| match *input {
            InputSpace::Tokens { context, vocabulary } => Some((context, vocabulary)),
            InputSpace::Image { .. } | InputSpace::Waveform { .. } => None,
        });
        let Some((context, vocabulary)) = limits else { return Err(wrong(name, "is a text, but the checkpoint takes none")) };
        if let Some(row) = rows.iter().find(|row| row.len() > context) {
            return Err(wrong(name, format!("has rows of {} tokens, but the checkpoint takes {context} at most", row.len())));
        }
        let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < vocabulary);
        match rows.iter().flatten().find(|&&id| !known(id)) {
            Some(id) => Err(wrong(name, format!("has the token {id}, but the checkpoint knows {vocabulary}"))),
            None => Ok(Some(rows.into_iter().map(|row| row.into_iter().map(|id| id as u32).collect()).collect())),
        }
    }

    /// One label an item, each below `n`.
    pub(super) fn labels(&mut self, name: &str, n_items: usize, n: usize) -> Result<Option<Vec<usize>>, ParityError> {
        let Some(StoredTensor { values, .. }) = self.stored(name) else { return Ok(None) };
        if values.len() != n_items {
            return Err(wrong(name, format!("has {} labels for {n_items} items", values.len())));
        }
        let label = |value: f32| if value >= 0.0 && (value as usize) < n { Ok(value as usize) } else { Err(value) };
        match values.into_iter().map(label).collect() {
            Ok(labels) => Ok(Some(labels)),
            Err(value) => Err(wrong(name, format!("has the label {value}, but there are {n}"))),
        }
    }

    /// The real tokens of rows under a mask of zeros and ones, where the file has one; else all.
    pub(super) fn real(&mut self, mask: &str, rows: &[Vec<u32>]) -> Result<TokenBatch, ParityError> {
        let Some(mask_rows) = self.integers(mask)? else { return Ok(TokenBatch::new(rows.to_vec())) };
        if mask_rows.len() != rows.len() || mask_rows.iter().zip(rows).any(|(mask, row)| mask.len() != row.len()) {
            return Err(wrong(mask, "has another shape than the ids that it masks"));
        }
        let is_left = mask_rows.iter().any(|row| row.first() == Some(&0));
        let batch =
            rows.iter().zip(&mask_rows).map(|(row, mask)| row.iter().zip(mask).filter(|(_, bit)| **bit != 0).map(|(id, _)| *id).collect());
        let batch: Vec<Vec<u32>> = batch.collect();
        let contiguous = |row: &[i64]| row.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1;
        let one_side =
            mask_rows.iter().all(|row| contiguous(row) && (is_left || row.first() != Some(&0)) && (!is_left || row.last() != Some(&0)));
        if !one_side || batch.iter().any(Vec::is_empty) {
            return Err(wrong(mask, "has padding in the middle of a row or on both sides, or a row of padding alone"));
        }
        Ok(if is_left { TokenBatch::left_padded(batch) } else { TokenBatch::new(batch) })
    }

    /// A tensor that is a function of others which are compared: read past.
    pub(super) fn given(&mut self, name: &str) {
        if self.has(name) {
            self.known.insert(name.to_owned());
        }
    }

    /// Compares values, where the file has them.
    pub(super) fn value<const D: usize>(&mut self, name: &str, found: Tensor<D>) {
        self.compare(name, Quantity::Value, found);
    }

    /// Compares a gradient, where the file has it. A batch axis of 1 may be missing on either side.
    pub(super) fn gradient<const D: usize>(&mut self, name: &str, found: Tensor<D>) {
        self.compare(name, Quantity::Gradient, found);
    }

    /// Compares whole numbers, where the file has them.
    pub(super) fn integers_are(&mut self, name: &str, found: &[Vec<i64>]) {
        let values: Vec<f32> = found.iter().flatten().map(|&value| value as f32).collect();
        let shape = vec![found.len(), found.first().map_or(0, Vec::len)];
        self.record(name, Quantity::Integer, &values, &shape);
    }

    /// Compares some rows of the last axis: entry `at[i]` of the expected tensor, its other axes flattened, with row i.
    pub(super) fn rows(&mut self, name: &str, found: Tensor<2>, at: &[usize]) {
        let Some(StoredTensor { shape, values, .. }) = self.stored(name) else { return };
        let [n_rows, width] = found.dims();
        let n_expected = values.len() / width.max(1);
        if shape.last() != Some(&width) || n_rows != at.len() || at.iter().any(|&row| row >= n_expected) {
            self.mismatch(name, Quantity::Value, vec![n_rows, width], shape);
            return;
        }
        let expected: Vec<f32> = at.iter().flat_map(|&row| values[row * width..(row + 1) * width].to_vec()).collect();
        self.compared.push(Comparison::of(name, Quantity::Value, &host(found), &expected));
    }

    /// What was found, and what was left.
    pub(super) fn finish(self) -> Report {
        let unchecked = self.expected.names().filter(|name| !self.known.contains(*name)).map(str::to_owned).collect();
        Report { compared: self.compared, unchecked }
    }

    fn compare<const D: usize>(&mut self, name: &str, quantity: Quantity, found: Tensor<D>) {
        if self.has(name) {
            let shape = found.dims();
            self.record(name, quantity, &host(found), &shape);
        }
    }

    fn record(&mut self, name: &str, quantity: Quantity, found: &[f32], shape: &[usize]) {
        let Some(StoredTensor { shape: expected_shape, values, .. }) = self.stored(name) else { return };
        let squeezed = |shape: &[usize]| shape.iter().copied().filter(|&axis| axis != 1).collect::<Vec<_>>();
        if squeezed(shape) == squeezed(&expected_shape) {
            self.compared.push(Comparison::of(name, quantity, found, &values));
        } else {
            self.mismatch(name, quantity, shape.to_vec(), expected_shape);
        }
    }

    fn mismatch(&mut self, name: &str, quantity: Quantity, found: Vec<usize>, expected: Vec<usize>) {
        let n = expected.iter().product();
        self.compared.push(Comparison { name: name.to_owned(), quantity, n, difference: Difference::Shape { found, expected } });
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().expect("a tensor of floats")
}
