//! Settings chosen on validation: every point of a method's space is tried out with a seed of its own, and the best one is what the
//! sweep's trials run.
//!
//! What was tried is kept, a file a point, so that a search goes on where it was stopped. A point reads no test item. Trials of the
//! sweep have keys of the chosen configuration alone; their records say what was searched and what that took.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Search, Sweep};
use crate::interrupt;
use crate::measure::Measure;
use crate::plan::{Cell, Fit, Plan, PlanError, PlannedTrial, Site, Workshop};
use crate::progress::say;
use crate::provenance;
use crate::record::{Costs, EmptyCell, Metrics, Provenance, Searched};
use crate::store::{ResultStore, SCHEMA, StoreError};
use crate::trial::{TrialError, TriedOut};

/// A cell whose settings are to be chosen.
pub struct PlannedSearch {
    /// The method's name.
    pub method_name: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// What is tried.
    pub points: Vec<PlannedPoint>,
}

/// A point that is to be tried.
pub struct PlannedPoint {
    /// The values that were put in, as TOML, by their keys.
    pub settings: BTreeMap<String, String>,
    /// What is run, or why it does not fit.
    pub trial: Result<PlannedTrial, String>,
}

/// What became of a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// Layout of this file.
    pub schema: u32,
    /// Of the configuration with the search's seed.
    pub key: String,
    /// The values that were put in, as TOML, by their keys.
    pub settings: BTreeMap<String, String>,
    /// Everything that went into the key.
    pub config: serde_json::Value,
    /// How it ended.
    pub ended: Ended,
    /// Where and with what it ran.
    pub provenance: Provenance,
}

/// How a point ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Ended {
    /// It ran to the choice of its epoch.
    Ok {
        /// The chosen epoch.
        epoch: usize,
        /// At that epoch.
        validation: Metrics,
        /// What it took.
        costs: Costs,
    },
    /// It broke.
    Failed {
        /// The error.
        reason: String,
    },
}

/// What becomes of points that have not been tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untried {
    /// They are tried now.
    Run,
    /// Their search stays in the plan.
    Leave,
}

/// A search that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// The results cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Settles the searches of a plan.
#[derive(Clone, Copy)]
pub struct Searcher<'a> {
    /// What was asked for.
    pub sweep: &'a Sweep,
    /// Where what was tried is kept.
    pub store: &'a ResultStore,
    /// Where it is computed.
    pub site: Site<'a>,
}

impl PlannedSearch {
    /// The points of a cell, each checked.
    pub(crate) fn new(plan: &Plan, cell: &Cell<'_>, search: &Search, workshop: &Workshop<'_>) -> Result<Self, PlanError> {
        let mut points = Vec::with_capacity(search.points.len());
        for point in &search.points {
            let own = Cell { method: &point.method, image_size: point.image_size.or(cell.image_size), ..*cell };
            let trial = plan.check(&own, search.seed, workshop)?.map(|fit| plan.planned(&own, fit, search.seed, workshop.numbers));
            points.push(PlannedPoint { settings: point.settings.clone(), trial: trial.map_err(|misfit| misfit.to_string()) });
        }
        let [method_name, backbone, dataset] = [cell.name, cell.backbone, cell.dataset].map(str::to_owned);
        Ok(Self { method_name, backbone, dataset, points })
    }

    /// Points that have not been tried.
    pub fn n_untried(&self, store: Option<&ResultStore>) -> Result<usize, StoreError> {
        let mut n = 0;
        for trial in self.points.iter().filter_map(|point| point.trial.as_ref().ok()) {
            n += usize::from(store.map(|store| store.tried(&trial.key)).transpose()?.flatten().is_none());
        }
        Ok(n)
    }
}

impl Searcher<'_> {
    /// Puts the trials of what is chosen into the plan, in the place of its searches.
    pub fn settle(&self, plan: &mut Plan, untried: Untried, workshop: &Workshop<'_>) -> Result<(), SearchError> {
        for search in std::mem::take(&mut plan.searches) {
            match self.tried(plan, &search, untried)? {
                None => plan.searches.push(search),
                Some(tried) => self.choose(plan, &search, &tried, workshop),
            }
        }
        Ok(())
    }

    /// What became of the points, in their order; nothing where one is left untried.
    fn tried(&self, plan: &Plan, search: &PlannedSearch, untried: Untried) -> Result<Option<Vec<Option<Tried>>>, SearchError> {
        let mut all = Vec::with_capacity(search.points.len());
        for (at, PlannedPoint { settings, trial }) in search.points.iter().enumerate() {
            let Ok(trial) = trial else {
                all.push(None);
                continue;
            };
            let tried = match (self.store.tried(&trial.key)?, untried) {
                (Some(tried), _) => tried,
                (None, Untried::Leave) => return Ok(None),
                (None, Untried::Run) => self.try_out(plan, trial, settings, [at + 1, search.points.len()])?,
            };
            all.push(Some(tried));
        }
        Ok(Some(all))
    }

    fn try_out(
        &self,
        plan: &Plan,
        trial: &PlannedTrial,
        settings: &BTreeMap<String, String>,
        [at, of]: [usize; 2],
    ) -> Result<Tried, SearchError> {
        if interrupt::requested() {
            return Err(SearchError::Interrupted);
        }
        let ended = match plan.trial(trial, self.site).try_out() {
            Ok(TriedOut { epoch, validation, costs }) => Ended::Ok { epoch, validation, costs },
            Err(TrialError::Interrupted) => return Err(SearchError::Interrupted),
            Err(error) => Ended::Failed { reason: error.to_string() },
        };
        let found = match &ended {
            Ended::Ok { validation, .. } => match validation.measure() {
                Measure::Accuracy => format!("validation {:.1} %", 100.0 * validation.value()),
                Measure::Mse => format!("validation mse {:.3}", validation.value()),
            },
            Ended::Failed { reason } => format!("failed: {reason}"),
        };
        say(&format!("search {at}/{of} {} {} {}: {}: {found}", trial.method_name, trial.backbone, trial.dataset, in_words(settings)));
        let (key, config) = (trial.key.clone(), trial.config.clone());
        let provenance = provenance::here(self.site.device_name);
        let tried = Tried { schema: SCHEMA, key, settings: settings.clone(), config, ended, provenance };
        self.store.commit_tried(&tried)?;
        Ok(tried)
    }

    fn choose(&self, plan: &mut Plan, search: &PlannedSearch, tried: &[Option<Tried>], workshop: &Workshop<'_>) {
        let Some((at, validation)) = best(tried) else {
            let [method, backbone, dataset] = [&search.method_name, &search.backbone, &search.dataset].map(Clone::clone);
            let signature = search.points.iter().find_map(|point| point.trial.as_ref().ok()).map(|trial| trial.method.signature());
            plan.empty_cells.push(EmptyCell { method, backbone, dataset, signature, reason: nothing_to_choose(search, tried) });
            return;
        };
        let PlannedPoint { settings, trial } = &search.points[at];
        let trial = trial.as_ref().expect("the best point ran");
        let searched = Searched {
            rule: validation.measure().choice().to_owned(),
            seed: trial.seed,
            points: search.points.len(),
            misfits: tried.iter().filter(|tried| tried.is_none()).count(),
            chosen: settings.clone(),
            validation,
            tried: tried.iter().flatten().map(|tried| tried.key.clone()).collect(),
            costs: spent(tried),
        };
        let cell = Cell {
            name: &trial.method_name,
            method: &trial.method,
            backbone: &trial.backbone,
            dataset: &trial.dataset,
            budget: &trial.budget,
            image_size: trial.placement.map(|placement| placement.image[0]),
            augment: trial.augment.as_ref(),
        };
        let fit = Fit { placement: trial.placement, cut: trial.cut, fuses: trial.company.is_some() };
        for &seed in &self.sweep.seeds {
            let planned = plan.planned(&cell, fit, seed, workshop.numbers);
            plan.trials.push(PlannedTrial { searched: Some(searched.clone()), ..planned });
        }
    }
}

/// The best point, and what it reached.
fn best(tried: &[Option<Tried>]) -> Option<(usize, Metrics)> {
    let mut best: Option<(usize, Metrics)> = None;
    for (at, tried) in tried.iter().enumerate() {
        if let Some(Tried { ended: Ended::Ok { validation, .. }, .. }) = tried
            && best.is_none_or(|(_, best)| validation.merit() > best.merit())
        {
            best = Some((at, *validation));
        }
    }
    best
}

/// What all points took together.
fn spent(tried: &[Option<Tried>]) -> Costs {
    tried.iter().flatten().fold(Costs::default(), |sum, tried| match &tried.ended {
        Ended::Failed { .. } => sum,
        Ended::Ok { costs, .. } => Costs {
            trainable_parameters: sum.trainable_parameters.max(costs.trainable_parameters),
            held_parameters: sum.held_parameters.max(costs.held_parameters),
            stored_parameters: sum.stored_parameters.max(costs.stored_parameters),
            forward_items_training: sum.forward_items_training + costs.forward_items_training,
            forward_items_evaluation: sum.forward_items_evaluation + costs.forward_items_evaluation,
            reused_items: sum.reused_items + costs.reused_items,
            fused_with: 0,
            generated_tokens: sum.generated_tokens + costs.generated_tokens,
            backward_items: sum.backward_items + costs.backward_items,
            queries: sum.queries + costs.queries,
            steps: sum.steps + costs.steps,
            seconds_training: sum.seconds_training + costs.seconds_training,
            seconds_evaluation: sum.seconds_evaluation + costs.seconds_evaluation,
            peak_memory_bytes: sum.peak_memory_bytes.max(costs.peak_memory_bytes),
            parts: costs.parts.map(|parts| parts.and(sum.parts.unwrap_or_default())).or(sum.parts),
        },
    })
}

fn nothing_to_choose(search: &PlannedSearch, tried: &[Option<Tried>]) -> String {
    let misfit = search.points.iter().find_map(|point| point.trial.as_ref().err());
    let failure = tried.iter().flatten().find_map(|tried| match &tried.ended {
        Ended::Failed { reason } => Some(reason),
        Ended::Ok { .. } => None,
    });
    let reason = failure.or(misfit).map_or("there is no point", String::as_str);
    format!("no point of its search of {} ran to its end: {reason}", search.points.len())
}

fn in_words(settings: &BTreeMap<String, String>) -> String {
    settings.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(accuracy: f64, loss: f64) -> Tried {
        let costs = Costs { steps: 3, ..Costs::default() };
        let ended = Ended::Ok { epoch: 1, validation: Metrics::right(10, accuracy, Some(loss)), costs };
        let (settings, config) = (BTreeMap::new(), serde_json::Value::Null);
        Tried { schema: SCHEMA, key: String::new(), settings, config, ended, provenance: provenance::here("none") }
    }

    #[test]
    fn the_best_point_is_the_first_of_equals() {
        let points = [Some(tried(0.5, 1.0)), None, Some(tried(0.7, 2.0)), Some(tried(0.7, 1.5)), Some(tried(0.7, 1.5))];
        assert_eq!(best(&points).map(|(at, _)| at), Some(3));
        assert_eq!(spent(&points).steps, 12);
        assert_eq!(best(&[None]), None);
    }
}
