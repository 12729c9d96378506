//! From named tensors to parameters, strictly.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use super::Weights;
use super::threads::fill_pieces;
use crate::blocks::Weight;
use crate::{Compact, Storage};

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

/// How a parameter is kept in memory, relative to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    AsStored,
    /// A matrix of `[rows, columns]` (a convolution kernel counts as one, its last axes flattened), transposed.
    Transposed(Vec<usize>),
}

/// Which parameter of a loaded model is which tensor of the file: what writing it back needs.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    entries: BTreeMap<ParamId, (String, Kept)>,
}

/// A tensor as a file stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Manifest {
    /// The model's parameters under the names and in the shapes of the file that it was loaded from.
    ///
    /// # Panics
    /// When the model is not the one that was loaded.
    pub fn export(&self, model: &impl Module) -> Vec<StoredTensor> {
        struct Collector<'a>(&'a Manifest, Vec<StoredTensor>);
        impl ModuleVisitor for Collector<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let (name, kept) = self.0.entries.get(&param.id).expect("a parameter of the loaded model");
                let shape = param.val().dims();
                let values: Vec<f32> = param.val().try_into_vec_as().expect("parameters are floats");
                let stored = match kept {
                    Kept::AsStored => StoredTensor { name: name.clone(), shape: shape.to_vec(), values },
                    Kept::Transposed(stored) => {
                        StoredTensor { name: name.clone(), shape: stored.clone(), values: transpose(&values, shape[0], shape[1]) }
                    }
                };
                self.1.push(stored);
            }
        }
        let mut collector = Collector(self, Vec::new());
        model.visit(&mut collector);
        collector.1
    }
}

/// Initial values of a tensor, by its name and shape.
pub type Initialiser<'a> = Box<dyn FnMut(&str, &[usize]) -> Vec<f32> + 'a>;

enum Origin<'a> {
    File(Weights<'a>),
    Initialiser(Initialiser<'a>),
}

/// Takes tensors out of [`Weights`] and puts them on a device. What is wrong is collected, and told by
/// [`Loader::finish`]; until then a wrong tensor is replaced by zeros, and the model that holds it must be thrown away.
pub struct Loader<'a> {
    origin: Origin<'a>,
    device: Device,
    error: WeightsError,
    manifest: Manifest,
}

impl<'a> Loader<'a> {
    /// A loader over all tensors of a file.
    pub fn new(weights: Weights<'a>, device: &Device) -> Self {
        Self::over(Origin::File(weights), device)
    }

    /// A loader that makes initial values: for a model that is to be trained from nothing.
    pub fn initialise(initialiser: Initialiser<'a>, device: &Device) -> Self {
        Self::over(Origin::Initialiser(initialiser), device)
    }

    fn over(origin: Origin<'a>, device: &Device) -> Self {
        Self { origin, device: device.clone(), error: WeightsError::default(), manifest: Manifest::default() }
    }

    /// Where the tensors go.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A parameter of this very shape.
    pub fn param<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        let values = self.values(name, &shape);
        self.place(name, Kept::AsStored, values, shape)
    }

    /// A single number, which files store without a shape or with shape `[1]`: `[1]`.
    pub fn scalar(&mut self, name: &str) -> Param<Tensor<1>> {
        let is_bare = matches!(&self.origin, Origin::File(weights) if weights.shape(name) == Some(&[]));
        let values = if is_bare { self.values(name, &[]) } else { self.values(name, &[1]) };
        self.place(name, Kept::AsStored, values, [1])
    }

    /// A map's matrix `[output, input]`, transposed to `[input, output]`.
    pub fn matrix(&mut self, name: &str, output: usize, input: usize) -> Weight {
        let shape = [input, output];
        let values = transpose(&self.values(name, &[output, input]), output, input);
        match self.storage() {
            Storage::Floats => Weight::Floats(self.place(name, Kept::Transposed(vec![output, input]), values, shape)),
            Storage::Bf16 => Weight::Compact(Compact::bf16(&values, shape)),
            Storage::Int8 => Weight::Compact(Compact::int8(&values, shape)),
        }
    }

    /// A table of embeddings, one a row.
    pub fn table(&mut self, name: &str, shape: [usize; 2]) -> Weight {
        match self.storage() {
            Storage::Floats => Weight::Floats(self.param(name, shape)),
            Storage::Bf16 | Storage::Int8 => Weight::Compact(Compact::bf16(&self.values(name, &shape), shape)),
        }
    }

    /// A convolution kernel `[output, input, height, width]` as the matrix `[input · height · width, output]`.
    pub fn transposed_kernel(&mut self, name: &str, shape: [usize; 4]) -> Param<Tensor<2>> {
        let (rows, columns) = (shape[0], shape[1..].iter().product());
        let values = transpose(&self.values(name, &shape), rows, columns);
        self.place(name, Kept::Transposed(shape.to_vec()), values, [columns, rows])
    }

    /// Says what was wrong, if anything was.
    pub fn finish(mut self) -> Result<Manifest, WeightsError> {
        if let Origin::File(weights) = &self.origin {
            self.error.unused = weights.names().map(str::to_owned).collect();
        }
        if self.error == WeightsError::default() { Ok(self.manifest) } else { Err(self.error) }
    }

    /// What is to be trained stays floats.
    const fn storage(&self) -> Storage {
        match &self.origin {
            Origin::File(weights) => weights.storage,
            Origin::Initialiser(_) => Storage::Floats,
        }
    }

    fn values(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        let weights = match &mut self.origin {
            Origin::File(weights) => weights,
            Origin::Initialiser(initialiser) => return initialiser(name, shape),
        };
        match weights.take(name, shape) {
            Ok(Some(values)) => return values,
            Ok(None) => self.error.missing.push(name.to_owned()),
            Err(found) => self.error.misshapen.push(format!("{name}: expected {shape:?}, found {found:?}")),
        }
        vec![0.0; shape.iter().product()]
    }

    fn place<const D: usize>(&mut self, name: &str, kept: Kept, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let tensor = Tensor::from_data(TensorData::new(values, shape), &self.device);
        let tensor = tensor.set_require_grad(self.device.is_autodiff());
        let id = ParamId::new();
        self.manifest.entries.insert(id, (name.to_owned(), kept));
        Param::initialized(id, tensor)
    }
}

fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    /// Edge of the square that is transposed at a time, so that both sides stay in the cache.
    const TILE: usize = 32;
    let mut out = vec![0.0; values.len()];
    fill_pieces(&mut out, TILE * rows, |i, piece| {
        let first = i * TILE;
        for row_0 in (0..rows).step_by(TILE) {
            for (column, out) in piece.chunks_exact_mut(rows).enumerate() {
                for (row, out) in out[row_0..rows.min(row_0 + TILE)].iter_mut().enumerate() {
                    *out = values[(row_0 + row) * columns + first + column];
                }
            }
        }
    });
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
            weights.insert(name.to_owned(), RawTensor::new(Encoding::F32, vec![2, 2], bytes.as_slice()));
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
