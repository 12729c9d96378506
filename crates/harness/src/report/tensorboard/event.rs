//! Messages of an event file, in the wire format of protocol buffers.
//!
//! # Reference
//! `tensorflow/core/util/event.proto` and `framework/summary.proto`: `Event { double wall_time = 1; int64 step = 2; string file_version = 3;
//! Summary summary = 5 }`, `Summary { repeated Value value = 1 }`, `Value { string tag = 1; float simple_value = 2 }`.

/// How a field is laid out.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// One event.
pub(super) enum Event {
    /// What a file begins with.
    Version,
    /// Numbers of one step.
    Scalars { step: usize, scalars: Vec<Scalar> },
}

/// A named number.
pub(super) struct Scalar {
    pub(super) tag: &'static str,
    pub(super) value: f32,
}

impl Event {
    /// The message. `seconds`: since 1970.
    pub(super) fn message(&self, seconds: f64) -> Vec<u8> {
        let mut bytes = key(1, Wire::Fixed64);
        bytes.extend(seconds.to_le_bytes());
        match self {
            Self::Version => bytes.extend(embedded(3, b"brain.Event:2")),
            Self::Scalars { step, scalars } => {
                bytes.extend(key(2, Wire::Varint));
                bytes.extend(varint(*step as u64));
                let values: Vec<u8> = scalars.iter().flat_map(|scalar| embedded(1, &scalar.message())).collect();
                bytes.extend(embedded(5, &values));
            }
        }
        bytes
    }
}

impl Scalar {
    fn message(&self) -> Vec<u8> {
        let mut bytes = embedded(1, self.tag.as_bytes());
        bytes.extend(key(2, Wire::Fixed32));
        bytes.extend(self.value.to_le_bytes());
        bytes
    }
}

fn key(field: u64, wire: Wire) -> Vec<u8> {
    varint(field << 3 | wire as u64)
}

fn embedded(field: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = key(field, Wire::Bytes);
    bytes.extend(varint(content.len() as u64));
    bytes.extend(content);
    bytes
}

/// Seven bits a byte, the lowest first.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_wire_format() {
        assert_eq!([varint(0), varint(127), varint(300)], [vec![0], vec![127], vec![0xAC, 0x02]]);
        let event = Event::Scalars { step: 300, scalars: vec![Scalar { tag: "a", value: 0.5 }] };
        let expected =
            [&[0x09][..], &1.5_f64.to_le_bytes(), &[0x10, 0xAC, 0x02], &[0x2A, 10, 0x0A, 8, 0x0A, 1, b'a', 0x15], &0.5_f32.to_le_bytes()];
        assert_eq!(event.message(1.5), expected.concat());
        assert_eq!(Event::Version.message(0.0)[9..], [&[0x1A, 13][..], b"brain.Event:2"].concat());
    }
}
