//! A graph made by hand, message by message.

use super::*;

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len();
    assert!(length < 1 << 14, "two bytes hold the length");
    [&[number << 3 | 2, 0x80 | (length & 0x7f) as u8, (length >> 7) as u8], bytes].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn tensor(name: &str, kind: u8, dims: &[u8], values: Vec<u8>) -> Vec<u8> {
    let dims = dims.iter().flat_map(|&edge| number(1, edge)).collect::<Vec<_>>();
    field(5, &[dims, number(2, kind), values, field(8, name.as_bytes())].concat())
}

fn model(graph: &[Vec<u8>]) -> Vec<u8> {
    [number(1, 8), field(7, &graph.concat())].concat()
}

fn linear() -> Vec<u8> {
    let attributes = [
        field(5, &[field(1, b"alpha"), vec![2 << 3 | 5], 0.5f32.to_le_bytes().to_vec()].concat()),
        field(5, &[field(1, b"transB"), number(3, 1)].concat()),
        field(5, &[field(1, b"pads"), field(8, &[1, 2]), number(8, 3)].concat()),
        field(5, &[field(1, b"scales"), field(7, &floats(&[0.5, 2.0]))].concat()),
        field(5, &[field(1, b"mode"), field(4, b"linear")].concat()),
    ];
    let names = [field(1, b"x"), field(1, b"onnx::MatMul_7"), field(2, b"y"), field(3, b"/head/Gemm"), field(4, b"Gemm")].concat();
    model(&[
        field(1, &[names, attributes.concat()].concat()),
        tensor("onnx::MatMul_7", 1, &[2, 1], field(9, &floats(&[1.0, -2.0]))),
        tensor("typed", 1, &[3], field(4, &floats(&[1.0, 2.0, 3.0]))),
        tensor("halves", 10, &[2], field(5, &[0x80, 0x78, 0x80, 0x80, 0x01])), // 0x3c00 and 0x4000 as numbers
        tensor("shape", 7, &[2], [number(7, 3), vec![7 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]].concat()),
        tensor("nothing", 1, &[0], vec![]),
    ])
}

#[test]
fn weights_and_nodes_are_read() {
    let bytes = linear();
    let onnx = Onnx::parse(&bytes).unwrap();
    let node = &onnx.nodes()[0];
    assert_eq!((node.name, node.operator), ("/head/Gemm", "Gemm"));
    assert_eq!((node.inputs.as_slice(), node.outputs.as_slice()), (["x", "onnx::MatMul_7"].as_slice(), ["y"].as_slice()));
    let expected = [
        ("alpha", OnnxAttribute::Float(0.5)),
        ("pads", OnnxAttribute::Integers(vec![1, 2, 3])),
        ("scales", OnnxAttribute::Floats(vec![0.5, 2.0])),
        ("transB", OnnxAttribute::Integer(1)),
    ];
    assert_eq!(node.attributes, expected.into());
    let weights = onnx.weights();
    let values = |name: &str| weights.tensor(name).unwrap().values;
    assert_eq!(weights.shape("onnx::MatMul_7"), Some([2, 1].as_slice()));
    assert_eq!(values("onnx::MatMul_7"), [1.0, -2.0]);
    assert_eq!(values("typed"), [1.0, 2.0, 3.0]);
    assert_eq!(values("halves"), [1.0, 2.0]);
    assert_eq!(values("shape"), [3.0, -1.0]);
    assert_eq!(values("nothing"), [0.0; 0]);
}

#[test]
fn bad_files_say_what_is_wrong() {
    let one = |tensor: Vec<u8>| model(&[tensor]);
    let f = |n: usize| field(9, &vec![0; 4 * n]);
    let cases = [
        vec![],
        b"GGUF".to_vec(),
        vec![0x3a, 0x7f],
        vec![0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        vec![0xff; 11],
        vec![0x3b],
        number(7, 1),
        [model(&[]), model(&[])].concat(),
        one(tensor("w", 1, &[3], f(2))),
        one(tensor("w", 1, &[2], [f(2), field(4, &[0; 8])].concat())),
        one(tensor("w", 8, &[1], f(1))),
        one(tensor("w", 1, &[1], number(7, 3))),
        one(tensor("w", 1, &[1], [f(1), number(14, 1)].concat())),
        one(tensor("w", 1, &[1; 9], f(1))),
        one(field(5, &[vec![1 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], number(2, 1)].concat())),
        one([tensor("w", 1, &[1], f(1)), tensor("w", 1, &[1], f(1))].concat()),
        one(field(15, &[])),
        model(&[field(1, &field(3, &[0xff]))]),
    ];
    let messages: Vec<String> = cases.iter().map(|bytes| Onnx::parse(bytes).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let mut bytes = linear();
    for at in 0..bytes.len() {
        for flip in 1..=255 {
            bytes[at] ^= flip;
            if let Ok(onnx) = Onnx::parse(&bytes) {
                let weights = onnx.weights();
                weights.names().for_each(|name| drop(weights.tensor(name)));
            }
            bytes[at] ^= flip;
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Onnx::parse(&bytes);
        let _ = Onnx::parse(&model(&[bytes]));
    }
}
