//! A whole block as one operation on the CPU, there and back.
//!
//! Weights are constants, so the way back needs the vector–Jacobian product towards the tokens alone (and towards learned keys
//! and values in front of them). A block is then one node of burn's graph, which keeps the block's input, queries, keys and
//! values, the sums behind attention, and the slopes of the activation in 16 bits. What is cheap is computed again: norms,
//! scores, softmax. No matrix of scores is ever kept.
//!
//! [`forward`] covers f32 on burn's `flex` device, norms in front of the branches or behind the sums, layer scale, every
//! [`crate::blocks::Activation`], grouped heads, rotation, all masks, a cache of the past and learned prefixes. The path that is
//! spelled out in [`crate::blocks`] covers the rest and every other device; it is what this one is tested against.
//!
//! Weights in fewer bits ([`crate::Compact`]) are decoded when a block's matrices are packed, which is done for each pass: at any
//! time one block is in memory as f32, and the kernels are the same.
//!
//! ```text
//! kernel     products of many rows with one matrix
//! math       functions of many numbers
//! norm       normalisations of a row
//! rotation   rotary positions of a row
//! heads      attention of one item's heads
//! constant   matrices that do not change, as floats or in fewer bits
//! parts      what of a block is constant
//! there      the way there, in three passes over the tokens
//! back       the way back, likewise
//! node       the node of burn's graph
//! product    rows times a matrix in fewer bits, alone
//! ```

#![allow(clippy::inline_always, reason = "what is not inlined into the function that the machine's vectors were chosen for has none")]

mod back;
mod constant;
mod heads;
mod kernel;
mod math;
mod node;
mod norm;
mod parts;
mod product;
mod rotation;
mod there;

pub use node::Fusion;
pub(crate) use node::forward;
pub(crate) use product::product;
