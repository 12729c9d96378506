//! What a pickle makes: plain values, in one arena.

use super::Encoding;

/// Axes of a tensor; a damaged file must not make long shapes.
const MAX_RANK: usize = 8;

/// A Python value. What holds others is a number of its place in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Integer(i64),
    /// A float, bytes, or an integer of more than 64 bits: no tensor needs its value.
    Opaque(&'static str),
    Text(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

impl Value<'_> {
    /// What it is, for an error.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "an integer",
            Self::Opaque(kind) => kind,
            Self::Text(_) => "a text",
            Self::Global(_) => "a class",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// The globals that are understood.
#[derive(Debug, Clone, Copy)]
pub(super) enum Global {
    OrderedDict,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, size, stride, and what only training needs.
    RebuildTensor,
    RebuildParameter,
    Storage(Encoding),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "DoubleStorage") => Self::Storage(Encoding::F64),
            ("torch", "FloatStorage") => Self::Storage(Encoding::F32),
            ("torch", "HalfStorage") => Self::Storage(Encoding::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Encoding::Bf16),
            ("torch", "LongStorage") => Self::Storage(Encoding::I64),
            ("torch", "IntStorage") => Self::Storage(Encoding::I32),
            ("torch", "ShortStorage") => Self::Storage(Encoding::I16),
            ("torch", "CharStorage") => Self::Storage(Encoding::I8),
            ("torch", "ByteStorage") => Self::Storage(Encoding::U8),
            ("torch", "BoolStorage") => Self::Storage(Encoding::Bool),
            _ => return None,
        })
    }
}

/// A storage that the pickle names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) encoding: Encoding,
    /// Its elements.
    pub(super) n: usize,
}

/// A view of a storage, in elements. Nothing is checked yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct TensorView {
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) size: Sequence,
    pub(super) stride: Sequence,
}

/// A tuple or a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence(pub(super) usize);

#[derive(Debug)]
pub(super) enum Object<'a> {
    Sequence(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
}

/// What a pickle made.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) root: Value<'a>,
    pub(super) objects: Vec<Object<'a>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<TensorView>,
}

impl<'a> Pickle<'a> {
    pub(super) const fn root(&self) -> Value<'a> {
        self.root
    }

    pub(super) fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    pub(super) fn tensors(&self) -> &[TensorView] {
        &self.tensors
    }

    pub(super) fn dict(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match value {
            Value::Dict(at) => match &self.objects[at] {
                Object::Dict(items) => Some(items),
                Object::Sequence(_) => None,
            },
            _ => None,
        }
    }

    pub(super) fn list(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::Tuple(at) | Value::List(at) => match &self.objects[at] {
                Object::Sequence(values) => Some(values),
                Object::Dict(_) => None,
            },
            _ => None,
        }
    }

    /// What the root dict has under this key; the last one counts, as in Python.
    pub(super) fn entry(&self, name: &str) -> Option<Value<'a>> {
        let items = self.dict(self.root)?;
        items.iter().rev().find(|(key, _)| matches!(key, Value::Text(text) if *text == name)).map(|(_, value)| *value)
    }

    /// Numbers of zero or more, at most [`MAX_RANK`] of them and nothing else.
    pub(super) fn integers(&self, Sequence(at): Sequence) -> Option<Vec<usize>> {
        let integer = |value: &Value<'a>| match *value {
            Value::Integer(integer) => usize::try_from(integer).ok(),
            _ => None,
        };
        self.list(Value::List(at)).filter(|values| values.len() <= MAX_RANK)?.iter().map(integer).collect()
    }
}
