//! The built-in tables, and what is said about bad ones.

use super::*;
use crate::assets::Source;

#[test]
fn the_built_in_tables_make_sense() {
    let registry = Registry::built_in().unwrap();
    let names: Vec<&str> = registry.datasets().keys().map(String::as_str).collect();
    let (hard, names): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.starts_with("bbh-"));
    assert_eq!(hard.len(), 19);
    let (told, names): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| registry.dataset(name).unwrap().evidence() == Evidence::Unverified);
    insta::assert_snapshot!(told.join(" "));
    insta::assert_snapshot!(names.join(" "));
    let names: Vec<&str> = registry.checkpoints().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "all-minilm-l6-v2",
            "clip-vit-base-patch32",
            "efficientnet-lite0",
            "letters-vit",
            "smollm2-135m-instruct",
            "speech-digits",
            "speech-embedding",
            "speech-embedding-5s",
            "tiny-clip-cifar",
            "vit-cifar10",
            "vit-s14-focus",
        ]
    );
    assert_eq!(registry.fonts().assets().len(), 21);
    assert_eq!(registry.photos().assets().len(), 6);
    for (name, entry) in registry.datasets() {
        assert!(entry.assets().iter().all(|asset| asset.name().starts_with(name.as_str())));
        assert!(!entry.licence().is_empty() && !entry.citation().is_empty() && !entry.about().is_empty());
    }
}

#[test]
fn a_checkpoint_is_built_in_or_has_weights() {
    let registry = Registry::built_in().unwrap();
    let letters = registry.checkpoint("letters-vit").unwrap();
    assert!(matches!(letters.weights(), Weights::BuiltIn(name) if name == "letters-vit"));
    assert!(letters.assets().is_empty());
    let language = registry.checkpoint("smollm2-135m-instruct").unwrap();
    assert_eq!((language.family(), language.format(), language.assets().len()), ("llama", WeightFormat::Gguf, 1));
    assert!(language.assets()[0].sources().iter().any(|source| matches!(source, Source::Pip(_))));
}

#[test]
fn the_rules_of_the_built_in_data_sets() {
    let registry = Registry::built_in().unwrap();
    let rules: Vec<String> = registry.datasets().iter().map(|(name, entry)| format!("{name}: {}", entry.split())).collect();
    insta::assert_snapshot!(rules.join("\n"));
}

#[test]
fn what_does_not_exist_is_answered_with_what_does() {
    let registry = Registry::built_in().unwrap();
    insta::assert_snapshot!(registry.dataset("didgits").unwrap_err());
    insta::assert_snapshot!(registry.checkpoint("gpt").unwrap_err());
    insta::assert_snapshot!(registry.dataset("mr@11").unwrap_err(), @r"
    no data set is called `mr@11`
      help: did you mean `mr@1`, `mr@10` or `mr@2`? `reprogram data list` lists all
    ");
}

#[test]
fn a_template_renders_its_text() {
    let registry = Registry::built_in().unwrap();
    let template = registry.dataset("tweets").unwrap().template().unwrap();
    assert_eq!(template.render_input("so {text} late"), "Tweet: so {text} late");
}

/// A table that is right, to be made wrong in one place.
const RIGHT: &str = r#"
[reviews]
about = "Reviews"
modality = "text"
classes = ["bad", "good"]
licence = "not stated"
citation = "nobody"
reader = { label-lines = { labels = ["0", "1"], encoding = "utf-8" } }
split = { test-percent = 30, validation-percent = 20 }
template = { instruction = "", input = "Review: {text}", cue = "Sentiment:", separator = "\n\n", labels = ["bad", "good"] }

[[reviews.parts]]
part = "all"
rows = [3, 4]

[[reviews.parts.files]]
file = "reviews.txt"
bytes = 10
sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
sources = [{ mirror = "reviews.txt" }]
"#;

fn complaint(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    match datasets("datasets.toml", &RIGHT.replacen(from, to, 1)) {
        Ok(_) => panic!("{to} is accepted"),
        Err(error) => format!("# {to}\n{}", error.to_string().trim_end()),
    }
}

#[test]
fn a_right_table_is_accepted() {
    assert_eq!(datasets("datasets.toml", RIGHT).unwrap()["reviews"].n_rows(), Some(7));
}

#[test]
fn bad_classes_and_templates_are_refused() {
    let complaints = [
        complaint("about =", "abuot ="),
        complaint("\"text\"", "\"txt\""),
        complaint("\"text\"", "\"vision\""),
        complaint("[\"bad\", \"good\"]", "[\"bad\"]"),
        complaint("[\"bad\", \"good\"]", "[\"bad\", \"bad\"]"),
        complaint("[\"bad\", \"good\"]", "[\"bad\", \"good\", \"middling\"]"),
        complaint("{text}", "{txt}"),
        complaint("labels = [\"bad\", \"good\"]", "labels = [\"bad\", \"bad\"]"),
        complaint("labels = [\"bad\", \"good\"]", "labels = [\"bad\", \"so so\", \"good\"]"),
        complaint("template =", "# template ="),
        complaint("labels = [\"bad\", \"good\"] }", "labels = [\"bad\", \"good\"], variants = [{ input = \"so\", cue = \"?\" }] }"),
        complaint(
            "labels = [\"bad\", \"good\"] }",
            "labels = [\"bad\", \"good\"], variants = [{ input = \"{text}\", cue = \"?\", labels = [\"a\"] }] }",
        ),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn bad_open_answers_are_refused() {
    let reader = "reader = { label-lines = { labels = [\"0\", \"1\"], encoding = \"utf-8\" } }";
    let open = "reader = { json-items = { layout = \"lines\", text = [\"/q\"], gold = { answer = { at = \"/a\" } } } }";
    let labels = "labels = [\"bad\", \"good\"] }\n";
    let answer = |rule: &str| format!("labels = [\"bad\", \"good\"], answer = {{ phrase = \"it is\", extraction = \"{rule}\" }} }}\n");
    let complaints = [
        complaint(reader, open),
        complaint(
            &format!("classes = [\"bad\", \"good\"]\nlicence = \"not stated\"\ncitation = \"nobody\"\n{reader}"),
            &format!("licence = \"\"\ncitation = \"\"\n{open}"),
        ),
        complaint(labels, &answer("number@1")),
        complaint(labels, &answer("number@9")),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn options_are_letters_or_answers_and_not_both() {
    let reader = "reader = { label-lines = { labels = [\"0\", \"1\"], encoding = \"utf-8\" } }";
    let brings = |options: &str| {
        let gold = "gold = { label = { at = \"/g\", labels = [\"0\", \"1\"] } }";
        let items =
            format!("reader = {{ json-items = {{ layout = \"lines\", text = [\"/q\"], {options}options-as = \"answers\", {gold} }} }}");
        RIGHT.replacen(reader, &items, 1)
    };
    let (labels, options) = (", labels = [\"bad\", \"good\"] }", "options = { plain = { at = \"/o\" } }, ");
    let read = |table: String| datasets("datasets.toml", &table).map(|mut found| found.remove("reviews").unwrap());
    let entry = read(brings(options).replacen(labels, " }", 1)).unwrap();
    assert!(entry.reader().brings_answers() && entry.template().unwrap().labels.is_empty());
    let refused = |table: String| read(table).unwrap_err().to_string();
    let complaint = refused(brings(options));
    assert!(complaint.contains("makes each item's options its answers, but `template.labels` names 2"), "{complaint}");
    let answer = ", answer = { phrase = \"it is\", extraction = \"choice@1\" } }";
    let complaint = refused(brings(options).replacen(labels, answer, 1));
    assert!(complaint.contains("but `template.answer` asks for generated text"), "{complaint}");
    let complaint = refused(brings("").replacen(labels, " }", 1));
    assert!(complaint.contains("`reader` has `options-as`, but no `options`"), "{complaint}");
}

const WINDOWS: &str = r#"
[hours]
about = ""
modality = "time-series"
licence = ""
citation = ""
reader = { series-windows = { columns = ["a", "b"], history = 8, horizon = 4, season = 6, rows = { train = 40, validation = 10, test = 12 } } }
split = { test-percent = 20, validation-percent = 20 }

[[hours.parts]]
part = "train"
rows = [58]
files = [{ file = "s.csv", bytes = 10, sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", sources = [{ mirror = "s.csv" }] }]
"#;

#[test]
fn bad_windows_are_refused() {
    assert_eq!(datasets("datasets.toml", WINDOWS).unwrap()["hours"].reader().asks_for(), AskedFor::Future);
    for (from, to, expected) in [
        (
            "licence = \"\"",
            "licence = \"\"\nclasses = [\"up\", \"down\"]",
            "`reader` reads windows that are to be forecast, but `classes` names 2",
        ),
        ("\"time-series\"", "\"audio\"", "`modality = \"audio\"`, but `reader` reads time-series"),
        ("[\"a\", \"b\"]", "[]", "`reader` names no `columns`"),
        ("[\"a\", \"b\"]", "[\"a\", \"a\"]", "`reader` names the column `a` twice"),
        ("horizon = 4", "horizon = 0", "nonzero"),
        ("history = 8", "history = 37", "part `train` has 40 rows, but windows of 37 values and the next 4 need at least 41"),
        ("season = 6", "season = 40", "part `train` has 40 rows, but windows of 8 values and the next 4 need at least 41"),
        ("part = \"train\"", "part = \"all\"", "`reader` divides series by rows: `parts` are `train`, `validation` and `test`, not `all`"),
    ] {
        assert!(WINDOWS.contains(from), "{from}");
        let error = datasets("datasets.toml", &WINDOWS.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn bad_parts_files_and_splits_are_refused() {
    let complaints = [
        complaint("test-percent = 30, ", ""),
        complaint("test-percent = 30", "test-percent = 99"),
        complaint("part = \"all\"", "part = \"test\""),
        complaint("part = \"all\"", "part = \"dev\""),
        complaint("part = \"all\"", "part = \"all\"\nleft-out = 3"),
        complaint("rows = [3, 4]", "rows = [7]"),
        complaint("rows = [3, 4]", ""),
        complaint("rows = [3, 4]", "rows = [3, 4]\ntotal = 7"),
        complaint("bytes = 10", ""),
        complaint("validation-percent = 20 }", "validation-percent = 20 }\nfolds = { by-content = 1 }"),
        complaint("validation-percent = 20 }", "validation-percent = 20 }\nfolds = \"by-name\""),
        complaint("\"utf-8\"", "\"utf-16\""),
        complaint("label-lines", "label-line"),
        complaint("label-lines = { labels = [\"0\", \"1\"], encoding = \"utf-8\" }", "image-csv = { height = 8, width = 8, highest = 16 }"),
        complaint("b179c952", "b179"),
        complaint("mirror = \"reviews.txt\"", "mirror = \"../reviews.txt\""),
        complaint("mirror = \"reviews.txt\"", "pip = { package = \"-r\", version = \"1\" }"),
        complaint("mirror = \"reviews.txt\"", "ftp = \"reviews.txt\""),
        complaint("[{ mirror = \"reviews.txt\" }]", "[]"),
        complaint("file = \"reviews.txt\"", "file = \"a/b\""),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn a_checkpoint_without_weights_is_refused() {
    let text =
        "[m]\nabout = ''\nfamily = 'vit'\nmodality = 'vision'\nformat = 'gguf'\nlicence = ''\ncitation = ''\nweights = { files = [] }\n";
    insta::assert_snapshot!(checkpoints("models.toml", text).unwrap_err().to_string().trim_end());
}

#[test]
fn a_folder_adds_tables_and_replaces_those_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("datasets.toml"), format!("{RIGHT}{}", RIGHT.replace("reviews", "digits"))).unwrap();
    let registry = Registry::built_in().unwrap().extended(folder.path()).unwrap();
    assert_eq!(registry.datasets().len(), Registry::built_in().unwrap().datasets().len() + 1);
    assert_eq!(registry.dataset("digits").unwrap().classes(), ["bad", "good"]);
    assert_eq!(registry.checkpoints().len(), Registry::built_in().unwrap().checkpoints().len());
}

#[test]
fn a_folder_without_tables_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Registry::built_in().unwrap().extended(folder.path()).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(folder.path().to_str().unwrap(), "FOLDER"));
}
