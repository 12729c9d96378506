//! Readers on small files, and the properties that every division and every draw must have.

mod parquet;
mod protocols;
mod sounds;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use reprogram_taxonomy::Modality;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::assets::{AssetStore, Digest, Network, Settings, Silent};
use crate::registry::{Evidence, Holdout, PartName, Registry, SplitRule};

/// A registry and a mirror with one small data set.
pub(super) struct Small {
    pub(super) folder: TempDir,
}

impl Small {
    pub(super) fn new() -> Self {
        let small = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(small.path("mirror")).unwrap();
        small
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Loads a data set of two classes with these files, each of them one part of one file.
    fn load(&self, reader: &str, rows: &str, files: &[(&str, &[u8])]) -> Result<DataSet, DataError> {
        self.load_of_classes(["no", "yes"], reader, rows, files)
    }

    fn load_of_classes(&self, [a, b]: [&str; 2], reader: &str, rows: &str, files: &[(&str, &[u8])]) -> Result<DataSet, DataError> {
        let modality = match reader.split('-').next() {
            Some("image") => "vision",
            Some("recording") => "audio",
            Some("series") => "time-series",
            Some(_) | None => "text",
        };
        let mut table = format!(
            "[small]\nabout = ''\nmodality = '{modality}'\nclasses = ['{a}', '{b}']\nlicence = ''\ncitation = ''\nreader = {{ {reader} }}\n\
             split = {{ test-percent = 30, validation-percent = 30 }}\n"
        );
        if modality == "text" {
            table += "template = { instruction = '', input = '{text}', cue = '', separator = '', labels = ['no', 'yes'] }\n";
        }
        writeln!(table, "[[small.parts]]\npart = 'all'\n{rows}").unwrap();
        for (name, content) in files {
            fs::write(self.path("mirror").join(name), content).unwrap();
            let (bytes, sha256) = (content.len(), Digest::of(content));
            writeln!(
                table,
                "[[small.parts.files]]\nfile = '{name}'\nbytes = {bytes}\nsha256 = '{sha256}'\nsources = [{{ mirror = '{name}' }}]"
            )
            .unwrap();
        }
        fs::write(self.path("datasets.toml"), table).unwrap();
        let registry = Registry::built_in().unwrap().extended(self.folder.path()).unwrap();
        let mut settings = Settings::new(self.path("cache"), Network::Forbidden);
        settings.mirror = Some(self.path("mirror"));
        DataSet::load("small", &registry, &AssetStore::new(settings), &Silent)
    }

    fn complaint(&self, reader: &str, rows: &str, files: &[(&str, &[u8])]) -> String {
        self.load(reader, rows, files).unwrap_err().to_string().replace(self.folder.path().to_str().unwrap(), "FOLDER")
    }
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Every item, by id.
pub(super) fn items(dataset: &DataSet) -> Vec<Arc<Example>> {
    let splits = draw(dataset, &ALL).unwrap();
    let mut items = [splits.train.examples(), splits.validation.examples(), splits.test.examples()].concat();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    items
}

fn texts(dataset: &DataSet) -> Vec<(String, String, usize)> {
    let text = |content: &Content| match content {
        Content::Text(text) | Content::Question(Question { text, .. }) => text.clone(),
        Content::Image(_) | Content::Recording(_) | Content::Series(_) => panic!("no text"),
    };
    items(dataset).iter().map(|item| (item.id.clone(), text(&item.content), item.gold.class().unwrap())).collect()
}

pub(super) const ALL: Draw = Draw { seed: 0, train: TrainSize::All, validation_items: None, test_items: None };
const LINES: &str = "label-lines = { labels = ['0', '1'], encoding = 'utf-8' }";
const CSV: &str = "text-csv = { text = 'text', label = 'mood', labels = ['bad', 'good'], encoding = 'ascii'";
const IDX: &str = "image-idx = { height = 1, width = 2 }";
const NPZ: &str = "image-npz = { height = 1, width = 2, prefixes = ['a', 'b', 'c'] }";
const TAR: &str = "image-tar = { height = 1, width = 1, folders = ['n', 'y'], listed = { separator = ';', column = 2, labels = ['3', '7'], heading = true } }";
const JSON: &str = "json-lines = { text = '{a}: {b}?', label = 'so', labels = ['false', 'true'] }";
const ZIP: &str = "zip-texts = { folders = ['corpus/no', 'corpus/yes'], part = 'first-line', encoding = 'utf-8' }";

#[test]
fn images_of_a_csv_file() {
    let file = packed(b"0,16,8,4,0\n16,0,0,0,1\n");
    let dataset =
        Small::new().load("image-csv = { height = 2, width = 2, highest = 16 }", "rows = [1, 1]", &[("d.csv.gz", &file)]).unwrap();
    let items = items(&dataset);
    let image = Image { channels: 1, height: 2, width: 2, pixels: vec![0.0, 1.0, 0.5, 0.25] };
    assert_eq!(*items[0], Example { id: "all/000001".into(), content: Content::Image(image), gold: Gold::Class(0) });
    assert_eq!(items[1].gold, Gold::Class(1));
}

#[test]
fn images_of_numbers_and_their_labels() {
    let (images, labels) = (packed(&[0, 0, 0xd0, 0x07, 0xe8, 0x03, 0, 0]), packed(&[1, 0]));
    let reader = "image-u16 = { height = 1, width = 2, highest = 2000 }";
    let dataset = Small::new().load(reader, "rows = [1, 1]", &[("x.gz", &images), ("y.gz", &labels)]).unwrap();
    let items = items(&dataset);
    let image = |pixels| Content::Image(Image { channels: 1, height: 1, width: 2, pixels });
    assert_eq!((&items[0].content, &items[0].gold), (&image(vec![0.0, 1.0]), &Gold::Class(1)));
    assert_eq!((&items[1].content, &items[1].gold), (&image(vec![0.5, 0.0]), &Gold::Class(0)));
}

#[test]
fn images_behind_headers_of_their_sizes() {
    let (mut images, mut labels) = (vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2], vec![0, 0, 8, 1, 0, 0, 0, 2]);
    images.extend([0, 255, 51, 0]);
    labels.extend([1, 0]);
    let dataset = Small::new().load(IDX, "rows = [1, 1]", &[("x", &images), ("y.gz", &packed(&labels))]).unwrap();
    let image = |pixels| Content::Image(Image { channels: 1, height: 1, width: 2, pixels });
    let found: Vec<(Content, usize)> = items(&dataset).iter().map(|item| (item.content.clone(), item.gold.class().unwrap())).collect();
    assert_eq!(found, [(image(vec![0.0, 1.0]), 1), (image(vec![0.2, 0.0]), 0)]);
}

/// A `NumPy` array of bytes.
fn array(shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\x00", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), values].concat()
}

#[test]
fn images_of_numpy_arrays() {
    let file = zipped(&[("a_images.npy", &array("2, 1, 2", &[0, 255, 51, 0])), ("a_labels.npy", &array("2, 1", &[1, 0]))]);
    let dataset = Small::new().load(NPZ, "rows = [1, 1]", &[("x.npz", &file)]).unwrap();
    let image = Content::Image(Image { channels: 1, height: 1, width: 2, pixels: vec![0.2, 0.0] });
    assert_eq!((&items(&dataset)[1].content, &items(&dataset)[1].gold), (&image, &Gold::Class(0)));
}

/// A packed tar archive of images of one colour, one pixel each.
fn tarball(members: &[(&str, u8)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, red) in members {
        let image = [b"P6\n# by hand\n1 1\n255\n".as_slice(), &[*red, 0, 0]].concat();
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", image.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        header[154] = 0;
        archive.extend(header);
        archive.extend(&image);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    packed(&archive)
}

#[test]
fn images_of_an_archive_by_folder_or_by_list() {
    let found = |files: &[(&str, &[u8])]| -> Vec<(String, usize)> {
        let dataset = Small::new().load(TAR, "rows = [1, 1]", files).unwrap();
        items(&dataset).iter().map(|item| (item.id.clone(), item.gold.class().unwrap())).collect()
    };
    let by_folder = found(&[("t.tar.gz", &tarball(&[("x/n/in/a_1.ppm", 255), ("x/y/in/b_1.ppm", 0)]))]);
    assert_eq!(by_folder, [("all/x/n/in/a_1.ppm".to_owned(), 0), ("all/x/y/in/b_1.ppm".to_owned(), 1)]);
    let list = b"Filename;Width;ClassId\r\n1.ppm;9;7\r\n2.ppm;9;3\r\n3.ppm;9;3\r\n";
    let by_list = found(&[("t.tar.gz", &tarball(&[("x/1.ppm", 255), ("x/2.ppm", 0)])), ("l.csv", list)]);
    assert_eq!(by_list, [("all/x/1.ppm".to_owned(), 1), ("all/x/2.ppm".to_owned(), 0)]);
}

#[test]
fn texts_of_labelled_lines() {
    let dataset = Small::new().load(LINES, "rows = [1, 2]", &[("l.gz", &packed("1 très  bien\n0 no\n1 x y \n".as_bytes()))]).unwrap();
    let expected = [("all/000001", "très bien", 1), ("all/000002", "no", 0), ("all/000003", "x y", 1)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
    let latin = LINES.replace("utf-8", "latin-1");
    let dataset = Small::new().load(&latin, "rows = [0, 1]", &[("l", b"1 tr\xe8s bien")]).unwrap();
    assert_eq!(texts(&dataset)[0].1, "très bien");
}

#[test]
fn texts_of_a_csv_file_without_those_left_out() {
    let file = b"mood,who,text\r\ngood,a,\"two\nlines, one comma\"\r\nmeh,b,dull\r\nbad,c,caf\xe9\r\nbad,d,awful\r\n";
    let reader = format!("{CSV}, ignored-labels = ['meh'], unreadable = 'leave-out' }}");
    let dataset = Small::new().load(&reader, "rows = [1, 1]\nleft-out = 2", &[("t.csv", file)]).unwrap();
    let expected = [("all/000001", "two lines, one comma", 1), ("all/000004", "awful", 0)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
}

#[test]
fn rows_without_a_text_are_left_out_and_counted() {
    let reader = LINES.replace(" }", ", empty = 'leave-out' }");
    let dataset = Small::new().load(&reader, "rows = [1, 1]\nleft-out = 2", &[("l", b"0 no\n1 \n0  \n1 yes\n")]).unwrap();
    let expected = [("all/000001", "no", 0), ("all/000004", "yes", 1)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
}

#[test]
fn texts_put_together_of_columns() {
    let reader = CSV.replace("'text'", "'{head}. {body}'") + " }";
    let file = b"head,mood,body\nUp,good,all is\nDown,bad,nothing is\n";
    let dataset = Small::new().load(&reader, "rows = [1, 1]", &[("t.csv", file)]).unwrap();
    let expected = [("all/000001", "Up. all is", 1), ("all/000002", "Down. nothing is", 0)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
}

#[test]
fn texts_put_together_of_fields() {
    let file = br#"{"a": "it rains", "b": "is it wet", "so": true, "idx": 0}
{"a": "it is dry", "b": "is it wet", "so": false}
"#;
    let dataset = Small::new().load(JSON, "rows = [1, 1]", &[("j.jsonl", file)]).unwrap();
    let expected = [("all/000001", "it rains: is it wet?", 1), ("all/000002", "it is dry: is it wet?", 0)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
}

#[test]
fn texts_of_a_zip_file() {
    let file = zipped(&[("corpus/yes/2.txt", b"Up\n\nmore \xff"), ("corpus/no/1.txt", b"Down\n"), ("corpus/__init__.py", b"x")]);
    let dataset = Small::new().load(ZIP, "rows = [1, 1]", &[("w.whl", &file)]).unwrap();
    let expected = [("all/no/1.txt", "Down", 0), ("all/yes/2.txt", "Up", 1)];
    assert_eq!(texts(&dataset), expected.map(|(id, text, label)| (id.into(), text.into(), label)));
}

#[test]
fn files_that_do_not_fit_their_table_are_refused() {
    let small = Small::new();
    let images = "image-csv = { height = 1, width = 2, highest = 16 }";
    let csv = format!("{CSV} }}");
    let complaints = [
        small.complaint(images, "rows = [1, 1]", &[("short.csv", b"1,2,0\n1,1\n")]),
        small.complaint(images, "rows = [1, 1]", &[("word.csv", b"1,x,0\n")]),
        small.complaint(images, "rows = [1, 1]", &[("high.csv", b"1,17,0\n")]),
        small.complaint(images, "rows = [1, 1]", &[("class.csv", b"1,2,2\n")]),
        small.complaint(images, "rows = [1, 1]", &[("count.csv", b"1,2,0\n1,3,0\n1,4,1\n")]),
        small.complaint("image-u16 = { height = 1, width = 1, highest = 9 }", "rows = [1, 1]", &[("x", b"abc"), ("y", b"\0\x01")]),
        small.complaint(LINES, "rows = [1, 1]", &[("a", b"0 a\n2 b\n")]),
        small.complaint(LINES, "rows = [1, 1]", &[("b", b"0 a\n\n")]),
        small.complaint(LINES, "rows = [1, 1]", &[("c", b"0 \xff\n")]),
        small.complaint(LINES, "rows = [1, 1]", &[("d", b"0  \n")]),
        small.complaint(LINES, "rows = [1, 1]", &[("e.gz", b"0 not packed\n")]),
        small.complaint(&csv, "rows = [1, 1]", &[("f.csv", b"mood,body\ngood,x\n")]),
        small.complaint(&csv, "rows = [1, 1]", &[("g.csv", b"mood,text\nfine,x\n")]),
        small.complaint(&csv, "rows = [1, 1]", &[("h.csv", b"mood,text\ngood,x,y\n")]),
        small.complaint(&csv, "rows = [1, 1]", &[("i.csv", b"mood,text\ngood,\xe9\n")]),
        small.complaint(&format!("{CSV}, ignored-labels = ['meh'] }}"), "rows = [1, 0]\nleft-out = 1", &[("j.csv", b"mood,text\nbad,x\n")]),
        small.complaint(JSON, "rows = [1, 1]", &[("m.jsonl", b"{\"a\": \"x\", \"so\": true}\n")]),
        small.complaint(JSON, "rows = [1, 1]", &[("n.jsonl", b"{\"a\": [1], \"b\": \"x\", \"so\": true}\n")]),
        small.complaint(JSON, "rows = [1, 1]", &[("o.jsonl", b"{\"a\": \"y\", \"b\": \"x\", \"so\": \"maybe\"}\n")]),
        small.complaint(JSON, "rows = [1, 1]", &[("p.jsonl", b"no json\n")]),
        small.complaint(ZIP, "rows = [1, 1]", &[("k.whl", &zipped(&[("../../x", b"y")]))]),
        small.complaint(ZIP, "rows = [1, 1]", &[("l.whl", b"no zip")]),
        small.complaint(IDX, "rows = [1, 1]", &[("m", b"\0\0\x08\x01\0\0\0\0"), ("n", b"\0\0\x08\x01\0\0\0\0")]),
        small.complaint(IDX, "rows = [1, 1]", &[("o", b"\0\0\x08\x03\0\0\0\x01\0\0\0\x01\0\0\0\x02a"), ("p", b"\0\0\x08\x01\0\0\0\0")]),
        small.complaint(
            NPZ,
            "rows = [1, 1]",
            &[("q.npz", &zipped(&[("a_images.npy", &array("1, 1, 3", b"abc")), ("a_labels.npy", &array("1", b"\0"))]))],
        ),
        small.complaint(NPZ, "rows = [1, 1]", &[("r.npz", &zipped(&[("a_images.npy", b"abc")]))]),
        small.complaint(TAR, "rows = [1, 1]", &[("s.tar.gz", &tarball(&[("z/1.ppm", 0)]))]),
        small.complaint(TAR, "rows = [1, 1]", &[("t.tar.gz", &tarball(&[("z/1.ppm", 0)])), ("t.csv", b"a;b;c\n2.ppm;;3\n")]),
        small.complaint(TAR, "rows = [1, 1]", &[("u.tar.gz", &tarball(&[("n/1.ppm", 0)])), ("u.csv", b"a;b;c\n1.ppm;;9\n")]),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

fn example(id: &str, text: &str, label: usize) -> Example {
    Example { id: id.to_owned(), content: Content::Text(text.to_owned()), gold: Gold::Class(label) }
}

fn made(rule: SplitRule, parts: BTreeMap<PartName, Vec<Example>>) -> DataSet {
    DataSet::from_parts("made", Modality::Text, vec!["no".into(), "yes".into()], rule, parts).unwrap()
}

const BY_CONTENT: SplitRule = SplitRule { test: Holdout::ByContent { percent: 30 }, validation: Holdout::ByContent { percent: 20 } };
const OFFICIAL: SplitRule = SplitRule { test: Holdout::Official, validation: Holdout::Official };

/// A hundred distinct items, a third of them of class 1.
fn hundred() -> DataSet {
    let items = (0..100).map(|n| example(&format!("{n:03}"), &format!("text {n}"), usize::from(n % 3 == 0))).collect();
    made(BY_CONTENT, BTreeMap::from([(PartName::All, items)]))
}

#[test]
fn official_parts_stay_whole_and_train_loses_what_they_hold() {
    let parts = BTreeMap::from([
        (PartName::Train, vec![example("a1", "one", 0), example("a2", "Two!", 1), example("a3", "three", 1), example("a4", "four", 0)]),
        (PartName::Validation, vec![example("b1", "three", 1), example("b2", "five", 0), example("b3", "two", 1)]),
        (PartName::Test, vec![example("c1", "two", 1), example("c2", "two", 1)]),
    ]);
    let dataset = made(OFFICIAL, parts);
    let ids: Vec<String> = items(&dataset).iter().map(|item| item.id.clone()).collect();
    assert_eq!(ids, ["a1", "a4", "b1", "b2", "c1", "c2"]);
    assert_eq!(dataset.sizes(), PoolSizes { train: 2, validation: 2, test: 2, repeated: 3, ambiguous: 0 });
}

#[test]
fn a_series_stays_together() {
    let rule = SplitRule { test: Holdout::Official, validation: Holdout::ByGroup { percent: 40, until: '_' } };
    let films =
        (0..20).flat_map(|film| (0..5).map(move |frame| example(&format!("{film:02}_{frame}"), &format!("{film} {frame}"), film % 2)));
    let parts = BTreeMap::from([(PartName::Train, films.collect()), (PartName::Test, vec![example("t_0", "x", 0)])]);
    let splits = draw(&made(rule, parts), &ALL).unwrap();
    let films = |examples: &[Arc<Example>]| -> BTreeSet<String> { examples.iter().map(|item| item.id[..2].to_owned()).collect() };
    let (train, validation) = (films(splits.train.examples()), films(splits.validation.examples()));
    assert!(train.is_disjoint(&validation) && !validation.is_empty(), "{train:?} {validation:?}");
    assert_eq!((train.len() + validation.len(), splits.train.len() + splits.validation.len()), (20, 100));
}

#[test]
fn a_content_with_two_labels_is_taken_nowhere() {
    let items = vec![example("1", "so so", 0), example("2", "So, so", 1), example("3", "fine", 1), example("4", "fine", 1)];
    let sizes = made(BY_CONTENT, BTreeMap::from([(PartName::All, items)])).sizes();
    assert_eq!((sizes.ambiguous, sizes.repeated, sizes.train + sizes.validation + sizes.test), (2, 1, 1));
}

#[test]
fn an_id_stands_for_one_row() {
    let items = vec![example("1", "a", 0), example("1", "b", 1)];
    let error =
        DataSet::from_parts("made", Modality::Text, vec!["no".into(), "yes".into()], BY_CONTENT, BTreeMap::from([(PartName::All, items)]));
    insta::assert_snapshot!(error.unwrap_err());
}

#[test]
fn asking_for_too_much_says_what_there_is() {
    let dataset = hundred();
    let complaint = |wanted: Draw| draw(&dataset, &wanted).unwrap_err().to_string();
    let complaints = [
        complaint(Draw { train: TrainSize::Shots(40), ..ALL }),
        complaint(Draw { train: TrainSize::Items(500), ..ALL }),
        complaint(Draw { validation_items: Some(Amount::Items(500)), ..ALL }),
        complaint(Draw { test_items: Some(500), ..ALL }),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn the_rule_is_said_in_words() {
    let splits = draw(&hundred(), &Draw { train: TrainSize::Shots(4), validation_items: Some(Amount::Items(5)), ..ALL }).unwrap();
    insta::assert_snapshot!(splits.rule);
}

#[test]
fn a_smaller_subset_is_the_beginning_of_a_larger_one() {
    let dataset = hundred();
    let test = |n| draw(&dataset, &Draw { test_items: Some(n), ..ALL }).unwrap().test;
    assert_eq!(test(5).examples(), &test(20).examples()[..5]);
    let shots = |k| draw(&dataset, &Draw { train: TrainSize::Shots(k), ..ALL }).unwrap().train;
    let larger: BTreeSet<String> = shots(8).examples().iter().map(|item| item.id.clone()).collect();
    assert!(shots(3).examples().iter().all(|item| larger.contains(&item.id)));
}

/// Items with many repeated contents, in any order, in official parts or not.
fn any_rows() -> impl Strategy<Value = Vec<(u8, u8, bool)>> {
    prop::collection::vec((0..3_u8, 0..60_u8, any::<bool>()), 0..150)
}

fn parts_of(rows: &[(u8, u8, bool)], official: bool) -> BTreeMap<PartName, Vec<Example>> {
    let mut parts: BTreeMap<PartName, Vec<Example>> = BTreeMap::new();
    for (n, &(part, text, label)) in rows.iter().enumerate() {
        let part = if official { [PartName::Train, PartName::Validation, PartName::Test][usize::from(part)] } else { PartName::All };
        parts.entry(part).or_default().push(example(&format!("{n:03}"), &format!("word {text}"), usize::from(label)));
    }
    parts
}

fn hashes<Purpose>(split: &Split<Purpose>) -> BTreeSet<Digest> {
    split.examples().iter().map(|item| item.content_hash()).collect()
}

fn ids<Purpose>(split: &Split<Purpose>) -> Vec<String> {
    split.examples().iter().map(|item| item.id.clone()).collect()
}

proptest! {
    #[test]
    fn no_content_is_in_two_splits(rows in any_rows(), official: bool, seed: u64) {
        let dataset = made(if official { OFFICIAL } else { BY_CONTENT }, parts_of(&rows, official));
        let splits = draw(&dataset, &Draw { seed, ..ALL }).unwrap();
        let (train, validation, test) = (hashes(&splits.train), hashes(&splits.validation), hashes(&splits.test));
        prop_assert!(train.is_disjoint(&validation) && train.is_disjoint(&test) && validation.is_disjoint(&test));
        prop_assert_eq!(train.len(), splits.train.len(), "train items are distinct");
        let sizes = dataset.sizes();
        prop_assert_eq!(rows.len(), sizes.train + sizes.validation + sizes.test + sizes.repeated + sizes.ambiguous);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in any_rows(), official: bool, seed: u64, by in 0..200_usize) {
        let rule = if official { OFFICIAL } else { BY_CONTENT };
        let parts = parts_of(&rows, official);
        let mut turned = parts.clone();
        for examples in turned.values_mut() {
            examples.reverse();
            let n = examples.len();
            examples.rotate_left(by % n);
        }
        let (one, other) = (made(rule, parts), made(rule, turned));
        prop_assert_eq!(one.rows_sha256(), other.rows_sha256());
        let wanted = Draw { seed, ..ALL };
        let (one, other) = (draw(&one, &wanted).unwrap(), draw(&other, &wanted).unwrap());
        prop_assert_eq!(ids(&one.train), ids(&other.train));
        prop_assert_eq!(ids(&one.validation), ids(&other.validation));
        prop_assert_eq!(ids(&one.test), ids(&other.test));
    }

    #[test]
    fn shots_are_balanced_or_refused(rows in any_rows(), seed: u64, k in 0..12_usize) {
        let dataset = made(BY_CONTENT, parts_of(&rows, false));
        let all = draw(&dataset, &ALL).unwrap().train;
        let found = |label| all.examples().iter().filter(|item| item.gold == Gold::Class(label)).count();
        let smallest = found(0).min(found(1));
        match draw(&dataset, &Draw { seed, train: TrainSize::Shots(k), ..ALL }) {
            Ok(splits) => {
                prop_assert!(k <= smallest);
                prop_assert_eq!(splits.train.len(), 2 * k);
                prop_assert_eq!(splits.train.examples().iter().filter(|item| item.gold == Gold::Class(1)).count(), k);
            }
            Err(DataError::TooManyShots { found, .. }) => prop_assert!(found == smallest && k > smallest),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_seed_moves_train_items_only(seeds: (u64, u64), n in 1..40_usize) {
        let dataset = hundred();
        let with = |seed| draw(&dataset, &Draw { seed, train: TrainSize::Items(n), validation_items: Some(Amount::Items(5)), test_items: Some(15) }).unwrap();
        let (one, other) = (with(seeds.0), with(seeds.1));
        prop_assert_eq!(one.train.len(), n);
        prop_assert_eq!((ids(&one.validation), ids(&one.test)), (ids(&other.validation), ids(&other.test)));
        prop_assert_eq!(ids(&one.train), ids(&with(seeds.0).train));
    }
}

#[test]
fn other_seeds_draw_other_items() {
    let dataset = hundred();
    let drawn: BTreeSet<Vec<String>> =
        (0..20).map(|seed| ids(&draw(&dataset, &Draw { seed, train: TrainSize::Shots(4), ..ALL }).unwrap().train)).collect();
    assert!(drawn.len() > 15);
}

/// Fetches what is not there: run it with `--ignored`, with network access or a mirror.
#[test]
#[ignore = "needs the real files"]
fn real_data_sets_are_what_their_tables_say() {
    let registry = Registry::built_in().unwrap();
    let store = AssetStore::from_env(Network::Allowed).unwrap();
    let mut lines = Vec::new();
    let counted = registry.datasets().iter().filter(|(_, entry)| entry.evidence() == Evidence::Counted);
    for name in counted.map(|(name, _)| name) {
        let dataset = DataSet::load(name, &registry, &store, &Silent).unwrap();
        lines.push(format!("{name}: {:?}, rows {}", dataset.sizes(), dataset.rows_sha256()));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
