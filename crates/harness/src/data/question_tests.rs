//! Questions with open answers or options, as tables and files write them.

use std::fs;

use reprogram_methods::Options;

use super::tests::{ALL, Small, items};
use super::*;
use crate::assets::{AssetStore, Digest, Network, Settings, Silent};
use crate::registry::Registry;

/// A set of questions as a table writes it, with these keys of the reader and this extraction.
fn questions(reader: &str, classes: &str, extraction: &str, rows: &str, file: &[u8]) -> Result<DataSet, String> {
    let small = Small::new();
    fs::write(small.path("mirror/q.json"), file).unwrap();
    let (bytes, sha256) = (file.len(), Digest::of(file));
    // Items that bring their own answers have neither words for classes nor a way to ask for one.
    let answers = if reader.contains("options-as") {
        String::new()
    } else {
        format!("labels = [{classes}]\nanswer = {{ phrase = 'it is', extraction = '{extraction}' }}")
    };
    let table = format!(
        "[small]\nabout = ''\nmodality = 'text'\nclasses = [{classes}]\nlicence = ''\ncitation = ''\nreader = {{ json-items = {{ {reader} }} }}\n\
         split = {{ test-percent = 30, validation-percent = 30 }}\n[small.template]\ninstruction = ''\ninput = '{{text}}'\ncue = ''\n\
         separator = ''\n{answers}\n[[small.parts]]\npart = 'all'\n\
         rows = {rows}\n[[small.parts.files]]\nfile = 'q.json'\nbytes = {bytes}\nsha256 = '{sha256}'\nsources = [{{ mirror = 'q.json' }}]\n"
    );
    fs::write(small.path("datasets.toml"), table).unwrap();
    let registry = Registry::built_in().unwrap().extended(small.folder.path()).unwrap();
    let mut settings = Settings::new(small.path("cache"), Network::Forbidden);
    settings.mirror = Some(small.path("mirror"));
    let loaded = DataSet::load("small", &registry, &AssetStore::new(settings), &Silent);
    loaded.map_err(|error| error.to_string().replace(small.folder.path().to_str().unwrap(), "FOLDER"))
}

const SOLVED: &str = "layout = 'lines', text = ['/q'], gold = { answer = { at = '/a', behind = '::' } }";
const SCORED: &str = "layout = 'examples', text = ['/q'], options = { scored = { at = '/s' } }, gold = 'best-option'";

fn open_answers(dataset: &DataSet) -> Vec<(Content, Gold)> {
    items(dataset).iter().map(|item| (item.content.clone(), item.gold.clone())).collect()
}

#[test]
fn open_answers_have_the_way_to_them() {
    let file = b"{\"q\": \"2 and\\n3?\", \"a\": \"2 + 3 =\\n<<2+3=5>>5.\\n:: 5\"}\n{\"q\": \"?\", \"a\": \":: 1,000\"}\n";
    let dataset = questions(SOLVED, "", "number@1", "[2]", file).unwrap();
    let gold = |text: &str, rationale: &str| Gold::Answer { text: text.to_owned(), rationale: Some(rationale.to_owned()) };
    let text = |text: &str| Content::Text(text.to_owned());
    assert_eq!(open_answers(&dataset), [(text("2 and 3?"), gold("5", "2 + 3 = 5.")), (text("?"), gold("1,000", ""))]);
    let other = questions(SOLVED, "", "number@1", "[2]", &file.map(|byte| if byte == b'5' { b'6' } else { byte })).unwrap();
    assert_ne!(other.rows_sha256(), dataset.rows_sha256(), "the answer counts");
}

#[test]
fn options_without_letters_are_lettered_by_their_place() {
    let text = |text: &str| Content::Text(text.to_owned());
    let expected =
        [(text("Which? Answer Choices: (A) y (B) x"), Gold::Class(1)), (text("Whose? Answer Choices: (A) x (B) z"), Gold::Class(0))];
    let gold = "gold = { label = { at = '/g', labels = ['1', '2'] } }";
    let plain = br#"[{"q": "Which?", "o": ["y", " x"], "g": 2}, {"q": "Whose?", "o": ["x", "z"], "g": "1"}]"#;
    let reader = format!("layout = 'list', text = ['/q'], options = {{ plain = {{ at = '/o' }} }}, {gold}");
    assert_eq!(open_answers(&questions(&reader, "'A', 'B'", "choice@1", "[1, 1]", plain).unwrap()), expected);
    let places = br#"[{"q": "Which?", "a": "y", "b": "x", "g": 2}, {"q": "Whose?", "a": "x", "b": "z", "g": "1"}]"#;
    let reader = format!("layout = 'list', text = ['/q'], options = {{ places = {{ at = ['/a', '/b'] }} }}, {gold}");
    assert_eq!(open_answers(&questions(&reader, "'A', 'B'", "choice@1", "[1, 1]", places).unwrap()), expected);
    let paired = br#"[{"q": "Which?", "c": {"text": ["y"], "label": ["1", "2"]}, "g": "2"}]"#;
    let reader = "layout = 'list', text = ['/q'], options = { paired = { at = '/c' } }, gold = { option-label = { at = '/g' } }";
    let complaint = questions(reader, "'A', 'B'", "choice@1", "[1, 1]", paired).unwrap_err();
    assert!(complaint.contains("2 labels and 1 texts at `/c`"), "{complaint}");
}

#[test]
fn options_are_lettered_and_put_behind_the_text() {
    let text = |text: &str| Content::Text(text.to_owned());
    let scored = br#"{"examples": [{"q": "Which?", "s": {"the moon": 1, "a dog": 0}}, {"q": "Who?", "s": {"I": 1, "you": 0}}]}"#;
    let dataset = questions(SCORED, "'A', 'B'", "choice@1", "[1, 1]", scored).unwrap();
    let expected = [
        (text("Which? Answer Choices: (A) a dog (B) the moon"), Gold::Class(1)),
        (text("Who? Answer Choices: (A) I (B) you"), Gold::Class(0)),
    ];
    assert_eq!(open_answers(&dataset), expected);
    let spelled = br#"[{"q": "Which?", "o": ["A)x", "B) y"], "g": "B"}, {"q": "Whose?", "o": ["A)x", "B)z"], "g": "A"}]"#;
    let reader =
        "layout = 'list', text = ['/q'], options = { spelled = { at = '/o' } }, gold = { label = { at = '/g', labels = ['A', 'B'] } }";
    let dataset = questions(reader, "'A', 'B'", "choice@1", "[1, 1]", spelled).unwrap();
    assert_eq!(open_answers(&dataset)[0], (text("Which? Answer Choices: (A) x (B) y"), Gold::Class(1)));
    let labelled = br#"[{"q": "1", "o": [{"label": "A", "text": "x"}], "g": 0.0}, {"q": "2", "o": [{"label": "A", "text": "y"}], "g": 1}]"#;
    let reader =
        "layout = 'list', text = ['/q'], options = { labelled = { at = '/o' } }, gold = { label = { at = '/g', labels = ['0.0', '1'] } }";
    let dataset = questions(reader, "'A', 'B'", "choice@1", "[1, 1]", labelled).unwrap();
    assert_eq!(open_answers(&dataset)[1], (text("2 Answer Choices: (A) y"), Gold::Class(1)));
}

const BRINGS: &str = "layout = 'list', text = ['/q'], options = { plain = { at = '/o' } }, options-as = 'answers', gold = { label = { at = '/g', labels = ['1', '2', '3'] } }";

#[test]
fn options_may_be_answers_of_their_own() {
    let file = br#"[{"q": "Which?", "o": ["y", " x"], "g": 2}, {"q": "Whose?", "o": ["x", "z", "a  dog"], "g": "3"}, {"q": "Who?", "o": ["I", "you"], "g": 1}]"#;
    let dataset = questions(BRINGS, "'A', 'B', 'C'", "choice@1", "[1, 1, 1]", file).unwrap();
    let question = |text: &str, options: &[&str]| {
        let options = Options::Answers(options.iter().map(ToString::to_string).collect());
        Content::Question(Question { text: text.to_owned(), options })
    };
    let expected = [
        (question("Which?", &["y", "x"]), Gold::Class(1)),
        (question("Whose?", &["x", "z", "a dog"]), Gold::Class(2)),
        (question("Who?", &["I", "you"]), Gold::Class(0)),
    ];
    assert_eq!(open_answers(&dataset), expected);
    let other = file.map(|byte| if byte == b'z' { b'w' } else { byte });
    assert_ne!(questions(BRINGS, "'A', 'B', 'C'", "choice@1", "[1, 1, 1]", &other).unwrap().rows_sha256(), dataset.rows_sha256());
}

#[test]
fn an_option_that_is_not_there_is_never_right() {
    let refused = |file: &[u8]| questions(BRINGS, "'A', 'B', 'C'", "choice@1", "[1, 0, 0]", file).unwrap_err();
    let complaint = refused(br#"[{"q": "Which?", "o": ["y", "x"], "g": 3}]"#);
    assert!(complaint.contains("row 1: the right option is none of its 2"), "{complaint}");
    let complaint = refused(br#"[{"q": "Which?", "o": ["a", "b", "c", "d"], "g": 1}]"#);
    assert!(complaint.contains("row 1: 4 options, but there are 3 classes"), "{complaint}");
    let complaint = refused(br#"[{"q": "Which?", "o": ["a", ""], "g": 1}]"#);
    assert!(complaint.contains("row 1: option 2 leaves no answer"), "{complaint}");
}

#[test]
fn questions_that_are_not_what_their_table_says_are_refused() {
    let solved = |rows: &str, file: &[u8]| questions(SOLVED, "", "number@1", rows, file).unwrap_err();
    let scored = |file: &[u8]| questions(SCORED, "'A', 'B'", "choice@1", "[1, 1]", file).unwrap_err();
    let complaints = [
        solved("[1]", br#"{"q": "?", "a": "5"}"#),
        solved("[1]", br#"{"q": "?", "a": "hm :: none"}"#),
        solved("[2]", br#"{"q": "?", "a": "hm :: 1"}"#),
        solved("[1]", br#"{"q": ["?"], "a": "hm :: 1"}"#),
        solved("[1]", br#"{"p": "?"}"#),
        solved("[1]", b"{"),
        scored(b"[]"),
        scored(br#"{"examples": [{"q": "?", "s": {"x": 1, "y": 1}}]}"#),
        scored(br#"{"examples": [{"q": "?", "s": {"x": 0, "y": 0, "z": 1}}]}"#),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn shots_a_class_need_classes() {
    let dataset = questions(SOLVED, "", "number@1", "[1]", br#"{"q": "?", "a": ":: 5"}"#).unwrap();
    insta::assert_snapshot!(draw(&dataset, &Draw { train: TrainSize::Shots(4), ..ALL }).unwrap_err());
}
