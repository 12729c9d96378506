//! The two feed-forward networks.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Activation, Linear};

/// `fc2(act(fc1(x)))`.
#[derive(Module, Debug)]
pub struct Mlp {
    /// `[dim, hidden]`
    pub fc1: Linear,
    /// `[hidden, dim]`
    pub fc2: Linear,
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl Mlp {
    /// From its parts.
    pub fn new(fc1: Linear, fc2: Linear, activation: Activation) -> Self {
        Self { fc1, fc2, activation }
    }

    /// `[batch, seq, dim]`, shape kept.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.fc2.forward(self.activation.forward(self.fc1.forward(x)))
    }
}

/// `down(act(gate(x)) ⊙ up(x))` (Shazeer, arXiv 2002.05202).
#[derive(Module, Debug)]
pub struct GatedMlp {
    /// `[dim, hidden]`
    pub gate: Linear,
    /// `[dim, hidden]`
    pub up: Linear,
    /// `[hidden, dim]`
    pub down: Linear,
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl GatedMlp {
    /// From its parts.
    pub fn new(gate: Linear, up: Linear, down: Linear, activation: Activation) -> Self {
        Self { gate, up, down, activation }
    }

    /// `[batch, seq, dim]`, shape kept.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let gate = self.activation.forward(self.gate.forward(x.clone()));
        self.down.forward(gate * self.up.forward(x))
    }
}

/// Either feed-forward network.
#[derive(Module, Debug)]
pub enum FeedForward {
    /// Two maps.
    Plain(Mlp),
    /// Three, one of them a gate.
    Gated(GatedMlp),
}

impl FeedForward {
    /// Multiply-accumulates of one token.
    pub fn macs(&self) -> u64 {
        match self {
            Self::Plain(Mlp { fc1, fc2, .. }) => fc1.macs() + fc2.macs(),
            Self::Gated(GatedMlp { gate, up, down, .. }) => gate.macs() + up.macs() + down.macs(),
        }
    }

    /// `[batch, seq, dim]`, shape kept.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Plain(mlp) => mlp.forward(x),
            Self::Gated(mlp) => mlp.forward(x),
        }
    }
}
