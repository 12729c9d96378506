//! When all has been chosen on validation: programs start anew, and are fitted on training and validation items, up to the epoch that was
//! chosen and with the learning rates that it had.
//!
//! Epochs go on as if as many as the budget has were to come, so that a rate which falls has fallen as far as in the choice. Nothing is
//! chosen here, and no test item is read.

use std::cell::RefCell;

use burn::module::Module as _;
use reprogram_methods::Seed;

use super::TrialError;
use super::member::{Member, sizes};
use super::passes::{Items, Sources};
use super::session::Session;
use crate::config::Refit;
use crate::costs::Part;
use crate::record::{Costs, Refitted};
use crate::reuse::Scope;

impl Session<'_> {
    /// Where the budget asks for it, and anything is fitted on training items.
    pub(super) fn refit(&mut self) -> Result<(), TrialError> {
        let Some((_, first)) = self.members.first() else { return Ok(()) };
        let Some(on) = first.trial.budget.refit.filter(|_| first.learns_from_items()) else { return Ok(()) };
        let is_trainable = first.is_trainable();
        self.each(|member| member.begin_refit(on))?;
        self.timed(Part::Fitting, Self::prepare)?;
        if is_trainable {
            self.train_again()?;
        } else {
            self.timed(Part::Fitting, |session| session.fit(1))?;
        }
        self.members.iter_mut().for_each(|(_, member)| member.end_refit());
        Ok(())
    }

    /// Each as far as its chosen epoch. Who is there waits for the others.
    fn train_again(&mut self) -> Result<(), TrialError> {
        let mut there: Vec<(usize, Member<'_>)> = Vec::new();
        let mut ended = Ok(());
        for epoch in 1.. {
            let members = std::mem::take(&mut self.members);
            let (going, waiting): (Vec<_>, Vec<_>) = members.into_iter().partition(|(_, member)| member.chosen_epoch() >= epoch);
            there.extend(waiting);
            self.members = going;
            if self.members.is_empty() {
                break;
            }
            ended = self.epoch(epoch).and_then(|()| self.each(|member| member.end_refit_epoch(epoch)));
            if ended.is_err() {
                break;
            }
        }
        self.members.append(&mut there);
        self.members.sort_by_key(|(place, _)| *place);
        ended
    }
}

impl Member<'_> {
    /// Whether anything that it is would be another with other training items.
    fn learns_from_items(&self) -> bool {
        self.needs_train() || self.program.is_made_of_items()
    }

    /// Starts anew on training and validation items. What was chosen stays chosen.
    fn begin_refit(&mut self, on: Refit) -> Result<(), TrialError> {
        let trial = self.trial;
        let splits = match on {
            Refit::TrainAndValidation => trial.splits()?.with_validation_in_train(),
        };
        let program = trial.program(&splits)?;
        let scope = trial.keeping.and_then(|keeping| keeping.scope(trial, &program, self.cut, Some(on)));
        let id = |scope: &RefCell<Scope<'_>>| scope.borrow().id();
        if self.scope.as_ref().map(id) != scope.as_ref().map(Scope::id) {
            self.reused_before += self.n_reused();
            self.scope = scope.map(RefCell::new);
        }
        self.train = Items { presented: trial.present(&splits.train, None)?, sources: Sources::Fresh };
        self.updates = Some(trial.method.recipe.optimizer.start(Seed::new(trial.seed)));
        let Costs { trainable_parameters, held_parameters, stored_parameters, .. } = sizes(&program);
        self.costs = Costs { trainable_parameters, held_parameters, stored_parameters, ..self.costs };
        self.program = program;
        self.steps_before = self.costs.steps;
        self.refitted = Some(Refitted { on, items: self.train.len(), epochs: 0, steps: 0, train_loss: None });
        Ok(())
    }

    /// Notes how an epoch of the refit went.
    fn end_refit_epoch(&mut self, epoch: usize) -> Result<(), TrialError> {
        let train_loss = Some(self.train_loss(format_args!("epoch {epoch} of the refit"))?);
        let steps = self.costs.steps - self.steps_before;
        self.refitted = self.refitted.map(|refitted| Refitted { epochs: epoch, steps, train_loss, ..refitted });
        Ok(())
    }

    /// The refitted program takes the place of the one that was chosen.
    fn end_refit(&mut self) {
        let program = if self.is_trainable() { self.program.valid() } else { self.program.clone() };
        self.chosen.as_mut().expect("a choice was made").program = program;
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use reprogram_methods::{Encoders, Placement, Target, catalog};
    use reprogram_taxonomy::Modality;

    use super::*;
    use crate::assets::{AssetStore, Network, Settings, Silent};
    use crate::config::Budget;
    use crate::data::{Content, DataSet, Example, Gold, Image};
    use crate::device::{DeviceChoice, Precision};
    use crate::plan::Workshop;
    use crate::registry::{PartName, Registry};
    use crate::trial::{Finished, Trial, TriedOut};

    /// What images of two classes, whose parts are ranges of numbers, come to.
    fn with<T>(method: &str, parts: [std::ops::Range<usize>; 3], budget: &Budget, act: impl FnOnce(&Trial<'_>) -> T) -> T {
        let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
        let registry = Registry::built_in().unwrap();
        let store = AssetStore::new(Settings::new(folder.path().to_owned(), Network::Forbidden));
        let numbers = Precision::F32.on(DeviceChoice::Cpu).unwrap();
        let workshop = Workshop { registry: &registry, store: &store, device: &device, numbers, progress: &Silent };
        let letters = crate::backbones::load("letters-vit", &workshop).unwrap();
        let own = |i: usize, at: usize| ((31 * i + 17 * at * at) % 97) as f32 / 250.0;
        let pixels = |i: usize| (0..16).map(|at| own(i, at) + if at % 2 == i % 2 { 0.6 } else { 0.0 }).collect();
        let image = |i| Content::Image(Image { channels: 1, height: 4, width: 4, pixels: pixels(i) });
        let example = |i| Example { id: format!("i{i}"), content: image(i), gold: Gold::Class(i % 2) };
        let names = [PartName::Train, PartName::Validation, PartName::Test];
        let parts = names.into_iter().zip(parts).map(|(name, range)| (name, range.map(example).collect())).collect();
        let (official, classes) = (registry.dataset("flowers102").unwrap().split(), vec!["a".to_owned(), "b".to_owned()]);
        let dataset = DataSet::from_parts("small", Modality::Vision, classes.clone(), official, parts).unwrap();
        act(&Trial {
            method: &(catalog::find(method).unwrap().method)(),
            backbone: letters.backbone.as_ref(),
            encoders: &Encoders::default(),
            dataset: &dataset,
            target: &Target { classes, template: None, shares_source_labels: false, horizon: None },
            placement: Some(Placement { canvas: [28, 28], image: [20, 20] }),
            kernel: letters.kernel,
            budget,
            augment: None,
            device: &device,
            seed: 1,
            keeping: None,
            checks_itself: false,
        })
    }

    fn run(method: &str, parts: [std::ops::Range<usize>; 3], budget: &Budget) -> Finished {
        with(method, parts, budget, |trial| trial.run().unwrap())
    }

    fn budget(epochs: usize, refit: Option<Refit>) -> Budget {
        Budget { refit, ..Budget::of_all_items(epochs, 4) }
    }

    const BOTH: Option<Refit> = Some(Refit::TrainAndValidation);

    #[test]
    fn a_refit_changes_the_program_and_no_choice() {
        let parts = [0..12, 12..20, 20..30];
        let [once, twice] = [None, BOTH].map(|refit| run("linear-only", parts.clone(), &budget(3, refit)).outcome);
        assert_eq!((once.epoch, once.validation, &once.curve), (twice.epoch, twice.validation, &twice.curve));
        assert_ne!(once.program_sha256, twice.program_sha256);
        let refitted = twice.refit.unwrap();
        assert_eq!((once.refit, refitted.items, refitted.epochs, refitted.steps), (None, 20, once.epoch, once.epoch * 5));
        assert!(refitted.train_loss.is_some_and(f64::is_finite));
        assert_eq!((once.costs.steps, twice.costs.steps), (9, 9 + once.epoch * 5));
        assert_eq!(twice.costs.forward_items_training, once.costs.forward_items_training + 20);
        let part_items = twice.costs.parts.unwrap().total().items;
        assert_eq!(part_items, twice.costs.forward_items_training + twice.costs.forward_items_evaluation);
        insta::assert_snapshot!(twice.selection, @"highest validation accuracy, then lowest validation loss, then first; then fitted once more on training and validation items; test: official; validation: official; train: all items; validation items: 8; test items: 10");
    }

    /// As if all items had been training items from the beginning, for trained programs and for counted mappings.
    #[test]
    fn a_refitted_program_is_one_that_was_trained_on_all() {
        for method in ["linear-only", "flm-only", "vp-ilm"] {
            let refitted = run(method, [0..12, 12..20, 20..30], &budget(1, BOTH));
            let of_all = run(method, [0..20, 30..34, 20..30], &budget(1, None));
            for (again, at_once) in refitted.tensors.iter().zip(&of_all.tensors) {
                assert_eq!((&again.name, again.values.len()), (&at_once.name, at_once.values.len()), "{method}");
                let apart = again.values.iter().zip(&at_once.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 1e-3, "{method}: {} is {apart} apart", again.name);
            }
            assert_eq!(refitted.outcome.test.accuracy, of_all.outcome.test.accuracy, "{method}");
        }
    }

    #[test]
    fn what_is_tried_out_is_not_refitted() {
        let parts = [0..12, 12..20, 20..30];
        let try_out = |refit| with("linear-only", parts.clone(), &budget(2, refit), |trial| trial.try_out().unwrap());
        let [TriedOut { costs: once, .. }, TriedOut { costs: twice, .. }] = [None, BOTH].map(try_out);
        assert_eq!((once.steps, once.forward_items_training), (twice.steps, twice.forward_items_training));
    }
}
