//! Expand and check: from a sweep to the trials that it is made of, and the cells that must stay empty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use reprogram_methods::{Encoders, Method, Placement, Target, Template};
use reprogram_taxonomy::{Cut, Misfit, Modality};
use serde::{Deserialize, Serialize};

use crate::allocator;
use crate::assets::{AssetStore, Digest, Progress, RepositoryError};
use crate::augment::Augment;
use crate::backbones::{self, BackboneError, LoadedBackbone};
use crate::cell::{NUMERICS, TrialConfig};
use crate::config::{Budget, Sweep};
use crate::data::{DataError, DataSet};
use crate::device::Numbers;
use crate::predicted::Memory;
use crate::presentation::placement;
use crate::record::{EmptyCell, Searched};
use crate::registry::{Registry, RegistryError};
use crate::resample::Kernel;
use crate::reuse::{Keeping, Reuse};
use crate::search::PlannedSearch;
use crate::trial::{Built, Trial, TrialError};

/// Where names are looked up, and where things run.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// Names.
    pub registry: &'a Registry,
    /// Files.
    pub store: &'a AssetStore,
    /// The compute device.
    pub device: &'a Device,
    /// What numbers backbones are made of there.
    pub numbers: Numbers,
    /// Told about downloads.
    pub progress: &'a dyn Progress,
}

/// Where a trial of a plan runs.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The compute device.
    pub device: &'a Device,
    /// The device, in words.
    pub device_name: &'a str,
    /// What numbers backbones are made of there.
    pub numbers: Numbers,
    /// Bytes of its memory, where they are known.
    pub memory: Option<u64>,
    /// Where constant halves of passes are kept, if they are.
    pub reuse: Option<&'a Reuse>,
    /// Where is kept what was measured of it.
    pub cache: &'a Path,
}

impl Site<'_> {
    /// What a trial that begins now finds of memory.
    pub fn memory_found(&self) -> Memory {
        Memory { held: allocator::held_bytes(), kept: self.reuse.map_or(0, |reuse| reuse.bounds().memory as u64) }
    }
}

/// A data set with what methods see of it.
pub struct LoadedData {
    /// The items.
    pub dataset: DataSet,
    /// Classes and words.
    pub target: Target,
    /// The same for a backbone whose source labels they are.
    shared: Target,
    /// Hash of rows, words and split rule.
    pub sha256: String,
}

/// A trial to be run.
pub struct PlannedTrial {
    /// The method's name.
    pub method_name: String,
    /// The composition.
    pub method: Method,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// What may be spent.
    pub budget: Budget,
    /// How training images are changed.
    pub augment: Option<Augment>,
    /// Where images lie.
    pub placement: Option<Placement>,
    /// The seed.
    pub seed: u64,
    /// The key of its record.
    pub key: String,
    /// What the key is made of.
    pub config: serde_json::Value,
    /// The first place that something learned acts on: what is in front of it need not be computed twice.
    pub cut: Cut,
    /// How its settings were chosen, where they were searched.
    pub searched: Option<Searched>,
    /// What those have in common that it could go through f with, if it can.
    pub company: Option<String>,
}

/// A cell whose checkpoint or data could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unavailable {
    /// The method's name.
    pub method: String,
    /// The checkpoint's name.
    pub backbone: String,
    /// The data set's name.
    pub dataset: String,
    /// Why.
    pub reason: String,
}

/// A sweep, expanded and checked.
#[derive(Default)]
pub struct Plan {
    /// In the order in which they are run.
    pub trials: Vec<PlannedTrial>,
    /// Cells whose settings are still to be chosen: see [`crate::search`].
    pub searches: Vec<PlannedSearch>,
    /// Misfits.
    pub empty_cells: Vec<EmptyCell>,
    /// Assets that are not there.
    pub unavailable: Vec<Unavailable>,
    /// Loaded checkpoints, by name.
    pub backbones: BTreeMap<String, LoadedBackbone>,
    /// Those that a method names beside f.
    pub encoders: Encoders,
    /// Loaded data sets, by name.
    pub datasets: BTreeMap<String, LoadedData>,
}

/// A sweep that cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A name, or a registry table.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A checkpoint that is there and wrong.
    #[error(transparent)]
    Backbone(Box<BackboneError>),
    /// Data that are there and wrong, or too few for the budget.
    #[error("{error}")]
    Data {
        /// The data set.
        dataset: String,
        /// What is wrong.
        error: Box<DataError>,
    },
    /// The same cell twice.
    #[error(
        "`{method}` on `{backbone}` and `{dataset}` stands in two experiments, which would be two numbers for one cell of the table\n  help: give the method a second name by a table `[method.NAME]` with `use = \"{method}\"`"
    )]
    Twice {
        /// The method's name.
        method: String,
        /// The checkpoint's name.
        backbone: String,
        /// The data set's name.
        dataset: String,
    },
}

impl LoadedData {
    /// Loads a data set and what methods see of it.
    pub fn load(name: &str, workshop: &Workshop<'_>) -> Result<Self, DataError> {
        let dataset = DataSet::load(name, workshop.registry, workshop.store, workshop.progress)?;
        let template = dataset.template().map(|template| Template {
            instruction: Some(template.instruction.clone()),
            input: template.input.clone(),
            cue: template.cue.clone(),
            separator: template.separator.clone(),
            labels: template.labels.clone(),
            variants: template.variants.clone(),
            answer: template.answer.clone(),
        });
        let target = Target { classes: dataset.classes().to_vec(), template, shares_source_labels: false, horizon: dataset.horizon() };
        let words = serde_json::to_string(&target.template).unwrap_or_default();
        let parts = [dataset.rows_sha256().to_string(), target.classes.join("\n"), words, dataset.split().to_string()];
        let sha256 = Digest::of_parts(&parts.each_ref().map(String::as_str)).to_string();
        let shared = Target { shares_source_labels: true, ..target.clone() };
        Ok(Self { dataset, target, shared, sha256 })
    }

    /// What methods on this backbone see of it.
    pub fn target_on(&self, backbone: &LoadedBackbone) -> &Target {
        if backbone.source_classes.as_ref() == Some(&self.target.classes) { &self.shared } else { &self.target }
    }
}

impl Plan {
    /// Expands a sweep. Assets that cannot be had leave their cells unavailable; what is there and wrong is an error.
    pub fn new(sweep: &Sweep, workshop: &Workshop<'_>) -> Result<Self, PlanError> {
        let mut plan = Self::default();
        let mut seen = BTreeSet::new();
        let mut absent: BTreeMap<String, String> = BTreeMap::new();
        for experiment in &sweep.experiments {
            for backbone in &experiment.backbones {
                plan.load_backbone(backbone, workshop, &mut absent)?;
                for dataset in &experiment.datasets {
                    plan.load_data(dataset, workshop, &mut absent)?;
                    for method in &experiment.methods {
                        if !seen.insert((method, backbone, dataset)) {
                            return Err(PlanError::Twice { method: method.clone(), backbone: backbone.clone(), dataset: dataset.clone() });
                        }
                        let needed = sweep.methods[method].encoders();
                        for &encoder in &needed {
                            plan.load_backbone(encoder, workshop, &mut absent)?;
                            let loaded = plan.backbones.get(encoder).map(|loaded| Arc::clone(&loaded.backbone));
                            plan.encoders.extend(loaded.map(|loaded| (encoder.to_owned(), loaded)));
                        }
                        let missing = absent.get(backbone).or_else(|| absent.get(dataset));
                        let missing = missing.or_else(|| needed.into_iter().find_map(|encoder| absent.get(encoder)));
                        if let Some(reason) = missing {
                            let (method, backbone, dataset) = (method.clone(), backbone.clone(), dataset.clone());
                            plan.unavailable.push(Unavailable { method, backbone, dataset, reason: reason.clone() });
                            continue;
                        }
                        let configured = &sweep.methods[method];
                        let image_size = configured.image_size.or(experiment.image_size);
                        let cell = Cell {
                            name: method,
                            method: &configured.method,
                            backbone,
                            dataset,
                            budget: &experiment.budget,
                            image_size,
                            augment: experiment.augment.as_ref(),
                        };
                        match &configured.search {
                            None => plan.add(&cell, &sweep.seeds, workshop)?,
                            Some(search) => plan.searches.push(PlannedSearch::new(&plan, &cell, search, workshop)?),
                        }
                    }
                }
            }
        }
        Ok(plan)
    }

    fn load_backbone(&mut self, name: &str, workshop: &Workshop<'_>, absent: &mut BTreeMap<String, String>) -> Result<(), PlanError> {
        if self.backbones.contains_key(name) || absent.contains_key(name) {
            return Ok(());
        }
        match backbones::load(name, workshop) {
            Ok(loaded) => drop(self.backbones.insert(name.to_owned(), loaded)),
            Err(BackboneError::Asset(error)) => drop(absent.insert(name.to_owned(), error.to_string())),
            Err(BackboneError::Repository(error @ RepositoryError::NotObtained { .. })) => {
                drop(absent.insert(name.to_owned(), error.to_string()));
            }
            Err(BackboneError::Registry(error)) => return Err(error.into()),
            Err(error) => return Err(PlanError::Backbone(Box::new(error))),
        }
        Ok(())
    }

    fn load_data(&mut self, name: &str, workshop: &Workshop<'_>, absent: &mut BTreeMap<String, String>) -> Result<(), PlanError> {
        if self.datasets.contains_key(name) || absent.contains_key(name) {
            return Ok(());
        }
        match LoadedData::load(name, workshop) {
            Ok(loaded) => drop(self.datasets.insert(name.to_owned(), loaded)),
            Err(DataError::Asset(error)) => drop(absent.insert(name.to_owned(), error.to_string())),
            Err(DataError::Registry(error)) => return Err(error.into()),
            Err(error) => return Err(PlanError::Data { dataset: name.to_owned(), error: Box::new(error) }),
        }
        Ok(())
    }

    fn add(&mut self, cell: &Cell<'_>, seeds: &[u64], workshop: &Workshop<'_>) -> Result<(), PlanError> {
        match self.check(cell, seeds[0], workshop)? {
            Ok(fit) => {
                let trials: Vec<_> = seeds.iter().map(|&seed| self.planned(cell, fit, seed, workshop.numbers)).collect();
                self.trials.extend(trials);
            }
            Err(misfit) => {
                let (method, backbone, dataset) = (cell.name.to_owned(), cell.backbone.to_owned(), cell.dataset.to_owned());
                let signature = Some(cell.method.signature());
                self.empty_cells.push(EmptyCell { method, backbone, dataset, signature, reason: misfit.to_string() });
            }
        }
        Ok(())
    }

    /// How a cell fits, or why it does not.
    pub(crate) fn check(&self, cell: &Cell<'_>, seed: u64, workshop: &Workshop<'_>) -> Result<Result<Fit, Misfit>, PlanError> {
        match cell.check(&self.backbones[cell.backbone], &self.encoders, &self.datasets[cell.dataset], seed, workshop.device) {
            Ok((placement, Built { cut, fuses, .. })) => Ok(Ok(Fit { placement, cut, fuses })),
            Err(TrialError::Misfit(misfit)) => Ok(Err(misfit)),
            Err(TrialError::Data(error)) => Err(PlanError::Data { dataset: cell.dataset.to_owned(), error: Box::new(error) }),
            Err(error @ (TrialError::Interrupted | TrialError::NotFinite { .. } | TrialError::Generate(_))) => {
                unreachable!("a check runs nothing: {error}")
            }
        }
    }

    fn is_of_images(&self, cell: &Cell<'_>) -> bool {
        self.datasets[cell.dataset].dataset.modality() == Modality::Vision
    }

    /// A trial of a cell that fits.
    pub(crate) fn planned(&self, cell: &Cell<'_>, fit: Fit, seed: u64, numbers: Numbers) -> PlannedTrial {
        let Fit { placement, cut, fuses } = fit;
        let config = TrialConfig {
            numerics: NUMERICS,
            method: cell.method,
            image_size: placement.filter(|_| self.is_of_images(cell)).map(|placement| placement.image[0]),
            resample: Some(self.backbones[cell.backbone].kernel).filter(|&kernel| kernel != Kernel::Bilinear && self.is_of_images(cell)),
            backbone: cell.backbone,
            weights_sha256: &self.backbones[cell.backbone].weights_sha256,
            encoders: self.encoders_of(cell.method),
            dataset: cell.dataset,
            data_sha256: &self.datasets[cell.dataset].sha256,
            budget: cell.budget,
            augment: cell.augment,
            precision: numbers.word,
            seed,
        };
        PlannedTrial {
            method_name: cell.name.to_owned(),
            method: cell.method.clone(),
            backbone: cell.backbone.to_owned(),
            dataset: cell.dataset.to_owned(),
            budget: cell.budget.clone(),
            augment: cell.augment.cloned(),
            placement,
            seed,
            key: config.key(),
            config: config.canonical(),
            cut,
            searched: None,
            company: fuses.then(|| config.company()),
        }
    }

    /// Hashes of the weights of the encoders that a method names.
    fn encoders_of<'b>(&'b self, method: &'b Method) -> BTreeMap<&'b str, &'b str> {
        method.encoders().into_iter().map(|name| (name, self.backbones[name].weights_sha256.as_str())).collect()
    }

    /// Whether no trial of the same method, backbone and data set stands before this one: it is the one that checks itself.
    fn is_first_of_cell(&self, planned: &PlannedTrial) -> bool {
        let cell = |trial: &PlannedTrial| {
            (&trial.method_name, &trial.backbone, &trial.dataset) == (&planned.method_name, &planned.backbone, &planned.dataset)
        };
        self.trials.iter().find(|trial| cell(trial)).is_none_or(|first| first.seed == planned.seed)
    }

    /// The trial of a plan, ready to run.
    pub fn trial<'a>(&'a self, planned: &'a PlannedTrial, site: Site<'a>) -> Trial<'a> {
        let Site { device, device_name, numbers, reuse, .. } = site;
        let (data, backbone) = (&self.datasets[&planned.dataset], &self.backbones[&planned.backbone]);
        let mut f = vec![planned.backbone.as_str(), &backbone.weights_sha256, numbers.word, device_name];
        f.extend(self.encoders_of(&planned.method).into_values());
        Trial {
            method: &planned.method,
            backbone: backbone.backbone.as_ref(),
            encoders: &self.encoders,
            dataset: &data.dataset,
            target: data.target_on(backbone),
            placement: planned.placement,
            kernel: backbone.kernel,
            budget: &planned.budget,
            augment: planned.augment.as_ref(),
            device,
            seed: planned.seed,
            keeping: reuse.map(|reuse| Keeping { reuse, f: Digest::of_parts(&f) }),
            checks_itself: self.is_first_of_cell(planned),
        }
    }
}

/// How a cell fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// Where its images lie.
    pub placement: Option<Placement>,
    /// Where something learned acts first.
    pub cut: Cut,
    /// Whether its trials can go through f together.
    pub fuses: bool,
}

/// A method on a backbone and a data set, under a budget.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    /// The method's name.
    pub name: &'a str,
    /// The composition.
    pub method: &'a Method,
    /// The checkpoint's name.
    pub backbone: &'a str,
    /// The data set's name.
    pub dataset: &'a str,
    /// What may be spent.
    pub budget: &'a Budget,
    /// Pixels of an image's edge.
    pub image_size: Option<usize>,
    /// How training images are changed.
    pub augment: Option<&'a Augment>,
}

impl Cell<'_> {
    /// Whether it can run, where its images then lie, and what its program is like.
    pub fn check(
        &self,
        backbone: &LoadedBackbone,
        encoders: &Encoders,
        data: &LoadedData,
        seed: u64,
        device: &Device,
    ) -> Result<(Option<Placement>, Built), TrialError> {
        let card = backbone.backbone.card();
        let modality = data.dataset.modality();
        if !self.method.takes().map_or_else(|| card.accepts(modality), |takes| takes == modality) {
            let (backbone, accepts) = match self.method.takes() {
                Some(takes) => (format!("{} with this method", card.name), takes),
                None => (card.name.clone(), card.modality()),
            };
            let misfit = Misfit::WrongData { backbone, accepts, data: data.dataset.modality() };
            return Err(misfit.into());
        }
        let placement = placement(card, self.image_size, data.dataset.series_length())?;
        if self.augment.is_some() && placement.is_none() {
            let needs = "images, which this backbone is not fed".to_owned();
            return Err(Misfit::PartNeeds { part: "`augment`".to_owned(), needs }.into());
        }
        let trial = Trial {
            method: self.method,
            backbone: backbone.backbone.as_ref(),
            encoders,
            dataset: &data.dataset,
            target: data.target_on(backbone),
            placement,
            kernel: backbone.kernel,
            budget: self.budget,
            augment: self.augment,
            device,
            seed,
            keeping: None,
            checks_itself: false,
        };
        trial.check().map(|built| (placement, built))
    }
}
