//! What of a block is constant, as plain numbers on the CPU.

use std::sync::{Mutex, PoisonError};

use burn::backend::flex::FlexTensor;
use burn::backend::{BackendTensor, DispatchTensorKind};
use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use super::constant::Constant;
use super::kernel::{Matrix, Panels, Vectors};
use super::norm::RowNorm;
use super::rotation::Tables;
use crate::blocks::{Activation, Attention, Block, FeedForward, Heads, Linear, Norm, Residual, Weight};
use crate::compact::{Compact, Turn};

/// An affine map.
#[derive(Debug, Clone)]
pub(super) struct Map {
    /// `[input, output]`
    weight: Entries,
    /// `[output]`
    bias: Option<FlexTensor>,
    input: usize,
    pub output: usize,
}

/// A map's matrix, as it lies in memory.
#[derive(Debug, Clone)]
enum Entries {
    Floats(FlexTensor),
    Compact(Compact),
}

/// What stands around a branch.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// In front of it.
    pub before: Option<RowNorm>,
    /// Behind the sum.
    pub after_sum: Option<RowNorm>,
    /// Of the branch, `[dim]`.
    pub scale: Option<FlexTensor>,
}

/// The feed-forward network.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    /// Absent where there is no gate.
    pub gate: Option<Map>,
    pub up: Map,
    pub down: Map,
    pub activation: Activation,
}

/// One block.
#[derive(Debug)]
pub(super) struct Parts {
    pub around_attention: Around,
    pub query_key_value: [Map; 3],
    pub output: Map,
    pub heads: Heads,
    /// Factor of the scores.
    pub scale: f32,
    pub rope: Option<Tables>,
    pub around_mlp: Around,
    pub mlp: Forward,
    pub dim: usize,
}

/// A block's matrices, ready for tiles; on the way back transposed.
pub(super) struct Packed {
    pub query_key_value: Panels,
    pub output: Panels,
    /// Towards the hidden units: gate (where there is one) and up, or, on the way back, down alone.
    pub outwards: Vec<Panels>,
    pub inwards: Panels,
}

/// All numbers of a constant.
#[inline(always)]
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a constant is f32 without gaps")
}

/// A tensor without a graph, if that is what it is: f32, on the CPU, nothing to be learned.
pub(super) fn constant<const D: usize>(tensor: Tensor<D>) -> Option<FlexTensor> {
    #[allow(unreachable_patterns, clippy::match_wildcard_for_single_variants, reason = "other backends may be compiled in")]
    let tensor = match tensor.into_dispatch().kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => tensor,
        DispatchTensorKind::Autodiff(kind) => match *kind {
            DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) if !tensor.is_tracked() => tensor.into_primitive(),
            _ => return None,
        },
        _ => return None,
    };
    dense(tensor)
}

/// The same numbers without gaps, if they are f32.
pub(super) fn dense(tensor: FlexTensor) -> Option<FlexTensor> {
    let is_dense = tensor.is_contiguous();
    (tensor.dtype() == DType::F32).then(|| if is_dense { tensor } else { tensor.to_contiguous() })
}

impl Map {
    fn new(linear: &Linear) -> Option<Self> {
        let [input, output] = linear.weight.dims();
        let weight = match &linear.weight {
            Weight::Floats(weight) => Entries::Floats(constant(weight.val())?),
            Weight::Compact(weight) => Entries::Compact(weight.clone()),
        };
        let bias = match &linear.bias {
            Some(bias) => Some(constant(bias.val())?),
            None => None,
        };
        Some(Self { weight, bias, input, output })
    }

    fn matrix(&self) -> Constant<'_> {
        match &self.weight {
            Entries::Floats(weight) => {
                Constant::Floats(Matrix { values: values(weight), stride: self.output, rows: self.input, columns: self.output })
            }
            Entries::Compact(weight) => Constant::Compact(weight),
        }
    }

    /// The bias, zeros where there is none.
    pub(super) fn shift(&self) -> Vec<f32> {
        self.bias.as_ref().map_or_else(|| vec![0.0; self.output], |bias| values(bias).to_vec())
    }
}

impl RowNorm {
    fn new(norm: &Norm) -> Option<Self> {
        Some(match norm {
            Norm::Layer(norm) => {
                Self::Layer { weight: constant(norm.weight.val())?, bias: constant(norm.bias.val())?, eps: norm.eps as f32 }
            }
            Norm::Rms(norm) => {
                let weight = constant(norm.weight.val())?;
                let weight = values(&weight).iter().map(|weight| weight + norm.offset as f32).collect();
                Self::Rms { weight, eps: norm.eps as f32 }
            }
        })
    }
}

impl Around {
    /// Nothing for a norm between branch and sum, which no fused path covers.
    fn new(residual: &Residual) -> Option<Self> {
        let Residual { before, after: None, after_sum, scale } = residual else { return None };
        let norm = |norm: &Option<Norm>| match norm {
            Some(norm) => RowNorm::new(norm).map(Some),
            None => Some(None),
        };
        let scale = match scale {
            Some(scale) => Some(constant(scale.factor.val())?),
            None => None,
        };
        Some(Self { before: norm(before)?, after_sum: norm(after_sum)?, scale })
    }
}

impl Forward {
    fn new(mlp: &FeedForward) -> Option<Self> {
        Some(match mlp {
            FeedForward::Plain(mlp) => Self { gate: None, up: Map::new(&mlp.fc1)?, down: Map::new(&mlp.fc2)?, activation: mlp.activation },
            FeedForward::Gated(mlp) => {
                Self { gate: Some(Map::new(&mlp.gate)?), up: Map::new(&mlp.up)?, down: Map::new(&mlp.down)?, activation: mlp.activation }
            }
        })
    }
}

impl Parts {
    /// The constants of a block, unless something of it is learned, is not f32 on the CPU, or is computed otherwise here.
    pub(super) fn new(block: &Block) -> Option<Self> {
        let Attention { query, key, value, output, query_norm: None, key_norm: None, rule } = &block.attention else { return None };
        if rule.softcap.is_some() {
            return None;
        }
        let around_attention = Around::new(&block.attention_residual)?;
        let around_mlp = Around::new(&block.mlp_residual)?;
        if around_attention.after_sum.is_some() && around_mlp.before.is_some() {
            return None;
        }
        let rope = match &rule.rope {
            Some(rope) => Some(Tables::new(rope)?),
            None => None,
        };
        let output = Map::new(output)?;
        Some(Self {
            around_attention,
            query_key_value: [Map::new(query)?, Map::new(key)?, Map::new(value)?],
            dim: output.output,
            output,
            heads: rule.heads,
            scale: rule.scale.unwrap_or_else(|| (rule.heads.dim as f64).sqrt().recip()) as f32,
            rope,
            around_mlp,
            mlp: Forward::new(&block.mlp)?,
        })
    }

    /// Queries, keys and values of a token.
    pub(super) const fn width(&self) -> usize {
        (self.heads.query + 2 * self.heads.key_value) * self.heads.dim
    }

    /// Hidden units of the feed-forward network.
    pub(super) const fn hidden(&self) -> usize {
        self.mlp.up.output
    }

    /// For the way there.
    pub(super) fn packed(&self, vectors: Vectors) -> Packed {
        let alone = |map: &Map| Panels::beside(&[map.matrix()], Turn::Straight, vectors);
        let mlp = [self.mlp.gate.as_ref(), Some(&self.mlp.up)];
        Packed {
            query_key_value: Panels::beside(&self.query_key_value.each_ref().map(Map::matrix), Turn::Straight, vectors),
            output: alone(&self.output),
            outwards: mlp.into_iter().flatten().map(alone).collect(),
            inwards: alone(&self.mlp.down),
        }
    }

    /// For the way back.
    pub(super) fn packed_transposed(&self, vectors: Vectors) -> Packed {
        let below = |maps: &[&Map]| {
            let matrices: Vec<Constant<'_>> = maps.iter().map(|map| map.matrix()).collect();
            Panels::below(&matrices, Turn::Transposed, vectors)
        };
        let mlp: Vec<&Map> = [self.mlp.gate.as_ref(), Some(&self.mlp.up)].into_iter().flatten().collect();
        Packed {
            query_key_value: below(&self.query_key_value.each_ref()),
            output: below(&[&self.output]),
            outwards: vec![below(&[&self.mlp.down])],
            inwards: below(&mlp),
        }
    }
}

/// Rows that one thread takes at a time: a few shares a thread, whole tiles, no more than the second cache holds.
pub(super) fn rows_at_once(rows: usize) -> usize {
    let share = rows.div_ceil(4 * rayon::current_num_threads());
    (share.div_ceil(super::kernel::ROWS) * super::kernel::ROWS).clamp(super::kernel::ROWS, 96)
}

/// Runs tasks on all threads. No two at a time have the same memory, and there are no more memories than threads: fresh ones
/// are pages that the system has to clear.
pub(super) fn on_all_threads<T: Send, M: Default + Send>(tasks: Vec<T>, run: impl Fn(T, &mut M) + Sync + Send) {
    let idle = Mutex::new(Vec::new());
    let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
    tasks.into_par_iter().with_max_len(1).for_each(|task| {
        let mut memory: M = lock().pop().unwrap_or_default();
        run(task, &mut memory);
        lock().push(memory);
    });
}
