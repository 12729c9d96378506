//! What a sweep asked for, beside its results: what a report needs to know besides the records.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Sweep;
use crate::plan::{Plan, Unavailable};
use crate::record::{EmptyCell, Status};
use crate::replaced::replace_json;
use crate::report::{Asked, MissingTrial, Results, Scope};
use crate::store::{ResultStore, StoreError};

/// `sweep.json` in a folder of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The sweep's name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// Methods in the order of the table.
    pub methods: Vec<String>,
    /// Pairs to be compared.
    pub comparisons: Vec<AskedPair>,
    /// Every trial, whether it has run or not.
    pub trials: Vec<ManifestTrial>,
    /// Misfits.
    pub empty_cells: Vec<EmptyCell>,
    /// Cells without assets.
    pub unavailable: Vec<Unavailable>,
}

/// Two methods to be compared, in the order of the sweep file: is the second better than the first?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AskedPair {
    /// In the groups of the experiments that ask.
    Within {
        /// The two names.
        pair: (String, String),
        /// Names of backbone and data set.
        groups: BTreeSet<(String, String)>,
    },
    /// As manifests of before have it, which do not say where.
    Anywhere(String, String),
}

/// A trial's name and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTrial {
    /// The method's name.
    pub method: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// The seed.
    pub seed: u64,
    /// The key of its record.
    pub key: String,
}

/// Of methods, or of a checkpoint and a data set.
type Pair = (String, String);

impl Manifest {
    /// Of an expanded sweep.
    pub fn new(sweep: &Sweep, plan: &Plan) -> Self {
        let mut methods: Vec<String> = Vec::new();
        for name in sweep.experiments.iter().flat_map(|experiment| &experiment.methods) {
            if !methods.contains(name) {
                methods.push(name.clone());
            }
        }
        // A pair is compared wherever an experiment asks, and once.
        let mut comparisons: Vec<(Pair, BTreeSet<Pair>)> = Vec::new();
        for experiment in &sweep.experiments {
            let groups = experiment.backbones.iter().flat_map(|f| experiment.datasets.iter().map(|data| (f.clone(), data.clone())));
            for pair in &experiment.compare {
                match comparisons.iter_mut().find(|(known, _)| known == pair) {
                    Some((_, known)) => known.extend(groups.clone()),
                    None => comparisons.push((pair.clone(), groups.clone().collect())),
                }
            }
        }
        let trial = |trial: &crate::plan::PlannedTrial| ManifestTrial {
            method: trial.method_name.clone(),
            backbone: trial.backbone.clone(),
            dataset: trial.dataset.clone(),
            seed: trial.seed,
            key: trial.key.clone(),
        };
        Self {
            name: sweep.name.clone(),
            about: sweep.about.clone(),
            methods,
            comparisons: comparisons.into_iter().map(|(pair, groups)| AskedPair::Within { pair, groups }).collect(),
            trials: plan.trials.iter().map(trial).collect(),
            empty_cells: plan.empty_cells.clone(),
            unavailable: plan.unavailable.clone(),
        }
    }

    /// Writes it whole, in the place of an older one.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = path(folder);
        replace_json(&path, self).map_err(|error| StoreError::Io { path, error })
    }

    /// Reads it.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = path(folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Damaged { path, reason: "it is not there, so what the sweep asked for is unknown".to_owned() });
            }
            Err(error) => return Err(StoreError::Io { path, error }),
        };
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged { path, reason: format!("not a sweep's manifest: {error}") })
    }

    /// Everything that a report is made from.
    pub fn results(self, store: &ResultStore) -> Result<Results, StoreError> {
        let mut records = Vec::new();
        let mut outcomes = BTreeMap::new();
        let mut missing = Vec::new();
        for trial in self.trials {
            let Some(record) = store.record(&trial.key)? else {
                let ManifestTrial { method, backbone, dataset, seed, .. } = trial;
                missing.push(MissingTrial { method, backbone, dataset, seed, reason: "not run yet".to_owned() });
                continue;
            };
            if matches!(record.status, Status::Ok { .. }) {
                outcomes.insert(trial.key.clone(), store.outcomes(&trial.key)?);
            }
            // One record may serve several sweeps and names, and several seeds where nothing is drawn; here it stands under this
            // sweep's.
            records.push(crate::record::Record { method: trial.method, sweep: self.name.clone(), seed: trial.seed, ..record });
        }
        for Unavailable { method, backbone, dataset, reason } in self.unavailable {
            let reason = reason.lines().next().unwrap_or_default().to_owned();
            missing.push(MissingTrial { method, backbone, dataset, seed: 0, reason });
        }
        Ok(Results {
            sweep: self.name,
            about: self.about,
            methods: self.methods,
            records,
            outcomes,
            empty_cells: self.empty_cells,
            missing,
            comparisons: self.comparisons.into_iter().map(Asked::from).collect(),
            reruns: store.reruns()?,
            shown: BTreeMap::new(),
        })
    }
}

impl From<AskedPair> for Asked {
    fn from(asked: AskedPair) -> Self {
        match asked {
            AskedPair::Within { pair: (a, b), groups } => Self { a, b, scope: Scope::Groups(groups) },
            AskedPair::Anywhere(a, b) => Self { a, b, scope: Scope::BothMethods },
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("sweep.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_says_where_it_is_asked_for_and_old_manifests_do_not() {
        let read = |text: &str| serde_json::from_str::<AskedPair>(text).map(Asked::from);
        let within = read(r#"{ "pair": ["a", "b"], "groups": [["letters-vit", "digits"]] }"#).unwrap();
        assert_eq!(within.scope, Scope::Groups([("letters-vit".to_owned(), "digits".to_owned())].into()));
        assert_eq!(read(r#"["a", "b"]"#).unwrap().scope, Scope::BothMethods);
        assert!(read(r#"["a"]"#).is_err());
    }
}
