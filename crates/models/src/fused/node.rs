//! A block as one node of burn's graph.
//!
//! burn 0.22 lets other crates in through its `extension` feature: a tensor gives up its primitive, an autodiff primitive its
//! node, and [`Backward`] makes a child of it.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind, Flex};
use burn::tensor::{Tensor, TensorData};

use super::back::back;
use super::parts::{Parts, constant, dense, values};
use super::there::{Kept, Past, Scene, Seen, there};
use crate::blocks::Block;
use crate::stream::{Before, KeyValue, Pattern, Positions, Stream};

/// Fewer tokens than this are not worth the packing of weights.
const FEW: usize = 24;

/// Whether blocks run as one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fusion {
    /// Where that is covered and pays.
    #[default]
    Auto,
    /// Wherever it is covered.
    Always,
    /// Never: the path that all devices have in common.
    Never,
}

/// What gradients flow to.
type Parents<const N: usize> = [FloatTensor<Autodiff<Flex>>; N];

/// A tensor on the CPU, with its node if it has one.
pub(super) struct Input {
    pub plain: FlexTensor,
    tracked: Option<FloatTensor<Autodiff<Flex>>>,
    pub context: DispatchAutodiffContext,
}

impl Input {
    /// Nothing for a tensor on another device, or one that is not f32.
    pub(super) fn new<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let DispatchTensor { kind, autodiff } = tensor.into_dispatch();
        #[allow(unreachable_patterns, clippy::match_wildcard_for_single_variants, reason = "other backends may be compiled in")]
        let (plain, tracked) = match kind {
            DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => (tensor, None),
            DispatchTensorKind::Autodiff(kind) => match *kind {
                DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => {
                    let plain = tensor.primitive().clone();
                    (plain, tensor.is_tracked().then_some(tensor))
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { plain: dense(plain)?, tracked, context: autodiff })
    }

    /// Whether a gradient flows to it.
    pub(super) const fn is_tracked(&self) -> bool {
        self.tracked.is_some()
    }

    /// With a node in any case.
    pub(super) fn node(self) -> FloatTensor<Autodiff<Flex>> {
        self.tracked.unwrap_or_else(|| FloatTensor::<Autodiff<Flex>>::new(self.plain))
    }
}

/// What the way back starts from.
#[derive(Debug)]
struct Saved {
    parts: Parts,
    scene: Scene,
    kept: Kept,
    x: FlexTensor,
}

/// Of a block that reads its tokens alone (1), or learned keys and values too (3).
#[derive(Debug)]
struct BlockStep;

impl Backward<Flex, 1> for BlockStep {
    type State = Arc<Saved>;

    fn backward(self, ops: Ops<Arc<Saved>, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let [x] = ops.parents;
        let Saved { parts, scene, kept, x: input } = &*ops.state;
        let found = back(parts, scene, kept, values(input), values(&contiguous(gradient)), [x.is_some(), false]);
        if let (Some(x), Some(gradient)) = (x, found.x) {
            gradients.register::<Flex>(x.id, tensor(gradient, [scene.batch, scene.seq, parts.dim]));
        }
    }
}

impl Backward<Flex, 3> for BlockStep {
    type State = Arc<Saved>;

    fn backward(self, ops: Ops<Arc<Saved>, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let [x, key, value] = ops.parents;
        let Saved { parts, scene, kept, x: input } = &*ops.state;
        let found = back(parts, scene, kept, values(input), values(&contiguous(gradient)), [x.is_some(), true]);
        if let (Some(x), Some(gradient)) = (x, found.x) {
            gradients.register::<Flex>(x.id, tensor(gradient, [scene.batch, scene.seq, parts.dim]));
        }
        let Some((past, [keys, values])) = scene.earlier[0].as_ref().zip(found.earlier) else { return };
        let shape = [past.rows, parts.heads.key_value, past.n, parts.heads.dim];
        for (node, gradient) in [(key, keys), (value, values)] {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, tensor(gradient, shape));
            }
        }
    }
}

/// A result: plain, constant in a graph, or a child of these nodes.
pub(super) fn result<const N: usize, const D: usize, Step: Backward<Flex, N>>(
    out: FlexTensor,
    context: DispatchAutodiffContext,
    step: Option<(Step, Parents<N>, Step::State)>,
) -> Tensor<D> {
    let tracked = |kind| DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Flex(BackendTensor::Autodiff(kind))));
    let kind = match (&context, step) {
        (DispatchAutodiffContext::Disabled, _) => DispatchTensorKind::Flex(BackendTensor::Float(out)),
        (DispatchAutodiffContext::Enabled(_), None) => tracked(FloatTensor::<Autodiff<Flex>>::new(out)),
        (DispatchAutodiffContext::Enabled(_), Some((step, parents, state))) => {
            let nodes = parents.map(|parent| parent.into_parts().1);
            tracked(match step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(state, out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            })
        }
    };
    Tensor::from_dispatch(DispatchTensor { kind, autodiff: context })
}

pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

fn plain<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let kind = DispatchTensorKind::Flex(BackendTensor::Float(tensor(values, shape)));
    Tensor::from_dispatch(DispatchTensor { kind, autodiff: DispatchAutodiffContext::Disabled })
}

/// The hidden states that the block at `layer` makes of a stream's, and the stream's memory extended; nothing, and the stream
/// left as it is, where the block or the stream is not covered.
pub(crate) fn forward(block: &Block, layer: usize, stream: &mut Stream) -> Option<Tensor<3>> {
    let [batch, seq, dim] = stream.dims();
    match stream.fusion() {
        Fusion::Never => return None,
        Fusion::Auto if batch * seq < FEW => return None,
        Fusion::Auto | Fusion::Always => {}
    }
    let x = Input::new(stream.hidden())?;
    let parts = Parts::new(block)?;
    let Before { prefix, past, pattern, remembers } = stream.before(layer, block.attention.rule.masking);
    // What gradients flow to is one piece: a past that was made of something learned counts as learned itself.
    let (prefix, past) = match past {
        Some(past) if past.is_tracked() => (Some(prefix.map_or_else(|| past.clone(), |prefix| prefix.then(past.clone()))), None),
        past => (prefix, past),
    };
    let prefix = match prefix {
        Some(KeyValue { key, value }) => Some((key.dims(), Input::new(key)?, Input::new(value)?)),
        None => None,
    };
    let context = prefix.iter().fold(x.context, |context, (_, key, value)| context.merge(key.context).merge(value.context));
    let learned = prefix.as_ref().is_some_and(|(_, key, value)| key.tracked.is_some() || value.tracked.is_some());
    let is_tracked = learned || x.tracked.is_some();
    if is_tracked && remembers {
        // Keys and values would have to be results of the operation, too.
        return None;
    }
    let past = match past {
        Some(KeyValue { key, value }) => {
            let [rows, _, n, _] = key.dims();
            Some(Past { key: constant(key)?, value: constant(value)?, rows, n })
        }
        None => None,
    };
    let first = prefix.as_ref().map(|([rows, _, n, _], key, value)| Past {
        key: key.plain.clone(),
        value: value.plain.clone(),
        rows: *rows,
        n: *n,
    });
    let scene = Scene {
        batch,
        seq,
        positions: if parts.rope.is_some() { positions(stream, batch, seq) } else { Vec::new() },
        earlier: [first, past],
        sight: match pattern {
            Pattern::None => Seen::Full,
            Pattern::Causal => Seen::Causal,
            Pattern::Hidden(hidden) => Seen::Hidden(hidden.into_iter().map(u8::from).collect()),
        },
    };
    let input = x.plain.clone();
    let (out, kept) = there(&parts, &scene, values(&input), is_tracked);
    let own = remembers.then(|| own(&parts, &scene, &kept));
    stream.attended(layer, own);
    let out = tensor(out, [batch, seq, dim]);
    if !is_tracked {
        return Some(result::<1, 3, BlockStep>(out, context, None));
    }
    let state = Arc::new(Saved { parts, scene, kept, x: input });
    Some(match prefix {
        Some((_, key, value)) if learned => result(out, context, Some((BlockStep, [x, key, value].map(Input::node), state))),
        Some(_) | None => result(out, context, Some((BlockStep, [x.node()], state))),
    })
}

/// Positions of all tokens, item after item.
fn positions(stream: &Stream, batch: usize, seq: usize) -> Vec<usize> {
    let positions: Positions = stream.positions();
    positions.to_rows(batch, seq).into_iter().flatten().map(|position| position as usize).collect()
}

/// The tokens' own keys and values, `[batch, kv_head, seq, head_dim]`.
fn own(parts: &Parts, scene: &Scene, kept: &Kept) -> KeyValue {
    let (heads, width) = (parts.heads, parts.width());
    let shape = [scene.batch, heads.key_value, scene.seq, heads.dim];
    let gather = |first: usize| {
        let mut values = Vec::with_capacity(shape.iter().product());
        for item in kept.query_key_value.chunks_exact(scene.seq * width) {
            for head in first..first + heads.key_value {
                for token in item.chunks_exact(width) {
                    values.extend_from_slice(&token[head * heads.dim..][..heads.dim]);
                }
            }
        }
        plain(values, shape)
    };
    KeyValue { key: gather(heads.query), value: gather(heads.query + heads.key_value) }
}
