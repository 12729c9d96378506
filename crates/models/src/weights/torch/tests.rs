//! Legacy checkpoints made by hand, opcode by opcode: what no `torch.save` writes.

use super::*;

const OPEN: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
const LITTLE: &[u8] = b"\x80\x02}\x8c\x0dlittle_endian\x88s.";

/// A checkpoint whose object is this pickle (without `PROTO`), with one storage `k` of these numbers, if there are any.
fn checkpoint(pickle: &[u8], storage: &[f32]) -> Vec<u8> {
    if storage.is_empty() {
        return [OPEN, LITTLE, b"\x80\x02", pickle, b"\x80\x02]."].concat();
    }
    let mut bytes = [OPEN, LITTLE, b"\x80\x02", pickle, b"\x80\x02]\x8c\x01ka."].concat();
    bytes.extend((storage.len() as u64).to_le_bytes());
    bytes.extend(storage.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// `{"w": tensor}`; sizes and strides are one byte each.
fn tensor(kind: &str, n: u8, offset: u8, size: &[u8], stride: &[u8]) -> Vec<u8> {
    let tuple = |numbers: &[u8]| [b"(", numbers.iter().flat_map(|&number| [b'K', number]).collect::<Vec<_>>().as_slice(), b"t"].concat();
    let storage = [b"(\x8c\x07storagectorch\n".as_slice(), kind.as_bytes(), b"\n\x8c\x01k\x8c\x03cpuK", &[n], b"NtQ"].concat();
    [b"}\x8c\x01wctorch._utils\n_rebuild_tensor_v2\n(".as_slice(), &storage, &[b'K', offset], &tuple(size), &tuple(stride), b"\x89NtRs."]
        .concat()
}

fn error(bytes: &[u8]) -> String {
    Weights::from_torch(bytes).unwrap_err().to_string()
}

#[test]
fn strides_and_offset_are_honoured() {
    let bytes = checkpoint(&tensor("FloatStorage", 6, 1, &[2, 2], &[1, 3]), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(Weights::from_torch(&bytes).unwrap().tensor("w").unwrap().values, [1.0, 4.0, 2.0, 5.0]);
}

#[test]
fn a_stride_along_one_element_is_never_stepped_along() {
    let bytes = checkpoint(&tensor("FloatStorage", 2, 0, &[1, 2], &[255, 1]), &[7.0, 8.0]);
    assert_eq!(Weights::from_torch(&bytes).unwrap().tensor("w").unwrap().values, [7.0, 8.0]);
}

#[test]
fn ordered_dicts_of_python_2_are_read() {
    let value = &tensor("FloatStorage", 1, 0, &[1], &[1])[4..]; // behind `}` and the name
    let pairs = [b"ccollections\nOrderedDict\n](]\x8c\x01va".as_slice(), &value[..value.len() - 2], b"ae\x85R."].concat();
    let weights = Weights::from_torch(&checkpoint(&pairs, &[3.0])).map(|weights| weights.tensor("v").map(|tensor| tensor.values));
    assert_eq!(weights, Ok(Some(vec![3.0])));
}

#[test]
fn bad_pickles_say_what_is_wrong() {
    let four = [0.0; 4];
    let tail = |pickle: &[u8]| error(&checkpoint(pickle, &[]));
    let one = |n, offset, size: &[u8], stride: &[u8]| error(&checkpoint(&tensor("FloatStorage", n, offset, size, stride), &four));
    let messages = [
        tail(b"cposix\nsystem\n\x8c\x02ls\x85R."),
        tail(b"\x8c\x08builtins\x8c\x04eval\x93."),
        tail(b"ctorch\nComplexFloatStorage\n."),
        tail(b"ccollections\nOrderedDict\nK\x01\x85R."),
        tail(b"ctorch\nFloatStorage\n)R."),
        tail(b"\x8c\x06module\x85Q."),
        tail(b"]\x81."),
        tail(b"R."),
        tail(b"(K\x01u."),
        tail(b"}K\x01s."),
        tail(b"h\x07."),
        tail(b"K\x01a."),
        tail(b"K\x01}b."),
        tail(b"\x8c\x01\xff."),
        tail(b"N."),
        tail(b"}."),
        tail(b"}(\x8c\x05epochK\x01\x8c\x03net}\x8c\x04argsNu."),
        one(5, 0, &[4], &[1]),
        one(4, 0, &[5], &[1]),
        one(4, 3, &[2], &[1]),
        one(4, 0, &[2, 2], &[3, 1]),
        one(4, 0, &[2, 2], &[2]),
        one(4, 0, &[200, 4], &[0, 1]),
        one(4, 0, &[1; 9], &[1; 9]),
        error(&checkpoint(&tensor("LongStorage", 4, 0, &[4], &[1]), &four)),
        error(&[checkpoint(&tensor("FloatStorage", 4, 0, &[4], &[1]), &four).as_slice(), b"x"].concat()),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_list_that_is_copied_again_and_again_is_refused() {
    let pairs = [b"](".as_slice(), &b"\x8c\x01aN\x86".repeat(200), b"e\x85\x94ccollections\nOrderedDict\n\x94"].concat();
    let error = error(&checkpoint(&[pairs.as_slice(), &b"h\x01h\x00R".repeat(50), b"."].concat(), &[]));
    assert!(error.contains("its pickle makes more than"), "{error}");
}

#[test]
fn values_that_hold_themselves_end() {
    let error = error(&checkpoint(b"]\x94h\x00a.", &[]));
    assert!(error.starts_with("the checkpoint is a list, not a dict of tensors"), "{error}");
}

proptest::proptest! {
    #[test]
    fn no_pickle_makes_it_panic(pickle in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Weights::from_torch(&checkpoint(&pickle, &[]));
    }
}
