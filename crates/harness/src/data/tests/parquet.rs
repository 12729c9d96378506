//! Parquet files that are made here: texts with labels of either kind, options, images as structs and as bytes.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use polars::prelude::{Column, DataFrame, IntoColumn as _, IntoSeries as _, NamedFrom as _, ParquetWriter, Series};

use super::{Small, items, texts};
use crate::data::Content;

fn written(columns: Vec<Column>) -> Vec<u8> {
    let height = columns[0].len();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(height, columns).unwrap()).unwrap();
    bytes
}

fn words(name: &str, values: &[&str]) -> Column {
    Column::new(name.into(), values)
}

/// Two columns and a row of colours, the middle of which is a square of one colour.
fn picture(colour: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_fn(4, 2, |x, _| if x == 1 || x == 2 { Rgb(colour) } else { Rgb([9; 3]) });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn pictures(name: &str, colours: &[[u8; 3]]) -> Column {
    let bytes: Vec<Vec<u8>> = colours.iter().map(|colour| picture(*colour)).collect();
    let bytes: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    Column::new(name.into(), bytes)
}

#[test]
fn texts_with_labels_as_numbers() {
    let file = written(vec![words("a", &["one", "two"]), words("b", &["x", "y"]), Column::new("so".into(), [1_i64, 0])]);
    let reader = "json-lines = { text = '{a}: {b}?', label = 'so', labels = ['0', '1'] }";
    let dataset = Small::new().load(reader, "rows = [1, 1]", &[("d.parquet", &file)]).unwrap();
    let of = |id: &str, text: &str, class| (id.to_owned(), text.to_owned(), class);
    assert_eq!(texts(&dataset), [of("all/000001", "one: x?", 1), of("all/000002", "two: y?", 0)]);
}

#[test]
fn texts_with_labels_as_words() {
    let file = written(vec![words("text", &["one", "two"]), words("mood", &["good", "bad"])]);
    let reader = "json-lines = { text = 'text', label = 'mood', labels = ['bad', 'good'] }";
    let dataset = Small::new().load(reader, "rows = [1, 1]", &[("d.parquet", &file)]).unwrap();
    assert_eq!(texts(&dataset).into_iter().map(|(_, _, class)| class).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn options_in_structs_of_lists() {
    let list = |values: [&[&str]; 2]| -> Series {
        Series::new("".into(), values.iter().map(|values| Series::new("".into(), *values)).collect::<Vec<Series>>())
    };
    let (text, label) = (list([&["rain", "sun"], &["ice", "fire"]]), list([&["A", "B"], &["1", "2"]]));
    let columns = vec![text.with_name("text".into()).into_column(), label.with_name("label".into()).into_column()];
    let choices = DataFrame::new(2, columns).unwrap().into_struct("choices".into()).into_series().into_column();
    let file = written(vec![words("question", &["wet?", "hot?"]), choices, words("answerKey", &["A", "2"])]);
    let reader = "json-items = { layout = 'lines', text = ['/question'], options = { paired = { at = '/choices' } }, gold = { option-label = { at = '/answerKey' } } }";
    let small = Small::new();
    let complaint = small.load(reader, "rows = [1, 1]", &[("d.parquet", &file)]);
    // The classes of `Small` are no letters.
    assert!(complaint.unwrap_err().to_string().contains("label `A`, expected one of no, yes"));
    let dataset = small.load_of_classes(["A", "B"], reader, "rows = [1, 1]", &[("d.parquet", &file)]).unwrap();
    let of = |id: &str, text: &str, class| (id.to_owned(), text.to_owned(), class);
    let expected =
        [of("all/000001", "wet? Answer Choices: (A) rain (B) sun", 0), of("all/000002", "hot? Answer Choices: (A) ice (B) fire", 1)];
    assert_eq!(texts(&dataset), expected);
}

#[test]
fn images_in_structs_and_as_bytes_keep_their_middle() {
    let colours = [[255, 0, 0], [0, 0, 255]];
    let bytes = pictures("bytes", &colours);
    let paths = words("path", &["a.png", "b.png"]);
    let structs = DataFrame::new(2, vec![bytes, paths]).unwrap().into_struct("image".into()).into_series().into_column();
    let labels = || Column::new("label".into(), [1_i64, 0]);
    for image in [structs, pictures("image", &colours)] {
        let file = written(vec![image, labels()]);
        let reader = "image-parquet = { image = 'image', label = 'label', edge = 2 }";
        let dataset = Small::new().load(reader, "rows = [1, 1]", &[("d.parquet", &file)]).unwrap();
        let found = items(&dataset);
        assert_eq!([found[0].gold.class(), found[1].gold.class()], [Some(1), Some(0)]);
        let Content::Image(image) = &found[0].content else { panic!() };
        assert_eq!((image.channels, image.height, image.width), (3, 2, 2));
        assert_eq!(image.pixels, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

#[test]
fn images_of_several_files_are_counted_through() {
    let file = |colours: &[[u8; 3]], labels: &[&str]| written(vec![pictures("image", colours), words("label", labels)]);
    let (one, other) = (file(&[[1; 3], [2; 3]], &["n", "y"]), file(&[[3; 3], [4; 3]], &["y", "n"]));
    let reader = "image-parquet = { image = 'image', label = 'label', labels = ['n', 'y'], edge = 2, at-most = 1 }";
    let dataset = Small::new().load(reader, "rows = [1, 1]\nleft-out = 2", &[("a.parquet", &one), ("b.parquet", &other)]).unwrap();
    let ids: Vec<String> = items(&dataset).iter().map(|item| item.id.clone()).collect();
    assert_eq!(ids, ["all/000001", "all/000002"]);
    let complaint = |reader: &str| Small::new().complaint(reader, "rows = [2, 2]", &[("a.parquet", &one), ("b.parquet", &other)]);
    let complaints = [
        complaint("image-parquet = { image = 'picture', label = 'label', edge = 2 }"),
        complaint("image-parquet = { image = 'image', label = 'label', labels = ['n', 'z'], edge = 2 }"),
        complaint("image-parquet = { image = 'label', label = 'label', labels = ['n', 'y'], edge = 2 }"),
        Small::new().complaint(reader, "rows = [1, 1]\nleft-out = 2", &[("a.parquet", b"no such thing")]),
    ];
    let expected = ["picture", "label `y`, expected one of n, z", "a.parquet: ", "FOLDER/cache"];
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.contains(expected), "{complaint}");
    }
}
