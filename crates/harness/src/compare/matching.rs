//! Which trial of B stands for which trial of A.
//!
//! The same key is the same question, so that trials are paired by key first. Where a method, a data set or a budget was changed on
//! purpose, keys differ; what is left over is then paired by method, backbone, data set and seed, if that is one trial on either side, and what
//! differs in the configurations is said.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::record::{Record, Status};
use crate::report::Results;

/// How two trials were found to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// They have the same key: nothing that the numbers depend on was changed.
    Key,
    /// They have the same method, backbone, data set and seed, and different keys.
    Name,
}

impl By {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Name => "name",
        }
    }
}

/// Two finished trials.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The first folder's.
    pub a: &'a Record,
    /// The second folder's.
    pub b: &'a Record,
    /// How they were found.
    pub by: By,
}

/// All finished trials of A, sorted by what became of them in B.
#[derive(Debug, Default)]
pub struct Matching<'a> {
    /// Finished in both.
    pub pairs: Vec<Pair<'a>>,
    /// Finished in A, broken in B, with the reason.
    pub broken: Vec<String>,
    /// Finished in A, and not in B at all.
    pub only_a: Vec<String>,
    /// Finished in B, and not in A.
    pub only_b: Vec<String>,
}

type Name<'a> = (&'a str, &'a str, &'a str, u64);

impl<'a> Matching<'a> {
    /// Of two folders.
    pub fn of(a: &'a Results, b: &'a Results) -> Self {
        let (in_a, in_b) = (by_key(a), by_key(b));
        let mut matching = Self::default();
        for (key, record) in in_a.iter().filter(|(_, record)| is_finished(record)) {
            if let Some(other) = in_b.get(key) {
                matching.settle(record, other, By::Key);
            }
        }
        let left_a = by_name(in_a.values().copied().filter(|record| is_finished(record) && !in_b.contains_key(record.key.as_str())));
        let mut left_b = by_name(in_b.values().copied().filter(|record| !in_a.contains_key(record.key.as_str())));
        for (name, records) in left_a {
            match (records.as_slice(), left_b.get(&name).map(Vec::as_slice)) {
                ([record], Some([other])) => {
                    matching.settle(record, other, By::Name);
                    left_b.remove(&name);
                }
                (records, _) => matching.only_a.extend(records.iter().map(|record| title(record))),
            }
        }
        let strangers = left_b.into_values().flatten().filter(|record| is_finished(record));
        matching.only_b.extend(strangers.map(title));
        matching
    }

    fn settle(&mut self, a: &'a Record, b: &'a Record, by: By) {
        match &b.status {
            Status::Ok { .. } => self.pairs.push(Pair { a, b, by }),
            Status::Failed { reason } => {
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                self.broken.push(format!("{}: {reason}", title(a)));
            }
        }
    }
}

impl Pair<'_> {
    /// A's configuration without its seed: trials of one cell have it in common.
    pub(super) fn setting(&self) -> String {
        let mut config = self.a.config.clone();
        if let Value::Object(fields) = &mut config {
            fields.remove("seed");
        }
        config.to_string()
    }

    /// What differs between their configurations, as `path: A → B`.
    pub(super) fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        differences("", &self.a.config, &self.b.config, &mut changes);
        changes
    }
}

fn differences(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    if a == b {
        return;
    }
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (a, b) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let value = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
                differences(&inner(name), &value(one), &value(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&inner(&index.to_string()), one, other, found);
            }
        }
        (one, other) => found.push(format!("{path}: {} → {}", short(one), short(other))),
    }
}

/// Hashes are known by their beginning.
fn short(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= LONGEST { text } else { text.chars().take(12).chain(['…']).collect() }
}

fn by_key(results: &Results) -> BTreeMap<&str, &Record> {
    results.records.iter().map(|record| (record.key.as_str(), record)).collect()
}

fn by_name<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<Name<'a>, Vec<&'a Record>> {
    let mut names = BTreeMap::<Name<'_>, Vec<&Record>>::new();
    for record in records {
        let name = (record.method.as_str(), record.backbone.as_str(), record.dataset.as_str(), record.seed);
        names.entry(name).or_default().push(record);
    }
    names
}

fn is_finished(record: &Record) -> bool {
    match record.status {
        Status::Ok { .. } => true,
        Status::Failed { .. } => false,
    }
}

fn title(record: &Record) -> String {
    format!("{} · {} · {}, seed {}", record.method, record.backbone, record.dataset, record.seed)
}
