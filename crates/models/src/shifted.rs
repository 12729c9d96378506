//! A network with other weights beside a frozen one: what full fine-tuning learns, as a difference from the weights that stay.
//!
//! `θ' = θ + δ`, δ of the shape of every weight. The frozen network keeps its θ; gradients flow to δ through the copy.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use crate::Compact;

/// Numbers of every weight, in the module's order; nothing where some are kept in fewer bits.
pub(crate) fn sizes<M: Module>(module: &M) -> Option<Vec<usize>> {
    struct Sizes(Option<Vec<usize>>);
    impl ModuleVisitor for Sizes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Self(Some(sizes)) = self {
                sizes.push(param.val().shape().num_elements());
            }
        }

        fn enter_module(&mut self, _name: &str, container: &str) {
            if container == Compact::CONTAINER {
                self.0 = None;
            }
        }
    }
    let mut sizes = Sizes(Some(Vec::new()));
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
