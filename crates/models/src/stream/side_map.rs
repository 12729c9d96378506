//! Learned maps beside a block's own.

use burn::tensor::Tensor;

use crate::lowered;

/// `x A B`, added to what the block's own map makes of `x`.
#[derive(Debug, Clone)]
pub struct SideMap {
    /// A: `[1, dim, rank]`
    pub down: Tensor<3>,
    /// B: `[1, rank, width]`
    pub up: Tensor<3>,
}

impl SideMap {
    /// `[batch, seq, dim]` to `[batch, seq, width]`.
    pub(crate) fn forward(self, x: Tensor<3>) -> Tensor<3> {
        x.matmul(lowered(self.down)).matmul(lowered(self.up))
    }
}
