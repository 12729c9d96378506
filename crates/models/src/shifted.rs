//! A network with other weights beside a frozen one: what full fine-tuning learns, as a difference from the weights that stay.
//!
//! `θ' = θ + δ`, δ of the shape of every weight. The frozen network keeps its θ; gradients flow to δ through the copy.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// Numbers of every weight, in the module's order.
pub(crate) fn sizes<M: Module>(module: &M) -> Vec<usize> {
    struct Sizes(Vec<usize>);
    impl ModuleVisitor for Sizes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().shape().num_elements());
        }
    }
    let mut sizes = Sizes(Vec::new());
    module.visit(&mut sizes);
    sizes.0
}

/// A copy with one vector added to each weight, row-major, in the module's order.
///
/// # Panics
/// With another number of vectors, or of other lengths, than [`sizes`] says.
pub(crate) fn shifted<M: Module>(module: &M, by: &[Tensor<1>]) -> M {
    struct Shift<'a>(std::slice::Iter<'a, Tensor<1>>);
    impl ModuleMapper for Shift<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let weight = param.val();
            let by = self.0.next().expect("a vector for each weight").clone().reshape(weight.shape());
            Param::initialized(ParamId::new(), weight + crate::lowered(by))
        }
    }
    let mut shift = Shift(by.iter());
    let copy = module.clone().map(&mut shift);
    assert!(shift.0.next().is_none(), "no vector is left over");
    copy
}
