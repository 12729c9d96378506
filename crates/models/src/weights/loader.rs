//! From named tensors to parameters, strictly.

use std::fmt;

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use super::Weights;

/// What did not fit between a file and a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeightsError {
    /// Tensors that the model wants and the file lacks.
    pub missing: Vec<String>,
    /// Tensors that the file has and the model did not take.
    pub unused: Vec<String>,
    /// `NAME: expected SHAPE, found SHAPE`.
    pub misshapen: Vec<String>,
}

impl std::error::Error for WeightsError {}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the weights do not fit the model")?;
        for (what, names) in [("missing", &self.missing), ("unused", &self.unused), ("of another shape", &self.misshapen)] {
            if names.is_empty() {
                continue;
            }
            write!(f, "\n  {} {what}: {}", names.len(), names.iter().take(8).cloned().collect::<Vec<_>>().join(", "))?;
            if names.len() > 8 {
                write!(f, ", … and {} more", names.len() - 8)?;
            }
        }
        write!(f, "\n  help: is the configuration the checkpoint's own?")
    }
}

/// Takes tensors out of [`Weights`] and puts them on a device. What is wrong is collected, and told by
/// [`Loader::finish`]; until then a wrong tensor is replaced by zeros, and the model that holds it must be thrown away.
pub struct Loader<'a> {
    weights: Weights<'a>,
    device: Device,
    error: WeightsError,
}

impl<'a> Loader<'a> {
    /// A loader over all tensors of a file.
    pub fn new(weights: Weights<'a>, device: &Device) -> Self {
        Self { weights, device: device.clone(), error: WeightsError::default() }
    }

    /// Where the tensors go.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether a tensor is there and not yet taken.
    pub fn has(&self, name: &str) -> bool {
        self.weights.tensors.contains_key(name)
    }

    /// A parameter of this very shape.
    pub fn param<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        let values = self.values(name, &shape);
        self.place(values, shape)
    }

    /// A matrix `[rows, columns]`, transposed to `[columns, rows]`.
    pub fn transposed(&mut self, name: &str, rows: usize, columns: usize) -> Param<Tensor<2>> {
        let values = self.values(name, &[rows, columns]);
        self.place(transpose(&values, rows, columns), [columns, rows])
    }

    /// A convolution kernel `[output, input, height, width]` as the matrix `[input · height · width, output]`.
    pub fn transposed_kernel(&mut self, name: &str, shape: [usize; 4]) -> Param<Tensor<2>> {
        let values = self.values(name, &shape);
        let [output, input, height, width] = shape;
        let columns = input * height * width;
        self.place(transpose(&values, output, columns), [columns, output])
    }

    /// Says what was wrong, if anything was.
    pub fn finish(mut self) -> Result<(), WeightsError> {
        self.error.unused = self.weights.names().map(str::to_owned).collect();
        if self.error == WeightsError::default() { Ok(()) } else { Err(self.error) }
    }

    fn values(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        let zeros = || vec![0.0; shape.iter().product()];
        match self.weights.take(name) {
            None => {
                self.error.missing.push(name.to_owned());
                zeros()
            }
            Some(tensor) if tensor.shape != shape => {
                self.error.misshapen.push(format!("{name}: expected {shape:?}, found {:?}", tensor.shape));
                zeros()
            }
            Some(tensor) => tensor.decode(),
        }
    }

    fn place<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), Tensor::from_data(TensorData::new(values, shape), &self.device))
    }
}

fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    /// Edge of the square that is transposed at a time, so that both sides stay in the cache.
    const TILE: usize = 32;
    let mut out = vec![0.0; values.len()];
    for row_0 in (0..rows).step_by(TILE) {
        for column_0 in (0..columns).step_by(TILE) {
            for row in row_0..rows.min(row_0 + TILE) {
                for column in column_0..columns.min(column_0 + TILE) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Encoding, RawTensor};

    #[test]
    fn everything_wrong_is_listed() {
        let bytes = [0u8; 16];
        let mut weights = Weights::default();
        for name in ["a", "spare"] {
            weights.insert(name.to_owned(), RawTensor { encoding: Encoding::F32, shape: vec![2, 2], bytes: &bytes, paired_heads: None });
        }
        let mut loader = Loader::new(weights, &Device::flex());
        let _: Param<Tensor<1>> = loader.param("a", [4]);
        let _: Param<Tensor<1>> = loader.param("b", [4]);
        insta::assert_snapshot!(loader.finish().unwrap_err().to_string());
    }

    #[test]
    fn transposing_twice_is_nothing() {
        let values: Vec<f32> = (0u16..35 * 70).map(f32::from).collect();
        assert_eq!(transpose(&transpose(&values, 35, 70), 70, 35), values);
        assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
