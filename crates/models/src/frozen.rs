//! Frozen by construction.

use std::ops::Deref;

use burn::module::Module;

/// A module that nothing outside can train: it was frozen when it came in, and no `&mut` ever comes out.
#[derive(Debug, Clone)]
pub struct Frozen<M>(M);

impl<M: Module> Frozen<M> {
    /// Freezes a module: no parameter requires a gradient, no layer is in training mode.
    pub fn new(module: M) -> Self {
        Self(module.freeze())
    }
}

impl<M> Deref for Frozen<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}
