//! A program that does not change while it is used: what its batches have in common is computed once.

use burn::tensor::Tensor;
use reprogram_models::Backbone;

use crate::kept::Kept;
use crate::{Batch, Prepared, Program};

/// Tokens of prefixes that are kept between batches.
const KEPT: usize = 4_096;

/// A program on a backbone. It borrows both, so that neither changes while keys and values of texts' beginnings are kept.
pub struct Evaluation<'a> {
    program: &'a Program,
    backbone: &'a dyn Backbone,
    kept: Kept,
}

impl<'a> Evaluation<'a> {
    /// Of this program on this backbone.
    pub const fn new(program: &'a Program, backbone: &'a dyn Backbone) -> Self {
        Self { program, backbone, kept: Kept::tokens(KEPT) }
    }

    /// As [`Program::forward`].
    pub fn forward(&mut self, batch: &Batch) -> Tensor<2> {
        self.program.alignment().align(self.source(batch))
    }

    /// As [`Program::source`].
    pub fn source(&mut self, batch: &Batch) -> Tensor<2> {
        self.program.source_after(self.backbone, batch, &mut self.kept)
    }

    /// As [`Program::prepare`].
    pub fn prepare(&mut self, batch: &Batch) -> Prepared {
        self.program.prepare_after(self.backbone, batch, &mut self.kept)
    }

    /// As [`Program::finish`].
    pub fn finish(&mut self, prepared: Prepared) -> Tensor<2> {
        self.program.finish_after(self.backbone, prepared, &mut self.kept)
    }

    /// Tokens of prefixes that went through the model so far.
    pub const fn n_prefix_tokens(&self) -> usize {
        self.kept.prefixes.n_computed()
    }
}
