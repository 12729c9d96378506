//! The three commands on small data sets whose files lie in a mirror folder.

use std::fmt::Write as _;
use std::fs;

use clap::Parser as _;
use tempfile::TempDir;

use super::*;
use crate::assets::{Digest, Settings, Silent};

/// A registry with two data sets beside the built-in ones, and a mirror folder for their files.
struct Shelf {
    folder: TempDir,
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: DataArgs,
}

const TEMPLATE: &str =
    "template = { instruction = 'Grade.', input = 'Review: {text}', cue = 'Mood:', separator = '', labels = ['bad', 'good'] }";

impl Shelf {
    fn new() -> Self {
        let shelf = Self { folder: tempfile::tempdir().unwrap() };
        shelf.put("train.txt", "0 dull\n0 dull\n1 fine\n1 it is so so\n");
        shelf.put("test.txt", "0 dull\n1 It is so, so!\n1 grand\n");
        shelf.put("pixels.csv", "0,16,8,4,0\n16,0,0,0,1\n");
        shelf
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Tables, of which this number of bad training items is stated.
    fn tables(&self, n_bad: usize) -> Registry {
        let mut tables = format!(
            "[reviews]\nabout = 'Reviews'\nmodality = 'text'\nclasses = ['bad', 'good']\nlicence = 'none'\ncitation = 'nobody'\n\
             reader = {{ label-lines = {{ labels = ['0', '1'], encoding = 'utf-8' }} }}\nsplit = {{ validation-percent = 30 }}\n{TEMPLATE}\n"
        );
        let file = |tables: &mut String, table: &str, name: &str| {
            let content = fs::read(self.folder.path().join(name)).unwrap_or_default();
            let (bytes, sha256) = (content.len(), Digest::of(&content));
            let pin = format!("bytes = {bytes}\nsha256 = '{sha256}'");
            writeln!(tables, "[[{table}.parts.files]]\nfile = '{name}'\n{pin}\nsources = [{{ mirror = '{name}' }}]").unwrap();
        };
        writeln!(tables, "[[reviews.parts]]\npart = 'train'\nrows = [{n_bad}, 2]").unwrap();
        file(&mut tables, "reviews", "train.txt");
        writeln!(tables, "[[reviews.parts]]\npart = 'test'\nrows = [1, 2]").unwrap();
        file(&mut tables, "reviews", "test.txt");
        writeln!(
            tables,
            "[dots]\nabout = 'Dots'\nmodality = 'vision'\nclasses = ['left', 'right']\nlicence = 'none'\ncitation = 'nobody'\n\
             reader = {{ image-csv = {{ height = 2, width = 2, highest = 16 }} }}\nsplit = {{ test-percent = 30, validation-percent = 30 }}\n\
             [[dots.parts]]\npart = 'all'\nrows = [1, 1]"
        )
        .unwrap();
        file(&mut tables, "dots", "pixels.csv");
        writeln!(
            tables,
            "[told]\nabout = 'Told'\nmodality = 'text'\nclasses = ['bad', 'good']\nlicence = 'none'\ncitation = 'nobody'\nunverified = true\n\
             reader = {{ label-lines = {{ labels = ['0', '1'], encoding = 'utf-8' }} }}\nsplit = {{ test-percent = 30, validation-percent = 30 }}\n{TEMPLATE}\n\
             [[told.parts]]\npart = 'all'\ntotal = 4\n[[told.parts.files]]\nfile = 'train.txt'\nsources = [{{ mirror = 'train.txt' }}]"
        )
        .unwrap();
        self.put("datasets.toml", &tables);
        Registry::built_in().unwrap().extended(self.folder.path()).unwrap()
    }

    fn ask(&self, registry: &Registry, words: &str) -> Result<String, Failure> {
        let mut settings = Settings::new(self.folder.path().join("cache"), Network::Forbidden);
        settings.mirror = Some(self.folder.path().to_owned());
        let line = Line::try_parse_from(format!("data {words}").split_whitespace()).unwrap();
        let path = self.folder.path().display().to_string();
        answer(&line.args, registry, &AssetStore::new(settings), &Silent).map(|text| text.replace(&path, "FOLDER"))
    }
}

#[test]
fn every_data_set_is_listed_with_where_it_is() {
    let shelf = Shelf::new();
    let registry = shelf.tables(2);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&shelf.ask(&registry, "list --format json").unwrap()).unwrap();
    assert_eq!(rows.len(), registry.datasets().len());
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!((of("reviews")["here"].as_str(), of("told")["files"].as_str()), (Some("mirror"), Some("unverified")));
    assert_eq!(of("digits")["here"], "–");
    assert_eq!(of("digits")["items"][0], "all 1,797 (test 33 %, validation 20 %)");
    shelf.ask(&registry, "verify reviews --format csv").unwrap();
    assert!(
        shelf
            .ask(&registry, "list --format csv")
            .unwrap()
            .contains("reviews,text,2 classes,train 4 (validation 30 %); test 3,none,counted,cache")
    );
}

#[test]
fn a_text_data_set_is_shown_as_it_is_asked() {
    let shelf = Shelf::new();
    let text = shelf.ask(&shelf.tables(2), "show reviews --each 1 --format json").unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["explanation"].as_str().unwrap();
    assert_eq!(of("parts"), "train 4 (validation 30 %), test 3");
    assert_eq!(of("classes of train"), "bad 2 (50.0 %), good 2 (50.0 %); the largest class alone: 50.0 %");
    assert_eq!(of("items of train"), "1 to 4 words, 1 in the middle");
    assert!(of("file").ends_with("from mirror train.txt"), "{}", of("file"));
    assert!(rows.iter().any(|row| row["explanation"] == "Review: dull\nMood: bad"), "{text}");
    assert!(of("items to draw from").ends_with("test 3; left out: 3 repeated, 0 with several labels"), "{}", of("items to draw from"));
}

#[test]
fn pictures_go_to_a_file() {
    let shelf = Shelf::new();
    let registry = shelf.tables(2);
    let out = shelf.folder.path().join("dots.png");
    let text = shelf.ask(&registry, &format!("show dots --out {}", out.display())).unwrap();
    assert!(text.contains("Pictures of items are in FOLDER/dots.png."), "{text}");
    let picture = image::open(&out).unwrap().to_rgb8();
    assert!(picture.width() > 64 && picture.pixels().any(|pixel| pixel.0 == [64; 3]), "4 of 16 is a quarter");
    let refused = shelf.ask(&registry, &format!("show reviews --out {}", out.display())).unwrap_err();
    insta::assert_snapshot!(refused, @r"
    `reviews` has no pictures: its items are text
      help: leave out `--out` to read them, and let `--each` be above zero
    ");
}

#[test]
fn what_cannot_be_had_is_shown_without_items() {
    let shelf = Shelf::new();
    let text = shelf.ask(&Registry::built_in().unwrap(), "show digits").unwrap();
    assert!(text.contains("Alpaydin") && text.contains("No items are shown, because files are missing"), "{text}");
}

#[test]
fn repetitions_are_counted_and_no_error() {
    let shelf = Shelf::new();
    let text = shelf.ask(&shelf.tables(2), "verify reviews dots told --format csv").unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let expected = [
        "name,state,items,repeated,test in train,validation in train,test in validation,several labels,alike: test in train,left out,faults",
        // `dull` twice in train and once in the test; `so so` in both by its letters alone.
        "reviews,whole,7,1,1,,,0,2,3,",
        "dots,whole,2,0,,,,0,,0,",
        "told,readable,4,1,,,,0,,1,",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_data_set_that_is_not_what_its_table_says_is_broken() {
    let shelf = Shelf::new();
    let Failure::Differs { text, reason } = shelf.ask(&shelf.tables(3), "verify reviews --format csv").unwrap_err() else { panic!() };
    assert_eq!(reason, "not what the tables say: reviews");
    assert!(text.contains("broken"), "{text}");
    assert!(text.contains("2 rows of class `bad`, but the table says 3"), "{text}");
    let shelf = Shelf::new();
    let registry = shelf.tables(2);
    shelf.put("test.txt", "0 dull\n1 It is so, so!\n1 great\n");
    let Failure::Differs { text, .. } = shelf.ask(&registry, "verify reviews --format csv").unwrap_err() else { panic!() };
    assert!(text.contains("wrong content"), "{text}");
    let total = shelf.folder.path().join("train.txt");
    fs::write(total, "0 dull\n").unwrap();
    let Failure::Differs { text, .. } = shelf.ask(&registry, "verify told --format csv").unwrap_err() else { panic!() };
    assert!(text.contains("1 rows, but the table says 4"), "{text}");
}

#[test]
fn what_is_missing_is_another_failure() {
    let shelf = Shelf::new();
    let registry = Registry::built_in().unwrap();
    assert_eq!(shelf.ask(&registry, "verify digits").unwrap_err().exit_code(), 3);
    let all = shelf.ask(&registry, "verify --all --format csv").unwrap();
    assert_eq!(all.matches(",missing,").count(), registry.datasets().len());
    insta::assert_snapshot!(shelf.ask(&registry, "verify didgits").unwrap_err(), @r"
    there is no data set `didgits`
      help: did you mean `digits`? `reprogram data list` lists all
    ");
}
