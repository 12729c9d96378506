//! A transformer block: attention and a feed-forward network, each a branch beside the residual stream.
//!
//! # Reference
//! Norm behind the sum: Vaswani et al., arXiv 1706.03762; norm in front of the branch: Xiong et al., arXiv 2002.04745; both
//! in front of and behind the branch: Gemma 2, arXiv 2408.00118.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Attention, FeedForward, Heads, LayerScale, Norm};
use crate::BlockWork;
use crate::stream::Stream;

/// What stands around a branch `f`: `x + scale · after(f(before(x)))`, or `after_sum(x + f(x))`.
#[derive(Module, Debug)]
pub struct Residual {
    /// In front of the branch.
    pub before: Option<Norm>,
    /// Behind the branch, before the sum.
    pub after: Option<Norm>,
    /// Behind the sum.
    pub after_sum: Option<Norm>,
    /// Of the branch.
    pub scale: Option<LayerScale>,
}

impl Residual {
    /// Norm in front of the branch.
    pub const fn pre(norm: Norm) -> Self {
        Self { before: Some(norm), after: None, after_sum: None, scale: None }
    }

    /// Norm behind the sum.
    pub const fn post(norm: Norm) -> Self {
        Self { before: None, after: None, after_sum: Some(norm), scale: None }
    }

    /// Norms in front of and behind the branch.
    pub const fn both(before: Norm, after: Norm) -> Self {
        Self { before: Some(before), after: Some(after), after_sum: None, scale: None }
    }

    /// Scales the branch.
    #[must_use]
    pub fn scaled(self, scale: LayerScale) -> Self {
        Self { scale: Some(scale), ..self }
    }

    fn forward(&self, x: Tensor<3>, branch: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let norm = |norm: &Option<Norm>, x: Tensor<3>| match norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let mut out = norm(&self.after, branch(norm(&self.before, x.clone())));
        if let Some(scale) = &self.scale {
            out = scale.forward(out);
        }
        norm(&self.after_sum, x + out)
    }
}

/// One block.
#[derive(Module, Debug)]
pub struct Block {
    pub(crate) attention_residual: Residual,
    pub(crate) attention: Attention,
    pub(crate) mlp_residual: Residual,
    pub(crate) mlp: FeedForward,
}

impl Block {
    /// From its parts.
    pub const fn new(attention_residual: Residual, attention: Attention, mlp_residual: Residual, mlp: FeedForward) -> Self {
        Self { attention_residual, attention, mlp_residual, mlp }
    }

    /// The heads of its attention.
    pub const fn heads(&self) -> Heads {
        self.attention.heads()
    }

    /// What it multiplies and adds.
    pub fn work(&self) -> BlockWork {
        let Attention { query, key, value, output, .. } = &self.attention;
        BlockWork { entering: query.macs() + key.macs() + value.macs(), behind: output.macs() + self.mlp.macs(), heads: self.heads() }
    }

    /// The stream after this block, which is the one at `layer`.
    pub fn forward(&self, layer: usize, mut stream: Stream) -> Stream {
        #[cfg(feature = "flex")]
        if let Some(hidden) = crate::fused::forward(self, layer, &mut stream) {
            return stream.with_hidden(hidden);
        }
        let hidden = stream.hidden();
        let hidden = self.attention_residual.forward(hidden, |x| self.attention.forward(x, layer, &mut stream));
        let hidden = self.mlp_residual.forward(hidden, |x| self.mlp.forward(x));
        stream.with_hidden(hidden)
    }
}
