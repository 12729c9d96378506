//! A cell is signature and hyper-parameters × backbone × data set × budget; a trial is a cell and a seed.
//!
//! A trial's key is the hash of the canonical form of everything that its numbers depend on, and of nothing else.

use reprogram_methods::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::assets::Digest;
use crate::config::Budget;

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
    /// Checkpoint.
    pub backbone: &'a str,
    /// Hash of its weights.
    pub weights_sha256: &'a str,
    /// Data set.
    pub dataset: &'a str,
    /// Hash of its rows, template and split rule.
    pub data_sha256: &'a str,
    /// What may be spent.
    pub budget: &'a Budget,
    /// Of f and of what is trained.
    pub precision: &'static str,
    /// The trial's seed.
    pub seed: u64,
}

impl TrialConfig<'_> {
    /// As JSON, keys sorted, a recipe only where something is trained.
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
        }
        sorted(value)
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
    use reprogram_methods::catalog;

    fn key(change: impl Fn(&mut TrialConfig<'_>), budget: &Budget, method: &str) -> String {
        let method = (catalog::find(method).unwrap().method)();
        let mut config = TrialConfig {
            numerics: NUMERICS,
            method: &method,
            image_size: Some(20),
            backbone: "letters-vit",
            weights_sha256: "aa",
            dataset: "digits",
            data_sha256: "bb",
            budget,
            precision: "f32",
            seed: 1,
        };
        change(&mut config);
        config.key()
    }

    #[test]
    fn every_part_counts_and_nothing_else() {
        let budget = Budget { epochs: 2, batch_size: 8, shots: None, train_items: Some(5), validation_items: None, test_items: None };
        let base = key(|_| {}, &budget, "vp-ilm");
        assert_eq!(base, key(|_| {}, &budget, "vp-ilm"));
        let others = [
            key(|config| config.seed = 2, &budget, "vp-ilm"),
            key(|config| config.weights_sha256 = "ab", &budget, "vp-ilm"),
            key(|config| config.data_sha256 = "ab", &budget, "vp-ilm"),
            key(|config| config.image_size = None, &budget, "vp-ilm"),
            key(|config| config.precision = "bf16", &budget, "vp-ilm"),
            key(|_| {}, &Budget { epochs: 3, ..budget.clone() }, "vp-ilm"),
            key(|_| {}, &budget, "vp-flm"),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    /// Records of the past stay valid: if this changes, `NUMERICS` has to be raised, or the change was not meant.
    #[test]
    fn the_key_of_a_trial_stays_what_it_is() {
        let budget = Budget { epochs: 2, batch_size: 8, shots: None, train_items: Some(5), validation_items: None, test_items: None };
        insta::assert_snapshot!(key(|_| {}, &budget, "vp-ilm"));
    }

    #[test]
    fn epochs_do_not_count_where_nothing_is_trained() {
        let budget = |epochs| Budget { epochs, batch_size: 8, shots: None, train_items: None, validation_items: None, test_items: None };
        assert_eq!(key(|_| {}, &budget(1), "flm-only"), key(|_| {}, &budget(9), "flm-only"));
    }
}
