//! What is trained of a program as one point: the numbers that an optimizer without gradients moves.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::in_f32;

use crate::Program;

impl Program {
    /// Every number that requires a gradient, in the order of [`Program::tensors`].
    pub fn point(&self) -> Vec<f32> {
        let mut reader = Reader(Vec::new());
        self.visit(&mut reader);
        reader.0
    }

    /// The same program at another point.
    ///
    /// # Panics
    /// When the point has more or fewer numbers than [`Program::point`] has.
    #[must_use]
    pub fn at_point(&self, point: &[f32]) -> Self {
        let mut writer = Writer(point);
        let program = self.clone().map(&mut writer);
        assert!(writer.0.is_empty(), "{} numbers of the point are left over", writer.0.len());
        program
    }
}

struct Reader(Vec<f32>);

impl ModuleVisitor for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if tensor.is_require_grad() {
            self.0.extend(tensor.try_to_vec_as::<f32>().expect("parameters are floats"));
        }
    }
}

struct Writer<'a>(&'a [f32]);

impl ModuleMapper for Writer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.val().is_require_grad() {
            return param;
        }
        let shape = param.val().shape();
        let (own, rest) = self.0.split_at(shape.num_elements());
        self.0 = rest;
        let data = TensorData::new(own.to_vec(), shape);
        param.map(|old| Tensor::from_data(data, in_f32(&old.device())).set_require_grad(true))
    }
}
