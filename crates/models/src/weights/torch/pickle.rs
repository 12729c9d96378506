//! A pickle machine that makes values and calls nothing.
//!
//! A pickle is a program for a stack machine. The opcodes here build numbers, texts, tuples, lists and dicts; a global may
//! only be one of [`Global`], and `REDUCE` on it makes a plain value of ours. Values live in one arena, so that a list
//! which holds itself is neither endless nor a leak, and nothing here recurses.
//!
//! # Reference
//! Python's `pickletools` (protocols 0 to 5; what `torch.save` writes is protocol 2).

use std::collections::BTreeMap;

use super::TorchError;
use super::value::{Global, Object, Pickle, Sequence, Storage, TensorView, Value};
use crate::weights::cursor::Cursor;

/// Values on the stack at once.
const MAX_STACK: usize = 1 << 20;
/// Values that are kept for a later use.
const MAX_MEMO: usize = 1 << 22;
/// Values in all tuples, lists and dicts together. A shorter pickle makes at most two for each of its bytes: each value
/// takes a byte at least, and may be copied once, from a list into a dict. More are a list that is copied again and again.
const MAX_VALUES: usize = 1 << 24;

/// Runs the pickle at the cursor, up to its end.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Pickle<'a>, TorchError> {
    let made = Pickle { root: Value::None, objects: Vec::new(), storages: Vec::new(), tensors: Vec::new() };
    let max_values = cursor.left().saturating_mul(2).min(MAX_VALUES);
    let mut machine = Machine { cursor, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new(), n_values: 0, max_values, made };
    while machine.step()? == Step::Go {}
    machine.made.root = machine.pop()?;
    Ok(machine.made)
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Go,
    Stop,
}

struct Machine<'a, 'c> {
    cursor: &'c mut Cursor<'a>,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value<'a>>,
    /// In all objects of the arena.
    n_values: usize,
    max_values: usize,
    made: Pickle<'a>,
}

impl<'a> Machine<'a, '_> {
    fn step(&mut self) -> Result<Step, TorchError> {
        let at = self.cursor.offset();
        let opcode = self.cursor.u8("an opcode")?;
        match opcode {
            b'.' => return Ok(Step::Stop),
            0x80 => drop(self.cursor.u8("PROTO")?),
            0x95 => drop(self.cursor.u64("FRAME")?),
            b'(' if self.marks.len() < MAX_STACK => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            b'q' | b'r' | 0x94 => self.put(opcode)?,
            b'h' | b'j' => self.get(opcode)?,
            b'}' => self.push_dict(Vec::new())?,
            b']' => {
                let list = self.sequence(Vec::new())?;
                self.push(Value::List(list))?;
            }
            b')' => self.push_tuple(0)?,
            0x85..=0x87 => self.push_tuple(usize::from(opcode - 0x84))?,
            b't' => {
                let n = self.stack.len() - self.mark()?;
                self.push_tuple(n)?;
            }
            b'a' => self.append(1)?,
            b'e' => {
                let n = self.stack.len() - self.mark()?;
                self.append(n)?;
            }
            b's' => self.set_items(2)?,
            b'u' => {
                let n = self.stack.len() - self.mark()?;
                self.set_items(n)?;
            }
            b'c' | 0x93 => self.global(opcode, at)?,
            b'R' => self.reduce(at)?,
            b'Q' => self.persistent()?,
            b'b' => self.build(at)?,
            _ => {
                let value = self.literal(opcode, at)?;
                self.push(value)?;
            }
        }
        Ok(Step::Go)
    }

    /// A value that stands in the pickle itself.
    fn literal(&mut self, opcode: u8, at: usize) -> Result<Value<'a>, TorchError> {
        let cursor = &mut *self.cursor;
        Ok(match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Integer(i64::from(cursor.u8("an integer")?)),
            b'M' => Value::Integer(i64::from(cursor.u16("an integer")?)),
            b'J' => Value::Integer(i64::from(cursor.u32("an integer")?.cast_signed())),
            0x8a => {
                let length = cursor.u8("an integer's length")?;
                long(cursor.take(usize::from(length), "an integer")?)
            }
            0x8b => {
                let length = cursor.u32("an integer's length")?;
                long(cursor.take_u64(u64::from(length), "an integer")?)
            }
            b'G' => {
                cursor.take(8, "a float")?;
                Value::Opaque("a float")
            }
            b'U' | 0x8c | b'C' => {
                let length = cursor.u8("a text's length")?;
                text(opcode, cursor.take(usize::from(length), "a text")?, at)?
            }
            b'T' | b'X' | b'B' => {
                let length = cursor.u32("a text's length")?;
                text(opcode, cursor.take_u64(u64::from(length), "a text")?, at)?
            }
            0x8d | 0x8e => {
                let length = cursor.u64("a text's length")?;
                text(opcode, cursor.take_u64(length, "a text")?, at)?
            }
            other => return Err(TorchError::Unsupported(format!("opcode {other:#04x} at offset {at} of its pickle is not read"))),
        })
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), TorchError> {
        if self.stack.len() >= MAX_STACK {
            return Err(TorchError::Damaged(format!("its pickle has more than {MAX_STACK} values on the stack")));
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value<'a>, TorchError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The last value above the last mark.
    fn top(&self) -> Result<Value<'a>, TorchError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[_]>::last).copied().ok_or_else(|| self.short())
    }

    /// The last `n` values above the last mark.
    fn pop_n(&mut self, n: usize) -> Result<Vec<Value<'a>>, TorchError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let at = self.stack.len().checked_sub(n).filter(|at| *at >= floor).ok_or_else(|| self.short())?;
        Ok(self.stack.split_off(at))
    }

    /// Removes the last mark and says where it was.
    fn mark(&mut self) -> Result<usize, TorchError> {
        let mark = self.marks.pop().ok_or_else(|| self.short())?;
        if mark <= self.stack.len() { Ok(mark) } else { Err(self.short()) }
    }

    fn short(&self) -> TorchError {
        TorchError::Damaged(format!("its pickle uses a value that is not there, before offset {}", self.cursor.offset()))
    }

    /// Where an object goes, if the arena has room for its `n` values.
    fn object(&mut self, object: Object<'a>, n: usize) -> Result<usize, TorchError> {
        self.charge(n + 1)?;
        self.made.objects.push(object);
        Ok(self.made.objects.len() - 1)
    }

    fn charge(&mut self, n: usize) -> Result<(), TorchError> {
        self.n_values += n;
        if self.n_values > self.max_values {
            return Err(TorchError::Damaged(format!("its pickle makes more than {} values", self.max_values)));
        }
        Ok(())
    }

    fn sequence(&mut self, values: Vec<Value<'a>>) -> Result<usize, TorchError> {
        let n = values.len();
        self.object(Object::Sequence(values), n)
    }

    fn push_tuple(&mut self, n: usize) -> Result<(), TorchError> {
        let values = self.pop_n(n)?;
        let tuple = self.sequence(values)?;
        self.push(Value::Tuple(tuple))
    }

    fn push_dict(&mut self, items: Vec<(Value<'a>, Value<'a>)>) -> Result<(), TorchError> {
        let n = 2 * items.len();
        let dict = self.object(Object::Dict(items), n)?;
        self.push(Value::Dict(dict))
    }

    fn append(&mut self, n: usize) -> Result<(), TorchError> {
        let values = self.pop_n(n)?;
        self.charge(n)?;
        match self.top()? {
            Value::List(at) => {
                if let Object::Sequence(list) = &mut self.made.objects[at] {
                    list.extend(values);
                }
                Ok(())
            }
            other => Err(TorchError::Damaged(format!("its pickle appends to {}", other.kind()))),
        }
    }

    fn set_items(&mut self, n: usize) -> Result<(), TorchError> {
        let values = self.pop_n(n)?;
        self.charge(n)?;
        let (pairs, []) = values.as_chunks::<2>() else { return Err(self.short()) };
        match self.top()? {
            Value::Dict(at) => {
                if let Object::Dict(items) = &mut self.made.objects[at] {
                    items.extend(pairs.iter().map(|&[key, value]| (key, value)));
                }
                Ok(())
            }
            other => Err(TorchError::Damaged(format!("its pickle sets an item of {}", other.kind()))),
        }
    }

    fn put(&mut self, opcode: u8) -> Result<(), TorchError> {
        let key = match opcode {
            b'q' => u32::from(self.cursor.u8("a memo key")?),
            b'r' => self.cursor.u32("a memo key")?,
            _ => self.memo.len() as u32,
        };
        let top = self.top()?;
        self.memo.insert(key, top);
        if self.memo.len() > MAX_MEMO {
            return Err(TorchError::Damaged(format!("its pickle keeps more than {MAX_MEMO} values")));
        }
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<(), TorchError> {
        let key = if opcode == b'h' { u32::from(self.cursor.u8("a memo key")?) } else { self.cursor.u32("a memo key")? };
        let value = self.memo.get(&key).copied().ok_or_else(|| self.short())?;
        self.push(value)
    }

    fn global(&mut self, opcode: u8, at: usize) -> Result<(), TorchError> {
        let (module, name) = if opcode == b'c' {
            let module = String::from_utf8_lossy(self.cursor.line("a global's module")?);
            (module, String::from_utf8_lossy(self.cursor.line("a global's name")?))
        } else {
            match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => (module.into(), name.into()),
                _ => return Err(TorchError::Damaged(format!("the global at offset {at} of its pickle has no name"))),
            }
        };
        let global = Global::named(&module, &name);
        let shown = || format!("{module}.{name}").chars().take(120).collect();
        let global = global.ok_or_else(|| TorchError::Global { name: shown(), offset: at })?;
        self.push(Value::Global(global))
    }

    fn reduce(&mut self, at: usize) -> Result<(), TorchError> {
        let wrong = || TorchError::Damaged(format!("what is made at offset {at} of its pickle has other arguments than it should"));
        let (arguments, global) = (self.pop()?, self.pop()?);
        let Value::Global(global) = global else { return Err(wrong()) };
        let arguments = self.made.list(arguments).ok_or_else(wrong)?;
        match (global, arguments) {
            (Global::OrderedDict, []) => self.push_dict(Vec::new()),
            // Python 2 gives the items as a list of pairs.
            (Global::OrderedDict, [list @ Value::List(_)]) => {
                let list = self.made.list(*list).ok_or_else(wrong)?;
                if self.n_values + 2 * list.len() > self.max_values {
                    return self.charge(2 * list.len());
                }
                let pair = |value: &Value<'a>| match self.made.list(*value)? {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                };
                let items = list.iter().map(pair).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
                self.push_dict(items)
            }
            (Global::RebuildParameter, [tensor @ Value::Tensor(_), ..]) => {
                let tensor = *tensor;
                self.push(tensor)
            }
            (Global::RebuildTensor, [Value::Storage(storage), Value::Integer(offset), size, stride, rest @ ..]) => {
                // The last one of seven says that the tensor is the negative or the conjugate of what is stored.
                let plain = rest.get(2).is_none_or(|value| match *value {
                    Value::None => true,
                    other => self.made.dict(other).is_some_and(<[_]>::is_empty),
                });
                if !plain || rest.len() > 3 {
                    return Err(TorchError::Unsupported(format!("the tensor at offset {at} of its pickle is not stored as it is")));
                }
                let sequence = |value: Value<'a>| match value {
                    Value::Tuple(at) | Value::List(at) => Ok(Sequence(at)),
                    _ => Err(wrong()),
                };
                let offset = usize::try_from(*offset).map_err(|_| wrong())?;
                let view = TensorView { storage: *storage, offset, size: sequence(*size)?, stride: sequence(*stride)? };
                self.made.tensors.push(view);
                self.push(Value::Tensor(self.made.tensors.len() - 1))
            }
            (Global::OrderedDict | Global::RebuildParameter | Global::RebuildTensor | Global::Storage(_), _) => Err(wrong()),
        }
    }

    /// `("storage", type, key, location, n)`, in the legacy form with a sixth that was for views and is `None`.
    fn persistent(&mut self) -> Result<(), TorchError> {
        let id = self.pop()?;
        let storage = match self.made.list(id) {
            Some(
                [Value::Text("storage"), Value::Global(Global::Storage(encoding)), Value::Text(key), _, Value::Integer(n)]
                | [Value::Text("storage"), Value::Global(Global::Storage(encoding)), Value::Text(key), _, Value::Integer(n), Value::None],
            ) => usize::try_from(*n).ok().map(|n| Storage { key, encoding: *encoding, n }),
            _ => None,
        };
        let at = self.cursor.offset();
        let storage =
            storage.ok_or_else(|| TorchError::Unsupported(format!("what is stored apart before offset {at} is no plain storage")))?;
        self.made.storages.push(storage);
        self.push(Value::Storage(self.made.storages.len() - 1))
    }

    /// Attributes of an ordered dict (`_metadata`) hold no tensors that a model wants; nothing else has attributes.
    fn build(&mut self, at: usize) -> Result<(), TorchError> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) => Ok(()),
            other => Err(TorchError::Damaged(format!("{} at offset {at} of its pickle is given attributes", other.kind()))),
        }
    }
}

fn text(opcode: u8, bytes: &[u8], at: usize) -> Result<Value<'_>, TorchError> {
    if matches!(opcode, b'C' | b'B' | 0x8e) {
        return Ok(Value::Opaque("bytes"));
    }
    let text = std::str::from_utf8(bytes);
    text.map(Value::Text).map_err(|error| TorchError::Damaged(format!("the text at offset {at} of its pickle is not UTF-8: {error}")))
}

/// Little-endian two's complement.
fn long(bytes: &[u8]) -> Value<'static> {
    if bytes.len() > 8 {
        return Value::Opaque("an integer of more than 64 bits");
    }
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut out = [fill; 8];
    out[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(out))
}
