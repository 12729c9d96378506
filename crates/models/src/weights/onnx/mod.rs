//! The weights of an ONNX graph, and enough of its nodes to tell which weight is whose.
//!
//! Exporters give folded weights names without meaning (`onnx::MatMul_1966`); what they are is said by the node that reads
//! them. Constants inside of nodes, subgraphs and everything else that only running the graph needs are not read.
//!
//! # Reference
//! `onnx.proto` of ONNX 1.x: `ModelProto` (7 graph), `GraphProto` (1 node, 5 initializer, 15 sparse initializer),
//! `NodeProto` (1 input, 2 output, 3 name, 4 operator, 5 attribute), `AttributeProto` (1 name, 2 f, 3 i, 7 floats, 8 ints),
//! `TensorProto` (1 dims, 2 type, 4 to 11 values by type, 8 name, 9 raw values, 13 and 14 external).

mod tensor;
mod wire;

use std::collections::BTreeMap;

use super::cursor::Truncated;
use super::{RawTensor, Weights};
use wire::{Fields, Wire};

/// A parsed ONNX file.
#[derive(Debug, Clone)]
pub struct Onnx<'a> {
    tensors: BTreeMap<&'a str, RawTensor<'a>>,
    nodes: Vec<OnnxNode<'a>>,
}

/// An operation of the graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxNode<'a> {
    /// Its name, often a path of modules; may be empty.
    pub name: &'a str,
    /// What it computes: `MatMul`, `Conv`.
    pub operator: &'a str,
    /// Names of what it reads: initialisers, outputs of other nodes, or inputs of the graph. One that is left out is empty.
    pub inputs: Vec<&'a str>,
    /// Names of what it makes.
    pub outputs: Vec<&'a str>,
    /// Numbers that it is set to, by name; attributes of other kinds are left out.
    pub attributes: BTreeMap<&'a str, OnnxAttribute>,
}

/// A setting of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum OnnxAttribute {
    /// One integer: `group`.
    Integer(i64),
    /// Several: `pads`.
    Integers(Vec<i64>),
    /// One float: `epsilon`.
    Float(f32),
    /// Several.
    Floats(Vec<f32>),
}

/// A file that is not ONNX, or not whole, or holds what is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// It ends early. Offsets count from the start of the message that was being read.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// A value that makes no sense.
    #[error("damaged ONNX file: {0}\n  help: is it ONNX? If so, fetch it again")]
    Damaged(String),
    /// Nothing to be read.
    #[error("not an ONNX file: it has no graph\n  help: name the `.onnx` file of the model")]
    NoGraph,
    /// A type that is not decoded.
    #[error(
        "tensor `{name}` has ONNX type {kind}, which is not decoded\n  \
         help: FLOAT (1), UINT8, INT8, INT16, INT32, INT64, BOOL, FLOAT16, DOUBLE and BFLOAT16 (16) are"
    )]
    Encoding {
        /// The tensor.
        name: String,
        /// ONNX's number of the type.
        kind: u64,
    },
    /// Values in another file.
    #[error("the values of tensor `{name}` are in another file\n  help: save the model as one file")]
    External {
        /// The tensor.
        name: String,
    },
    /// Sparse initialisers.
    #[error("the graph has sparse initialisers, which are not read\n  help: export the model with dense weights")]
    Sparse,
}

impl<'a> Onnx<'a> {
    /// Reads initialisers and nodes. Values are not touched, unless they are integers of varying length, which are copied.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OnnxError> {
        let mut onnx = Self { tensors: BTreeMap::new(), nodes: Vec::new() };
        let mut graph = None;
        let mut fields = Fields::new(bytes);
        while let Some((field, wire)) = fields.next()? {
            if field == 7 && graph.replace(wire.bytes()?).is_some() {
                return Err(OnnxError::Damaged("it has two graphs".to_owned()));
            }
        }
        let mut fields = Fields::new(graph.ok_or(OnnxError::NoGraph)?);
        while let Some((field, wire)) = fields.next()? {
            match field {
                1 => onnx.nodes.push(node(wire.bytes()?)?),
                5 => {
                    let (name, tensor) = tensor::read(wire.bytes()?)?;
                    if onnx.tensors.insert(name, tensor).is_some() {
                        return Err(OnnxError::Damaged(format!("tensor `{name}` is listed twice")));
                    }
                }
                15 => return Err(OnnxError::Sparse),
                _ => {}
            }
        }
        Ok(onnx)
    }

    /// The nodes, in the file's order, in which every node comes after those that it reads from.
    pub fn nodes(&self) -> &[OnnxNode<'a>] {
        &self.nodes
    }

    /// The initialisers under their own names. [`Weights::renamed`] gives them those of their nodes; integers that only
    /// the graph needs are left out with [`Weights::without`].
    pub fn weights(&self) -> Weights<'a> {
        Weights { tensors: self.tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect(), ..Weights::default() }
    }
}

fn node(message: &[u8]) -> Result<OnnxNode<'_>, OnnxError> {
    let mut node = OnnxNode::default();
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => node.inputs.push(wire.text()?),
            2 => node.outputs.push(wire.text()?),
            3 => node.name = wire.text()?,
            4 => node.operator = wire.text()?,
            5 => {
                if let (name, Some(value)) = attribute(wire.bytes()?)? {
                    node.attributes.insert(name, value);
                }
            }
            _ => {}
        }
    }
    Ok(node)
}

fn attribute(message: &[u8]) -> Result<(&str, Option<OnnxAttribute>), OnnxError> {
    let (mut name, mut one) = ("", None);
    let (mut integers, mut floats) = (Vec::new(), Vec::new());
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next()? {
        match (field, wire) {
            (1, wire) => name = wire.text()?,
            (2, Wire::Fixed32(bytes)) => one = Some(OnnxAttribute::Float(f32::from_le_bytes(bytes))),
            (3, wire) => one = Some(OnnxAttribute::Integer(wire.varint()?.cast_signed())),
            (7, Wire::Fixed32(bytes)) => floats.push(f32::from_le_bytes(bytes)),
            (7, wire) => floats.extend(wire.bytes()?.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))),
            (8, wire) => wire.varints(|value| {
                integers.push(value.cast_signed());
                Ok(())
            })?,
            _ => {}
        }
    }
    let value = match (integers.is_empty(), floats.is_empty()) {
        (false, _) => Some(OnnxAttribute::Integers(integers)),
        (true, false) => Some(OnnxAttribute::Floats(floats)),
        (true, true) => one,
    };
    Ok((name, value))
}

#[cfg(test)]
mod tests;
