//! The invariants of ARCHITECTURE.md that a look at the source can check.
//!
//! Each failure says file and line, and what to do. Comments are blanked before anything is searched; strings too, unless a
//! rule says otherwise.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "tidy/evidence.rs"]
mod evidence;
#[path = "tidy/source.rs"]
mod source;

use source::{Source, Strings, blank_test_modules};

/// Where the token axis is cut or joined outside of `stream/`, reviewed: file, line of code, and why it has to be there.
/// Axis 1 is that of the residual stream `[batch, seq, dim]`, axis 2 that of keys and values `[batch, head, seq, head_dim]`.
const TOKEN_AXIS: &[(&str, &str, &str)] = &[
    ("models/src/vit/mod.rs", "Tensor::cat(tokens, 1)", "the embedding map makes the stream: there is none to ask yet"),
    ("models/src/vit/mod.rs", "Tensor::cat(vec![class, patches], 1)", "axis 1 of `[batch, dim]` is no token axis"),
    (
        "models/src/clip/model.rs",
        "let hidden = Tensor::cat(vec![class, patches], 1) + positions.val().unsqueeze();",
        "the embedding map makes the stream: there is none to ask yet",
    ),
    (
        "methods/src/affine.rs",
        "linear(x, self.weight.val().narrow(1, first, n), Some(self.bias.val().narrow(0, first, n)))",
        "columns of a matrix",
    ),
    (
        "methods/src/manipulations/key_value_prefix.rs",
        "Tensor::cat(pieces.collect(), 1)",
        "axis 1 is that of the numbers of a learned token",
    ),
    (
        "methods/src/manipulations/key_value_prefix.rs",
        "values.narrow(1, 2 * at * width, 2 * width)",
        "axis 1 is that of the numbers of a learned token",
    ),
    (
        "methods/src/manipulations/key_value_prefix.rs",
        "own.clone().narrow(1, from, width)",
        "axis 1 is that of the numbers of a learned token",
    ),
    (
        "methods/src/lstm.rs",
        "Tensor::cat(vec![from_left.forward(&tokens, 0..n), right.flip([0])], 1)",
        "axis 1 is that of the numbers of a state",
    ),
    ("methods/src/manipulations/pixel_generator.rs", "Tensor::cat(vec![features, trigger], 1)", "axis 1 is that of the numbers of a code"),
    ("methods/src/manipulations/pixel_generator.rs", "drawn.narrow(2, top, height)", "axis 2 is that of rows of pixels"),
    ("methods/src/likelihood/mod.rs", "log_probabilities.gather(1, indices)", "log-probabilities of a vocabulary, one row a position"),
    ("models/src/bert/mod.rs", "Tensor::cat(vec![first, ids], 1)", "token ids, of which the embedding map makes the stream"),
    (
        "models/src/acoustic/mod.rs",
        "frames.clone().narrow(1, i * WINDOW_STEP, self.window)",
        "frames of a spectrogram: the stream is made of windows",
    ),
    ("models/src/acoustic/mod.rs", "Tensor::cat((0..self.n_windows).map(window).collect(), 1)", "windows, of which the stream is made"),
    (
        "methods/src/alignments/last_value.rs",
        "window.narrow(1, history - self.period, self.period)",
        "axis 1 is that of the values of a series",
    ),
    ("methods/src/alignments/last_value.rs", ".narrow(1, 0, self.horizon)", "axis 1 is that of the steps of a forecast"),
    (
        "methods/src/alignments/window_map.rs",
        "let last = window.clone().narrow(1, history - 1, 1);",
        "axis 1 is that of the values of a series",
    ),
    (
        "methods/src/alignments/mod.rs",
        "(scores.clone().narrow(1, n, 1), scores.clone().narrow(1, n + 1, 1))",
        "axis 1 of `[batch, source]` is no token axis",
    ),
    ("methods/src/alignments/mod.rs", "forecast(scores.narrow(1, 0, n))", "axis 1 of `[batch, source]` is no token axis"),
    ("methods/src/worded.rs", "Tensor::cat(vec![scores, against], 1)", "axis 1 of `[batch, target]` is no token axis"),
    (
        "methods/src/beside.rs",
        "(scores.clone().narrow(1, 0, width / 2), scores.narrow(1, width / 2, width / 2))",
        "axis 1 of `[batch, source]` is no token axis",
    ),
    ("methods/src/forecast.rs", "Reading::Features)).narrow(1, 0, width)", "axis 1 is that of the numbers of a token that was read"),
    (
        "methods/src/forecast.rs",
        "Tensor::cat((0..n).rev().map(token).collect(), 1)",
        "axis 1 is that of the numbers of tokens that were read",
    ),
    ("methods/src/forecast.rs", "Tensor::cat(vec![read, mean, deviation], 1)", "axis 1 of `[batch, source]` is no token axis"),
    (
        "methods/src/manipulations/patch_prototypes.rs",
        "(patches.clone().narrow(1, 0, by), patches.clone().narrow(1, by, n - by))",
        "patches of a series, of which tokens are made",
    ),
    ("methods/src/manipulations/patch_prototypes.rs", "Tensor::cat(vec![back, front], 1)", "patches of a series, of which tokens are made"),
    (
        "methods/src/manipulations/patch_prototypes.rs",
        "Tensor::cat(vec![round(n - 1), patches.clone(), round(1)], 2)",
        "axis 2 is that of the values of a patch",
    ),
    ("methods/src/manipulations/waveform_delta.rs", "waveforms.clone().narrow(1, offset, length)", "axis 1 is that of samples"),
    (
        "methods/src/manipulations/waveform_delta.rs",
        "canvas.slice_assign([0..batch, start..start + length], series.clone())",
        "axis 1 is that of samples",
    ),
    ("methods/src/series.rs", "windows.clone().narrow(1, history - 1, 1)", "axis 1 is that of the values of a series"),
    ("methods/src/series.rs", "Tensor::cat(vec![windows, last], 1)", "axis 1 is that of the values of a series"),
    ("methods/src/series.rs", "filled.clone().narrow(1, i * self.stride, self.length)", "axis 1 is that of the values of a series"),
    (
        "methods/src/series.rs",
        "Tensor::cat((0..self.count(history)).map(patch).collect(), 1)",
        "patches of a series, of which tokens are made",
    ),
    ("models/src/loss.rs", ".gather(1, labels)", "axis 1 of `[batch, class]` is no token axis"),
    ("models/src/parity/decoder.rs", "Tensor::cat((0..seq).map(at).collect(), 1)", "features of tokens, laid out as the reference's"),
];

/// Parts that need no reference: there is nothing in them to be published.
const WITHOUT_REFERENCE: &[&str] = &["identity.rs"];

const LONGEST: usize = 500;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/harness lies in crates").to_owned()
}

/// Every Rust file under these folders of `crates/`, in order.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = crates();
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("found under crates").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Source { name, text }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source(name: &str) -> Source {
    let path = crates().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Source { name: name.to_owned(), text }
}

/// Fails with all findings at once, and what to do about them.
fn none(findings: &[String], help: &str) {
    let mut message = String::new();
    for finding in findings {
        let _ = writeln!(message, "  {finding}");
    }
    assert!(findings.is_empty(), "\n{message}  help: {help}\n");
}

#[test]
fn the_taxonomy_knows_no_tensor() {
    let mut findings = Vec::new();
    for file in sources(&["taxonomy/src", "taxonomy/tests"]) {
        findings.extend(
            file.words(Strings::Blanked)
                .filter(|(_, word)| *word == "burn" || *word == "Tensor")
                .map(|(at, word)| format!("{}: `{word}`", file.at(at))),
        );
    }
    let manifest = source("taxonomy/Cargo.toml");
    for (number, line) in manifest.text.lines().enumerate() {
        if line.starts_with("burn") || line.starts_with("reprogram-") {
            findings.push(format!("crates/{}:{}: `{line}`", manifest.name, number + 1));
        }
    }
    none(&findings, "types of the four axes hold words and numbers; what computes belongs in crates/models or crates/methods");
}

#[test]
fn methods_name_no_concrete_model() {
    let mut findings = Vec::new();
    for file in sources(&["methods/src"]) {
        // Titles and references of catalogued methods are prose.
        let strings = if file.name.contains("/catalog/") { Strings::Blanked } else { Strings::Kept };
        for (at, word) in file.words(strings) {
            if source::humps(&word).iter().any(|hump| ["vit", "clip", "llama"].contains(&hump.as_str())) {
                findings.push(format!("{}: `{word}`", file.at(at)));
            }
        }
    }
    none(&findings, "ask the backbone's `Card` or `Backbone` for what the part needs, and return a `Misfit` where it is lacking");
}

#[test]
fn only_the_harness_touches_the_machine() {
    let mut findings = Vec::new();
    for file in sources(&["taxonomy/src", "models/src", "methods/src"]) {
        let code = blank_test_modules(&file.code(Strings::Blanked));
        for (at, name) in source::std_modules(&code) {
            if ["fs", "net", "process", "time", "env", "thread"].contains(&name.as_str()) {
                findings.push(format!("{}: `std::{name}`", file.at(at)));
            }
        }
    }
    none(&findings, "let crates/harness read or measure it, and take bytes or numbers as an argument");
}

#[test]
fn the_token_axis_is_cut_and_joined_in_one_file() {
    let mut findings = Vec::new();
    let mut used = vec![false; TOKEN_AXIS.len()];
    for file in sources(&["models/src", "methods/src"]) {
        if file.name.starts_with("models/src/stream/") {
            continue;
        }
        let code = blank_test_modules(&file.code(Strings::Blanked));
        for at in source::token_axis_calls(&code) {
            let line = source::line_around(&file.text, at).trim();
            match TOKEN_AXIS.iter().position(|(name, reviewed, _)| *name == file.name && line.contains(reviewed)) {
                Some(place) => used[place] = true,
                None => findings.push(format!("{}: `{line}`", file.at(at))),
            }
        }
    }
    none(
        &findings,
        "give `Stream` (crates/models/src/stream/mod.rs) a method that moves tokens, lengths and layout together; or, where no stream \
         exists, add the line to TOKEN_AXIS in crates/harness/tests/tidy.rs with the reason",
    );
    let stale = TOKEN_AXIS.iter().zip(used).filter(|(_, used)| !used);
    let stale: Vec<String> = stale.map(|((name, line, _), _)| format!("crates/{name}: no `{line}`")).collect();
    none(&stale, "remove the line from TOKEN_AXIS in crates/harness/tests/tidy.rs");
}

#[test]
fn every_part_is_registered_and_cites_its_reference() {
    let mut findings = Vec::new();
    for (folder, list) in [("manipulations", "manipulation.rs"), ("alignments", "alignment.rs")] {
        let modules = source(&format!("methods/src/{folder}/mod.rs")).code(Strings::Blanked);
        let family = source(&format!("methods/src/{list}")).code(Strings::Blanked);
        for file in sources(&[&format!("methods/src/{folder}")]) {
            let Some(stem) = stem(&file, &modules, &mut findings) else { continue };
            let code = file.code(Strings::Blanked);
            let specs: Vec<&str> = source::names_after(&code, "pub struct ").filter(|name| name.ends_with("Spec")).collect();
            if specs.is_empty() {
                findings.push(format!("crates/{}:1: no `pub struct …Spec`, so a sweep file cannot ask for it", file.name));
            }
            for spec in specs.iter().filter(|spec| !source::names_after(&family, " from ").any(|name| name == **spec)) {
                findings.push(format!("crates/{}:1: `{spec}` is not in the `family!` of methods/src/{list}", file.name));
            }
            let cites = file.text.lines().take_while(|line| line.starts_with("//!")).any(|line| line == "//! # Reference");
            if !cites && !WITHOUT_REFERENCE.contains(&format!("{stem}.rs").as_str()) {
                findings.push(format!("crates/{}:1: the module's doc has no `# Reference`", file.name));
            }
        }
    }
    let catalog = source("methods/src/catalog/mod.rs").code(Strings::Blanked);
    for file in sources(&["methods/src/catalog"]) {
        let Some(stem) = stem(&file, &catalog, &mut findings) else { continue };
        let code = file.code(Strings::Blanked);
        let entries: Vec<&str> = source::entries(&code).collect();
        if entries.is_empty() {
            findings.push(format!("crates/{}:1: no `const …: Entry`", file.name));
        }
        for entry in entries.iter().filter(|entry| !source::has_word(&catalog, &format!("&{stem}::{entry}"))) {
            findings.push(format!("crates/{}:1: `{stem}::{entry}` is not in `CATALOG` of methods/src/catalog/mod.rs", file.name));
        }
        let n_references = code.matches("reference: ").count();
        if n_references < entries.len() || file.text.contains("reference: \"\"") {
            findings.push(format!("crates/{}:1: {} entries, but {n_references} of them with a `reference`", file.name, entries.len()));
        }
    }
    none(&findings, "CONTRIBUTING.md says, recipe by recipe, what a part or a method needs and where its one line goes");
}

/// The module that a file is, unless it is the list itself; one without `mod` line is a finding.
fn stem(file: &Source, modules: &str, findings: &mut Vec<String>) -> Option<String> {
    let stem = file.name.rsplit('/').next()?.strip_suffix(".rs")?;
    if stem == "mod" {
        return None;
    }
    if !modules.lines().any(|line| line.trim().trim_start_matches("pub ") == format!("mod {stem};")) {
        findings.push(format!("crates/{}:1: the folder's mod.rs has no `mod {stem};`", file.name));
    }
    Some(stem.to_owned())
}

#[test]
fn files_are_short_well_named_and_say_what_they_are() {
    let mut findings = Vec::new();
    let everything = ["taxonomy", "models", "methods", "harness"];
    for file in sources(&everything) {
        let n_lines = file.text.lines().count();
        if n_lines > LONGEST {
            findings.push(format!(
                "crates/{}:{}: {n_lines} lines; split it, one concept a file ({LONGEST} at most, 250 aimed at)",
                file.name,
                LONGEST + 1
            ));
        }
        let parts = file.name.trim_end_matches(".rs").split('/');
        let vague = |part: &&str| part.split('_').any(|word| ["util", "utils", "common", "helper", "helpers", "manager"].contains(&word));
        if let Some(part) = parts.into_iter().find(vague) {
            findings.push(format!("crates/{}:1: `{part}` says nothing; name it after what it defines", file.name));
        }
        if !file.text.starts_with("//!") {
            findings.push(format!("crates/{}:1: begin with `//!` and a sentence that says what the file is", file.name));
        }
    }
    assert!(sources(&everything).len() > 100, "the search found too few files to mean anything: has the tree moved?");
    none(&findings, "see the house style in CONTRIBUTING.md");
}
