//! Frozen by construction.

use std::ops::Deref;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// A module that nothing outside can train: it was frozen when it came in, and no `&mut` ever comes out.
#[derive(Debug, Clone)]
pub struct Frozen<M>(M);

impl<M: Module> Frozen<M> {
    /// Freezes a module: no parameter requires a gradient, no layer is in training mode.
    pub fn new(module: M) -> Self {
        Self(module.freeze())
    }

    /// Every weight as it lies in memory, in a fixed order; those in fewer bits, which nothing can move, aside.
    pub fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        struct Reader<'a>(&'a mut dyn FnMut(TensorData));
        impl ModuleVisitor for Reader<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                (self.0)(param.val().into_data());
            }
        }
        self.0.visit(&mut Reader(visit));
    }

    /// Numbers of every weight, in the module's order; nothing where some are kept in fewer bits, which have no gradient.
    pub fn weight_sizes(&self) -> Option<Vec<usize>> {
        crate::shifted::sizes(&self.0)
    }

    /// A copy with one vector added to each weight, which gradients flow to. This one stays as it is.
    #[must_use]
    pub fn shifted(&self, by: &[Tensor<1>]) -> Self {
        Self(crate::shifted::shifted(&self.0, by))
    }
}

impl<M> Deref for Frozen<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}
