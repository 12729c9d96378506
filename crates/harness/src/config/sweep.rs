//! A sweep: methods × backbones × data sets × seeds, under budgets.

use std::collections::BTreeMap;
use std::fmt;

use reprogram_methods::plainest;
use reprogram_taxonomy::Modality;
use serde::Deserialize;
use toml::Spanned;

use super::method::{MethodFault, RawMethod, unknown_catalogued};
use super::overrides::set;
use super::{Budget, ConfiguredMethod};
use crate::augment::Augment;

/// A checked sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Its name: that of its folder of results.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// One trial each.
    pub seeds: Vec<u64>,
    /// Methods by name: those of the file, and the catalogued ones that experiments name.
    pub methods: BTreeMap<String, ConfiguredMethod>,
    /// What is run.
    pub experiments: Vec<Experiment>,
}

/// `[[experiment]]`: all of its methods on all of its backbones and data sets, under one budget.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Experiment {
    /// Checkpoint names.
    pub backbones: Vec<String>,
    /// Data set names.
    pub datasets: Vec<String>,
    /// Method names, in the order of the table.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Behind these, the plainest method at every point of the grid that can be written for backbones of this modality.
    #[serde(default)]
    pub grid: Option<Modality>,
    /// What each method may spend.
    pub budget: Budget,
    /// Pixels of an image's edge on the backbone's canvas; the whole canvas when left out.
    #[serde(default)]
    pub image_size: Option<usize>,
    /// Random changes of training images; none when left out.
    #[serde(default)]
    pub augment: Option<Augment>,
    /// Pairs of methods to be compared: is the second better than the first?
    #[serde(default)]
    pub compare: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawSweep {
    name: String,
    #[serde(default)]
    about: String,
    seeds: Vec<u64>,
    #[serde(default)]
    method: BTreeMap<String, RawMethod>,
    #[serde(default)]
    experiment: Vec<Spanned<Experiment>>,
}

/// A sweep file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepError {
    file: String,
    line: Option<usize>,
    reason: String,
}

impl std::error::Error for SweepError {}

impl fmt::Display for SweepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

impl Sweep {
    /// Reads a sweep file's text. `file` is its name in messages; `overrides` are `--set` assignments.
    pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Self, SweepError> {
        let error = |line: Option<usize>, reason: String| SweepError { file: file.to_owned(), line, reason };
        let syntax = |error_: toml::de::Error| error(None, error_.to_string().trim_end().to_owned());
        let changed;
        let text = if overrides.is_empty() {
            text
        } else {
            let mut table: toml::Table = text.parse().map_err(syntax)?;
            for assignment in overrides {
                set(&mut table, assignment).map_err(|reason| error(None, reason))?;
            }
            changed = table.to_string();
            &changed
        };
        let raw: RawSweep = toml::from_str(text).map_err(syntax)?;
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let mut methods = BTreeMap::new();
        for (name, raw) in raw.method {
            let resolved = raw.resolve().map_err(|MethodFault { span, reason }| {
                error(span.map(|span| line_of(span.start)), format!("method `{name}`: {reason}"))
            })?;
            methods.insert(name, resolved);
        }
        let mut experiments = Vec::new();
        for experiment in raw.experiment {
            let line = line_of(experiment.span().start);
            let mut experiment = experiment.into_inner();
            add_grid(&mut experiment, &mut methods).map_err(|reason| error(Some(line), format!("experiment: {reason}")))?;
            check(&experiment, &mut methods).map_err(|reason| error(Some(line), format!("experiment: {reason}")))?;
            experiments.push(experiment);
        }
        let sweep = Self { name: raw.name, about: raw.about.trim().to_owned(), seeds: raw.seeds, methods, experiments };
        sweep.check_whole().map_err(|reason| error(None, reason))?;
        Ok(sweep)
    }

    fn check_whole(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(format!("`name = \"{}\"` names a folder\n  help: use letters, digits, `-` and `_`", self.name));
        }
        if self.seeds.is_empty() {
            return Err("`seeds` is empty\n  help: give at least three for an interval, as in `seeds = [1, 2, 3]`".to_owned());
        }
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        if seeds.len() < self.seeds.len() {
            return Err(format!("`seeds = {:?}` names a seed twice", self.seeds));
        }
        let searched = |(name, method): (&String, &ConfiguredMethod)| Some((name.clone(), method.search.as_ref()?.seed));
        if let Some((name, seed)) = self.methods.iter().filter_map(searched).find(|(_, seed)| self.seeds.contains(seed)) {
            return Err(format!(
                "method `{name}`: its search has seed {seed}, which is one of the sweep's: it would be chosen by what it is measured with\n  help: give `search.seed` another number"
            ));
        }
        if self.experiments.is_empty() {
            return Err("there is no `[[experiment]]`".to_owned());
        }
        Ok(())
    }
}

/// Writes a grid out. A point that the file has a `[method]` table for is what the table says.
fn add_grid(experiment: &mut Experiment, methods: &mut BTreeMap<String, ConfiguredMethod>) -> Result<(), String> {
    let Some(modality) = experiment.grid else { return Ok(()) };
    let points = plainest::methods(modality);
    if points.is_empty() {
        let known = plainest::MODALITIES.map(Modality::as_str).join(", ");
        return Err(format!("`grid = \"{modality}\"` has no parts to choose from\n  help: one of {known}"));
    }
    for (name, method) in points {
        methods.entry(name.clone()).or_insert(ConfiguredMethod { method, image_size: None, search: None });
        experiment.methods.push(name);
    }
    Ok(())
}

fn check(experiment: &Experiment, methods: &mut BTreeMap<String, ConfiguredMethod>) -> Result<(), String> {
    if let Some(fault) = experiment.budget.fault() {
        return Err(format!("budget: {fault}"));
    }
    if let Some(fault) = experiment.augment.as_ref().and_then(Augment::fault) {
        return Err(fault);
    }
    for (key, list) in [("backbones", &experiment.backbones), ("datasets", &experiment.datasets), ("methods", &experiment.methods)] {
        if list.is_empty() {
            let help = if key == "methods" { "\n  help: name some, or ask for all points by `grid = \"vision\"`" } else { "" };
            return Err(format!("`{key}` is empty{help}"));
        }
    }
    for name in &experiment.methods {
        if !methods.contains_key(name) {
            let plainest = || plainest::named(name).map(|method| ConfiguredMethod { method, image_size: None, search: None });
            let method = ConfiguredMethod::catalogued(name).or_else(plainest).ok_or_else(|| unknown_catalogued(name))?;
            methods.insert(name.clone(), method);
        }
    }
    let unknown = experiment.compare.iter().flat_map(|(a, b)| [a, b]).find(|name| !experiment.methods.contains(name));
    match unknown {
        Some(name) => Err(format!("`compare` names `{name}`, which is not among the experiment's methods")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "toy"
seeds = [1, 2, 3]

[method.gentle]
use = "vp-ilm"
recipe = { learning-rate = 1e-3 }

[[experiment]]
backbones = ["letters-vit"]
datasets = ["digits"]
methods = ["vp-rlm", "gentle"]
image-size = 20
compare = [["vp-rlm", "gentle"]]
budget = { epochs = 2, batch-size = 32, shots = 4 }
"#;

    #[test]
    fn a_catalogued_method_is_taken_and_changed() {
        let sweep = Sweep::parse("toy.toml", GOOD, &[]).unwrap();
        assert_eq!(sweep.methods.keys().collect::<Vec<_>>(), ["gentle", "vp-rlm"]);
        assert!((sweep.methods["gentle"].method.recipe.learning_rate - 1e-3).abs() < 1e-12);
        assert_eq!(sweep.methods["gentle"].method.signature(), ConfiguredMethod::catalogued("vp-ilm").unwrap().method.signature());
    }

    #[test]
    fn a_part_gets_the_keys_that_are_its_own() {
        let late = "[method.late]\nuse = \"vpt-deep\"\nmanipulation = [{ part = \"deep-prompt\", tokens = 2, layers = [1, 2] }]\n";
        let sweep = Sweep::parse("toy.toml", &GOOD.replace("[[exp", &format!("{late}[[exp")).replace("\"gentle\"", "\"late\""), &[]);
        let signature = sweep.unwrap().methods["late"].method.signature();
        assert_eq!(signature.first_learnable(), reprogram_taxonomy::Cut::Hidden(1));
    }

    #[test]
    fn set_changes_a_value() {
        let sweep = Sweep::parse("toy.toml", GOOD, &["seeds=[9]".to_owned()]).unwrap();
        assert_eq!(sweep.seeds, [9]);
    }

    #[test]
    fn a_grid_is_every_point_that_can_be_written_and_a_table_changes_one() {
        let own = "[method.\"text/learnable/embedding/additive/linear\"]\nuse = \"linear-probe\"\n";
        let grid =
            GOOD.replace("methods = [\"vp-rlm\", \"gentle\"]\nimage-size = 20\ncompare = [[\"vp-rlm\", \"gentle\"]]", "grid = \"text\"");
        let sweep = Sweep::parse("toy.toml", &grid.replace("[[exp", &format!("{own}[[exp")), &[]).unwrap();
        let methods = &sweep.experiments[0].methods;
        // Four heads alone; then at text's eleven places, four ω each.
        assert_eq!((methods.len(), methods[0].as_str()), (4 + 11 * 4, "text/none/identity"));
        let sites = |name: &str| sweep.methods[name].method.signature().sites.len();
        assert_eq!(sites("text/learnable/embedding/additive/linear"), 0, "what the table says");
        assert_eq!(sites("text/learnable/embedding/additive/rule-based"), 1);
        let one = GOOD
            .replace("\"vp-rlm\", \"gentle\"]\nimage", "\"gentle\", \"vision/fixed/hidden/additive/linear\"]\nimage")
            .replace("[[\"vp-rlm\", \"gentle\"]]", "[]");
        assert!(Sweep::parse("toy.toml", &one, &[]).unwrap().methods.contains_key("vision/fixed/hidden/additive/linear"));
    }

    #[test]
    fn bad_files_say_what_where_and_what_to_do() {
        let soft_text = r#"
[method.wish]
alignment = { part = "verbalizer" }
[[method.wish.manipulation]]
part = "soft-prompt"
tokens = 4
modality = "text"
format = "learnable"
operator = "concatenative"
location = "input"
"#;
        let cases = [
            ("a typo in a key", GOOD.replace("image-size", "image-sise")),
            ("a typo in a budget", GOOD.replace("epochs", "epoch")),
            ("a learnable prompt on raw text", format!("{GOOD}{soft_text}")),
            (
                "axes that are not the part's",
                format!(
                    "{GOOD}{}",
                    soft_text.replace("location = \"input\"", "location = \"hidden\"").replace("modality = \"text\"\n", "")
                ),
            ),
            (
                "layers where a part has none",
                format!("{GOOD}{}", soft_text.replace("location = \"input\"", "location = \"embedding\"\nlayers = [0, 1]")),
            ),
            ("an unknown part", format!("{GOOD}{}", soft_text.replace("soft-prompt", "soft-promt").replace("\"input\"", "\"embedding\""))),
            ("an unknown key of a part", format!("{GOOD}{}", soft_text.replace("tokens", "token").replace("\"input\"", "\"embedding\""))),
            ("an unknown method", GOOD.replace("\"vp-rlm\", ", "\"vp-xlm\", ")),
            ("an unknown base", GOOD.replace("use = \"vp-ilm\"", "use = \"ilm\"")),
            ("nothing to do", GOOD.replace("epochs = 2", "epochs = 0")),
            ("two numbers of items", GOOD.replace("shots = 4", "shots = 4, train-items = 8")),
            ("a seed twice", GOOD.replace("[1, 2, 3]", "[1, 2, 1]")),
            ("no seed", GOOD.replace("[1, 2, 3]", "[]")),
            ("a grid of no parts", GOOD.replace("image-size = 20", "grid = \"protein\"")),
            ("no method", GOOD.replace("[\"vp-rlm\", \"gentle\"]\nimage", "[]\nimage")),
            ("a comparison with a stranger", GOOD.replace("compare = [[\"vp-rlm\"", "compare = [[\"zero-shot\"")),
            ("a name that is a path", GOOD.replace("name = \"toy\"", "name = \"../toy\"")),
            ("no TOML", "name = ".to_owned()),
        ];
        let messages: Vec<String> = cases
            .iter()
            .map(|(why, text)| {
                format!(
                    "── {why}\n{}",
                    Sweep::parse("toy.toml", text, &[]).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
                )
            })
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
