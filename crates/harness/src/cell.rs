//! A cell is signature and hyper-parameters × backbone × data set × budget; a trial is a cell and a seed.
//!
//! A trial's key is the hash of the canonical form of everything that its numbers depend on, and of nothing else.

use std::collections::BTreeMap;

use reprogram_methods::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::assets::Digest;
use crate::augment::Augment;
use crate::config::Budget;
use crate::resample::Kernel;

/// Raised when a change of the code is meant to change numbers, so that records of before are not taken for these.
pub const NUMERICS: u32 = 1;

/// Everything that a trial's numbers depend on.
#[derive(Debug, Clone, Serialize)]
pub struct TrialConfig<'a> {
    /// See [`NUMERICS`].
    pub numerics: u32,
    /// The composition.
    pub method: &'a Method,
    /// Pixels of an image's edge.
    pub image_size: Option<usize>,
    /// By what images are brought to size, where it is not bilinear: so they all were before checkpoints were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resample: Option<Kernel>,
    /// Checkpoint.
    pub backbone: &'a str,
    /// Hash of its weights.
    pub weights_sha256: &'a str,
    /// Hashes of the weights of encoders beside f, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub encoders: BTreeMap<&'a str, &'a str>,
    /// Data set.
    pub dataset: &'a str,
    /// Hash of its rows, template and split rule.
    pub data_sha256: &'a str,
    /// What may be spent.
    pub budget: &'a Budget,
    /// How training images are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<&'a Augment>,
    /// Of f and of what is trained.
    pub precision: &'static str,
    /// The trial's seed.
    pub seed: u64,
}

impl TrialConfig<'_> {
    /// As JSON, keys sorted, a recipe only where something is trained, a seed only where something may be drawn. (Methods that score
    /// keep their seed: records of before have it.)
    ///
    /// # Panics
    /// Never: all of it is plain data.
    pub fn canonical(&self) -> Value {
        let mut value = serde_json::to_value(self).expect("plain data");
        if !self.method.signature().is_trainable() {
            value["method"]["recipe"] = json!("nothing is trained");
            for key in ["epochs", "batch-size"] {
                value["budget"][key] = json!("nothing is trained");
            }
            value.as_object_mut().expect("a struct").remove("augment");
        }
        if !self.method.is_drawn() {
            value["seed"] = json!("nothing is drawn");
            for key in ["shots", "train-items"] {
                value["budget"][key] = json!("no item is trained on");
            }
            value["budget"].as_object_mut().expect("a struct").remove("refit");
        }
        sorted(value)
    }

    /// What trials have in common that can go through f together: everything but seed, recipe and the start of what is learned.
    pub fn company(&self) -> String {
        let mut value = self.canonical();
        value["seed"] = Value::Null;
        value["method"]["recipe"] = Value::Null;
        for part in value["method"]["manipulations"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            for start in ["init", "init-std"] {
                part.remove(start);
            }
        }
        value.to_string()
    }

    /// The key: 64 hexadecimal digits.
    pub fn key(&self) -> String {
        Digest::of(self.canonical().to_string().as_bytes()).to_string()
    }
}

/// Keys in order, whatever map the JSON library was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Refit;
    use reprogram_methods::catalog;

    fn config_of<'a>(method: &'a Method, budget: &'a Budget) -> TrialConfig<'a> {
        TrialConfig {
            numerics: NUMERICS,
            method,
            image_size: Some(20),
            resample: None,
            backbone: "letters-vit",
            weights_sha256: "aa",
            encoders: BTreeMap::new(),
            dataset: "digits",
            data_sha256: "bb",
            budget,
            augment: None,
            precision: "f32",
            seed: 1,
        }
    }

    fn key(change: impl Fn(&mut TrialConfig<'_>), budget: &Budget, method: &str) -> String {
        let method = (catalog::find(method).unwrap().method)();
        let mut config = config_of(&method, budget);
        change(&mut config);
        config.key()
    }

    fn budget() -> Budget {
        Budget { train_items: Some(5), ..Budget::of_all_items(2, 8) }
    }

    #[test]
    fn every_part_counts_and_nothing_else() {
        let budget = budget();
        let base = key(|_| {}, &budget, "vp-ilm");
        assert_eq!(base, key(|_| {}, &budget, "vp-ilm"));
        let flipped: Augment = serde_json::from_str(r#"["horizontal-flip"]"#).unwrap();
        let with = |augment: &Augment, method: &str| {
            let method = (catalog::find(method).unwrap().method)();
            TrialConfig { augment: Some(augment), ..config_of(&method, &budget) }.key()
        };
        assert_ne!(with(&flipped, "vp-ilm"), base);
        assert_eq!(with(&flipped, "flm-only"), key(|_| {}, &budget, "flm-only"), "nothing is trained");
        let others = [
            key(|config| config.seed = 2, &budget, "vp-ilm"),
            key(|config| config.weights_sha256 = "ab", &budget, "vp-ilm"),
            key(|config| config.data_sha256 = "ab", &budget, "vp-ilm"),
            key(|config| config.image_size = None, &budget, "vp-ilm"),
            key(|config| config.resample = Some(Kernel::Bicubic), &budget, "vp-ilm"),
            key(|config| config.precision = "bf16", &budget, "vp-ilm"),
            key(|_| {}, &Budget { epochs: 3, ..budget.clone() }, "vp-ilm"),
            key(|_| {}, &budget, "vp-flm"),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn company_is_kept_by_all_that_differ_in_seed_start_and_recipe() {
        let budget = budget();
        let base = (catalog::find("vpt-shallow").unwrap().method)();
        let company = |method: &Method, seed: u64, image_size: usize| {
            let config = TrialConfig { image_size: Some(image_size), seed, ..config_of(method, &budget) };
            config.company()
        };
        let changed = |from: &str, to: &str| {
            let text = serde_json::to_string(&base).unwrap();
            assert!(text.contains(from), "{text}");
            serde_json::from_str::<Method>(&text.replace(from, to)).unwrap()
        };
        let kept = company(&base, 1, 20);
        assert_eq!(kept, company(&base, 2, 20));
        let (mut faster, started) = (base.clone(), changed("\"init\":\"xavier\"", "\"init\":{\"normal\":{\"std\":0.5}}"));
        faster.recipe.learning_rate *= 3.0;
        assert_eq!([&kept, &kept], [&company(&faster, 1, 20), &company(&started, 1, 20)]);
        let longer = changed("\"tokens\":10", "\"tokens\":11");
        assert!([company(&base, 1, 21), company(&longer, 1, 20)].iter().all(|other| *other != kept));
    }

    /// Records of the past stay valid: if this changes, `NUMERICS` has to be raised, or the change was not meant.
    #[test]
    fn the_key_of_a_trial_stays_what_it_is() {
        let budget = budget();
        insta::assert_snapshot!(key(|_| {}, &budget, "vp-ilm"));
    }

    /// Text that is decoded greedily without drawn examples is the same for every seed, and computed once.
    #[test]
    fn seeds_count_where_something_is_drawn() {
        let budget = budget();
        let counts = |method: &str| key(|config| config.seed = 2, &budget, method) != key(|_| {}, &budget, method);
        let methods = ["direct-generation", "cot-zero-shot", "least-to-most", "cot-few-shot", "self-consistency", "zero-shot", "icl"];
        assert_eq!(methods.map(counts), [false, false, false, true, true, true, true]);
    }

    /// Records from before there were refits keep their keys.
    #[test]
    fn a_refit_counts_where_it_is_asked_for_and_anything_may_be_fitted() {
        let budget = budget();
        let refitted = Budget { refit: Some(Refit::TrainAndValidation), ..budget.clone() };
        let counts = |method: &str| key(|_| {}, &refitted, method) != key(|_| {}, &budget, method);
        assert_eq!(["vp-ilm", "flm-only", "direct-generation"].map(counts), [true, true, false]);
    }

    #[test]
    fn epochs_do_not_count_where_nothing_is_trained() {
        let budget = |epochs| Budget::of_all_items(epochs, 8);
        assert_eq!(key(|_| {}, &budget(1), "flm-only"), key(|_| {}, &budget(9), "flm-only"));
    }
}
