//! One trial: draw, build, fit or train, choose on validation, read the test split once.
//!
//! ```text
//! member     what one trial has of its own while it runs
//! foresight  what one will take of f, counted without computing
//! gauge      what is read before and after a part of it
//! generated  one whose answers are generated, which has nothing to train
//! alone      test items once more, one at a time
//! choices    what the answers behind test items are worth before ω, for the normalisations of others
//! passes     items through programs and f, of one trial or of several as one batch
//! session    the course of trials that run together; one alone runs the same way
//! refit      once more on training and validation items, when all has been chosen
//! ```

mod alone;
mod choices;
mod error;
mod foresight;
mod gauge;
mod generated;
mod member;
mod passes;
mod refit;
mod session;

use burn::tensor::Device;
use reprogram_methods::{Encoders, Fused, LabelledText, Method, NamedTensor, Placement, Program, Seed, Setup, Target, Updates};
use reprogram_models::{Backbone, Metered};
use reprogram_taxonomy::{Cut, Modality};

use crate::augment::Augment;
use crate::config::Budget;
use crate::data::{Content, DataSet, Draw, Question, Split, Splits, TrainSize, draw};
use crate::interrupt;
use crate::presentation::{Intake, Presented};
use crate::record::{Costs, ExampleOutcome, Metrics, Outcome};
use crate::resample::Kernel;
use crate::reuse::Keeping;
use gauge::Gauge;
use session::Session;

pub use error::TrialError;
pub use foresight::{Foreseen, Foresight};

/// What a trial is made of.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// The composition.
    pub method: &'a Method,
    /// f.
    pub backbone: &'a dyn Backbone,
    /// Encoders beside f that the method names.
    pub encoders: &'a Encoders,
    /// The data.
    pub dataset: &'a DataSet,
    /// Its classes and words.
    pub target: &'a Target,
    /// Where images lie.
    pub placement: Option<Placement>,
    /// By what they are brought to size.
    pub kernel: Kernel,
    /// What may be spent.
    pub budget: &'a Budget,
    /// How training images are changed.
    pub augment: Option<&'a Augment>,
    /// Where it runs.
    pub device: &'a Device,
    /// Its seed.
    pub seed: u64,
    /// Where constant halves of passes are kept, if they are.
    pub keeping: Option<Keeping<'a>>,
    /// Whether some test items go through once more, one at a time: see [`crate::record::BatchInvariance`].
    pub checks_itself: bool,
}

/// What a program is like, before anything is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// The first place that something learned acts on.
    pub cut: Cut,
    /// Numbers that a gradient moves.
    pub n_trainable: usize,
    /// Numbers that the optimizer holds, those that a mask hides included.
    pub n_held: usize,
    /// Numbers that are saved, fitted ones included.
    pub n_stored: usize,
    /// Passes through f that one item costs.
    pub n_passes: usize,
    /// Whether trials that differ in a number alone can go through f together, and gain by it.
    pub fuses: bool,
}

/// A finished trial.
#[derive(Debug)]
pub struct Finished {
    /// For the record.
    pub outcome: Outcome,
    /// On the test split.
    pub examples: Vec<ExampleOutcome>,
    /// The program.
    pub tensors: Vec<NamedTensor>,
}

/// A trial up to the choice of its epoch.
#[derive(Debug, Clone, Copy)]
pub struct TriedOut {
    /// The chosen epoch.
    pub epoch: usize,
    /// On the validation split, at that epoch.
    pub validation: Metrics,
    /// What it took.
    pub costs: Costs,
}

impl Trial<'_> {
    /// Whether the method can be built here: misfits are found before anything is run.
    pub fn check(&self) -> Result<Built, TrialError> {
        let splits = self.splits()?;
        let program = self.program(&splits)?;
        if !self.method.alignment.reads_generated() {
            // What one item shows is a misfit now, not a failure of every trial later.
            self.present(&splits.test.first(1), None)?;
        }
        let cut = program.cut(self.backbone);
        let is_trained = program.signature().is_trainable() && cut != Cut::Output;
        // A series' tokens are its program's own from the embedding on.
        let of_series = self.method.takes() == Some(Modality::TimeSeries);
        let by_gradients = matches!(self.method.recipe.optimizer.start(Seed::new(self.seed)), Updates::Gradients(_));
        Ok(Built {
            cut,
            n_trainable: program.n_trainable(),
            n_held: program.n_held(),
            n_stored: program.n_stored(),
            n_passes: program.n_passes(),
            fuses: is_trained && by_gradients && !of_series && Fused::new(&[&program]).is_some(),
        })
    }

    /// Runs it.
    pub fn run(&self) -> Result<Finished, TrialError> {
        if self.method.alignment.reads_generated() {
            return self.run_generated();
        }
        Self::run_together(std::slice::from_ref(self)).pop().expect("one trial, one end")
    }

    /// Runs it up to the choice of the epoch: the test split is not read.
    pub fn try_out(&self) -> Result<TriedOut, TrialError> {
        if self.method.alignment.reads_generated() {
            return self.try_out_generated();
        }
        let metered = Metered::new(self.backbone);
        let trial = Trial { backbone: &metered, ..*self };
        Session::new(std::slice::from_ref(&trial), Gauge::new(metered.meter())).try_out()
    }

    /// Runs trials whose programs go through f as one batch: those that differ in seed, start and recipe alone. What one
    /// trial computes does not depend on the others, up to rounding, and one that fails does not stop them.
    pub fn run_together(trials: &[Self]) -> Vec<Result<Finished, TrialError>> {
        match trials {
            [] => Vec::new(),
            [alone] if alone.method.alignment.reads_generated() => vec![alone.run_generated()],
            [first, ..] => {
                let metered = Metered::new(first.backbone);
                let trials: Vec<Trial<'_>> = trials.iter().map(|trial| Trial { backbone: &metered, ..*trial }).collect();
                Session::new(&trials, Gauge::new(metered.meter())).run()
            }
        }
    }

    fn splits(&self) -> Result<Splits, TrialError> {
        Ok(draw(self.dataset, &self.wanted())?)
    }

    /// What is drawn of the data.
    fn wanted(&self) -> Draw {
        let train = match (self.budget.shots, self.budget.train_items) {
            (Some(shots), _) => TrainSize::Shots(shots),
            (None, Some(items)) => TrainSize::Items(items),
            (None, None) => TrainSize::All,
        };
        Draw { seed: self.seed, train, validation_items: self.budget.validation_items, test_items: self.budget.test_items }
    }

    fn program(&self, splits: &Splits) -> Result<Program, TrialError> {
        let text = |example: &crate::data::Example| match (&example.content, example.gold.class()) {
            (Content::Text(text), Some(label)) => Some(LabelledText { id: example.id.clone(), text: text.clone(), label, options: None }),
            (Content::Question(Question { text, options }), Some(label)) => {
                Some(LabelledText { id: example.id.clone(), text: text.clone(), label, options: Some(options.clone()) })
            }
            (Content::Image(_) | Content::Recording(_) | Content::Series(_), _) | (Content::Text(_) | Content::Question(_), None) => None,
        };
        let train_texts: Vec<LabelledText> = splits.train.examples().iter().filter_map(|example| text(example)).collect();
        let worked = |example: &crate::data::Example| Some((example.id.clone(), example.worked(self.labels())?));
        let worked: Vec<_> = splits.train.examples().iter().filter_map(|example| worked(example)).collect();
        let device = if self.method.signature().is_trainable() { self.device.clone().autodiff() } else { self.device.clone() };
        let setup = Setup {
            backbone: self.backbone,
            encoders: self.encoders,
            device: &device,
            target: self.target,
            placement: self.placement,
            train_texts: &train_texts,
            worked_examples: &worked,
            seed: Seed::new(self.seed),
        };
        Ok(self.method.build(&setup)?)
    }

    fn intake(&self) -> Intake<'_> {
        let Self { placement, kernel, device, .. } = *self;
        Intake { card: self.backbone.card(), takes: self.method.takes(), placement, kernel, device }
    }

    /// The items of a split, ready to be fed; those of another trial of the same data, where they are the same ones.
    fn present<Purpose>(&self, split: &Split<Purpose>, other: Option<&Presented>) -> Result<Presented, TrialError> {
        let same = other.filter(|other| split.examples().iter().map(|example| &example.id).eq(&other.ids));
        if let Some(same) = same {
            return Ok(same.clone());
        }
        self.check_options(split)?;
        Ok(Presented::new(split, self.intake())?)
    }

    /// Whether every option that items bring has a token to be scored by.
    fn check_options<Purpose>(&self, split: &Split<Purpose>) -> Result<(), TrialError> {
        let (Some(template), Some(tokenizer)) = (&self.target.template, self.backbone.tokenizer()) else { return Ok(()) };
        let options = split.examples().iter().filter_map(|example| match &example.content {
            Content::Question(question) => Some(&question.options),
            Content::Text(_) | Content::Image(_) | Content::Recording(_) | Content::Series(_) => None,
        });
        for options in options {
            options.check(template, tokenizer)?;
        }
        Ok(())
    }
}

fn stop_if_asked() -> Result<(), TrialError> {
    if interrupt::requested() { Err(TrialError::Interrupted) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::{AssetStore, Network, Settings, Silent};
    use crate::backbones::LoadedBackbone;
    use crate::data::{Content, Example, Gold, Image};
    use crate::device::{DeviceChoice, Precision};
    use crate::plan::Workshop;
    use crate::registry::{PartName, Registry};

    /// The letters ViT and small images of two classes.
    pub(super) struct Small {
        letters: LoadedBackbone,
        dataset: DataSet,
        target: Target,
        encoders: Encoders,
        device: Device,
        budget: Budget,
        method: Method,
    }

    impl Small {
        /// Under this method, images of so many channels.
        pub(super) fn new(method: &str, channels: usize) -> Self {
            let device = Device::flex();
            let folder = tempfile::tempdir().unwrap();
            let (registry, store) =
                (Registry::built_in().unwrap(), AssetStore::new(Settings::new(folder.path().to_owned(), Network::Forbidden)));
            let numbers = Precision::F32.on(DeviceChoice::Cpu).unwrap();
            let workshop = Workshop { registry: &registry, store: &store, device: &device, numbers, progress: &Silent };
            let image = |i: usize| Image { channels, height: 2, width: 2, pixels: vec![i as f32 / 64.0; 4 * channels] };
            let example = |i| Example { id: format!("i{i}"), content: Content::Image(image(i)), gold: Gold::Class(i % 2) };
            let split = registry.dataset("digits").unwrap().split();
            let classes = vec!["a".to_owned(), "b".to_owned()];
            let parts = [(PartName::All, (0..40).map(example).collect())].into();
            Self {
                letters: crate::backbones::load("letters-vit", &workshop).unwrap(),
                dataset: DataSet::from_parts("small", Modality::Vision, classes.clone(), split, parts).unwrap(),
                target: Target { classes, template: None, shares_source_labels: false, horizon: None },
                encoders: Encoders::default(),
                budget: Budget { train_items: Some(4), ..Budget::of_all_items(1, 4) },
                method: (reprogram_methods::catalog::find(method).unwrap().method)(),
                device,
            }
        }

        pub(super) fn trial<'a>(&'a self, seed: u64, keeping: Option<Keeping<'a>>) -> Trial<'a> {
            Trial {
                method: &self.method,
                backbone: self.letters.backbone.as_ref(),
                encoders: &self.encoders,
                dataset: &self.dataset,
                target: &self.target,
                placement: Some(Placement { canvas: [28, 28], image: [20, 20] }),
                kernel: self.letters.kernel,
                budget: &self.budget,
                augment: None,
                device: &self.device,
                seed,
                keeping,
                checks_itself: false,
            }
        }
    }

    /// Colour images on a backbone of one channel were planned, and failed in every trial.
    #[test]
    fn items_that_cannot_be_presented_are_a_misfit_of_the_plan() {
        let check = |channels: usize| Small::new("linear-only", channels).trial(1, None).check().map(|_| ());
        check(1).unwrap();
        insta::assert_snapshot!(check(3).unwrap_err(), @"the backbone needs images of 1 colour channels, or grey ones, but they have 3");
    }
}
