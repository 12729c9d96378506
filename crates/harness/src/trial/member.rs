//! What one trial has of its own, whether it runs alone or with others.

use std::cell::RefCell;
use std::fmt;

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use reprogram_methods::{Batch, Fitting, NamedTensor, Program, Seed, Updates};
use reprogram_taxonomy::Cut;
use sha2::{Digest as _, Sha256};

use super::alone::batch_invariance;
use super::choices::Choices;
use super::passes::{Items, Keeps, Sources, Way, all_outputs, outputs};
use super::{Finished, Trial, TrialError, TriedOut, stop_if_asked};
use crate::assets::Digest;
use crate::augment::Changes;
use crate::costs::{Part, PartCosts};
use crate::data::{Split, Splits, Test};
use crate::evaluate::Scored;
use crate::memory::peak_resident_bytes;
use crate::presentation::Presented;
use crate::record::{Costs, EpochPoint, Metrics, Outcome, Refitted};
use crate::reuse::Scope;

/// Training items of which parts are made go through f in batches of this size.
const MADE_AT_ONCE: usize = 32;

/// A trial that runs.
pub(super) struct Member<'a> {
    pub trial: &'a Trial<'a>,
    pub cut: Cut,
    pub scope: Option<RefCell<Scope<'a>>>,
    pub train: Items,
    pub validation: Items,
    test: Split<Test>,
    pub program: Program,
    pub costs: Costs,
    pub chosen: Option<Chosen>,
    /// Absent while a step of it is taken.
    pub updates: Option<Updates>,
    seed: Seed,
    split_rule: String,
    curve: Vec<EpochPoint>,
    epoch: usize,
    /// Of the epoch: items in the order in which they come, and losses of its steps with their numbers of items.
    order: Vec<usize>,
    losses: Vec<(Loss, usize)>,
    /// Steps that were taken before the program was started anew.
    pub steps_before: usize,
    /// Kept halves of others that were found before that, in another scope.
    pub reused_before: usize,
    pub refitted: Option<Refitted>,
}

/// A loss of a step.
enum Loss {
    /// Where it was computed: reading it would make the device wait.
    Unread(Tensor<1>),
    Read(f64),
}

/// A program that was chosen on the validation split.
pub(super) struct Chosen {
    pub epoch: usize,
    metrics: Metrics,
    pub program: Program,
}

impl<'a> Member<'a> {
    /// `other`: one that runs beside it.
    pub(super) fn new(trial: &'a Trial<'a>, other: Option<&Self>) -> Result<Self, TrialError> {
        let splits = trial.splits()?;
        let program = trial.program(&splits)?;
        let cut = program.cut(trial.backbone);
        let Splits { train, validation, test, rule } = splits;
        let fresh = |presented: Presented| Items { presented, sources: Sources::Fresh };
        Ok(Self {
            trial,
            cut,
            scope: trial.keeping.and_then(|keeping| keeping.scope(trial, &program, cut, None)).map(RefCell::new),
            train: fresh(trial.present(&train, other.map(|other| &other.train.presented))?),
            validation: fresh(trial.present(&validation, other.map(|other| &other.validation.presented))?),
            test,
            updates: Some(trial.method.recipe.optimizer.start(Seed::new(trial.seed))),
            seed: Seed::new(trial.seed),
            split_rule: rule,
            costs: sizes(&program),
            program,
            chosen: None,
            curve: Vec::new(),
            epoch: 0,
            order: Vec::new(),
            losses: Vec::new(),
            steps_before: 0,
            reused_before: 0,
            refitted: None,
        })
    }

    pub(super) fn is_trainable(&self) -> bool {
        self.program.signature().is_trainable()
    }

    /// Whether it follows gradients, or asks for losses only.
    pub(super) const fn follows_gradients(&self) -> bool {
        matches!(self.updates, Some(Updates::Gradients(_)))
    }

    /// Whether training items are looked at, by a gradient or by the alignment.
    pub(super) fn needs_train(&self) -> bool {
        self.is_trainable() || self.asks_for_train(1)
    }

    pub(super) const fn on_train(&self) -> Way<'_, 'a> {
        Way::new(self, &self.program, &self.train)
    }

    /// As the epoch's steps have them.
    pub(super) fn on_changed_train(&self) -> Way<'_, 'a> {
        let changes = self.trial.augment.map(|augment| Changes { augment, seed: self.seed.fork(&format!("augment {}", self.epoch)) });
        Way { changes, ..self.on_train() }
    }

    pub(super) const fn on_validation(&self) -> Way<'_, 'a> {
        Way::new(self, &self.program, &self.validation)
    }

    /// Makes the fixed parts that are made of training items.
    pub(super) fn make(&mut self) -> Result<(), TrialError> {
        if self.program.is_made_of_items() {
            let train = &self.train.presented;
            self.program.make(self.trial.backbone, &batches_to_make_of(train), train.golds.classes())?;
            self.costs.forward_items_training += self.train.len();
        }
        Ok(())
    }

    /// Finds out what training items go through f as; constant outputs are computed.
    pub(super) fn prepare_train(&mut self) -> Result<(), TrialError> {
        if self.trial.augment.is_some() && self.is_trainable() {
            return Ok(());
        }
        self.train.sources = self.sources(&self.program, &self.train.presented)?;
        if self.train.are_constant() {
            self.costs.forward_items_training += self.train.len();
        }
        Ok(())
    }

    /// The same of validation items.
    pub(super) fn prepare_validation(&mut self) -> Result<(), TrialError> {
        self.validation.sources = self.sources(&self.program, &self.validation.presented)?;
        if self.validation.are_constant() {
            self.costs.forward_items_evaluation += self.validation.len();
        }
        Ok(())
    }

    /// The test items. `other`: those of one that runs beside it.
    pub(super) fn test(&self, other: Option<&Items>) -> Result<Items, TrialError> {
        let presented = self.trial.present(&self.test, other.map(|other| &other.presented))?;
        let sources = self.sources(self.chosen_program(), &presented)?;
        Ok(Items { presented, sources })
    }

    /// The program that was chosen.
    pub(super) const fn chosen_program(&self) -> &Program {
        match &self.chosen {
            Some(chosen) => &chosen.program,
            None => &self.program,
        }
    }

    fn sources(&self, program: &Program, presented: &Presented) -> Result<Sources, TrialError> {
        let halves = || match &self.scope {
            Some(_) => Sources::Halves(presented.contents(program, self.trial.backbone)),
            None => Sources::Fresh,
        };
        Ok(match Keeps::at(self.cut, program) {
            Keeps::Nothing => Sources::Fresh,
            Keeps::Halves => halves(),
            Keeps::Outputs => {
                let mut found = all_outputs(&[Way { member: self, program, presented, sources: &halves(), changes: None }])?;
                Sources::Constant(found.pop().expect("one way, one table"))
            }
        })
    }

    /// Whether the alignment waits for outputs of training items at the beginning of this epoch.
    pub(super) fn asks_for_train(&self, epoch: usize) -> bool {
        self.program.alignment().evidence().asks_for_train(epoch)
    }

    /// Fits the alignment on outputs of all training items.
    pub(super) fn fit(&mut self, outputs: &Tensor<2>) {
        if !self.train.are_constant() {
            self.costs.forward_items_training += self.train.len();
        }
        self.program.alignment_mut().fit(Fitting { scores: outputs, labels: self.train.presented.golds.classes() });
    }

    /// Fits it on texts without content, or on the cue alone, where it asks for them.
    pub(super) fn fit_content_free(&mut self) {
        let Some(scores) = self.program.valid().content_free_scores(self.trial.backbone) else { return };
        self.costs.forward_items_training += scores.dims()[0];
        self.program.alignment_mut().fit(Fitting { scores: &scores, labels: &[] });
    }

    pub(super) fn begin_epoch(&mut self, epoch: usize) {
        self.epoch = epoch;
        let shuffle = self.seed.fork(&format!("epoch {epoch}"));
        self.order = (0..self.train.len()).collect();
        self.order.sort_by_cached_key(|&i| shuffle.rank(&self.train.presented.ids[i]));
        self.losses.clear();
    }

    /// The training items of a step.
    pub(super) fn batch(&self, step: usize) -> Vec<usize> {
        let size = self.trial.budget.batch_size;
        self.order[step * size..self.order.len().min((step + 1) * size)].to_vec()
    }

    /// The mean loss on some training items, given f's outputs for them.
    pub(super) fn loss(&self, outputs: Tensor<2>, indices: &[usize]) -> Tensor<1> {
        self.loss_of(&self.program, outputs, indices)
    }

    /// The same of a program like this one's, with what its parts add to it.
    fn loss_of(&self, program: &Program, outputs: Tensor<2>, indices: &[usize]) -> Tensor<1> {
        let loss = self.train.presented.golds.loss(program.alignment().align(outputs), indices);
        program.penalty(self.trial.backbone).map_or(loss.clone(), |penalty| loss + penalty)
    }

    fn rate(&self) -> f64 {
        let (recipe, budget) = (&self.trial.method.recipe, self.trial.budget);
        let n_steps = budget.epochs * self.train.len().div_ceil(budget.batch_size);
        recipe.learning_rate * recipe.schedule.factor(self.costs.steps - self.steps_before, n_steps)
    }

    /// A step along gradients, `loss` without a graph.
    pub(super) fn descend(mut self, loss: Tensor<1>, gradients: GradientsParams, n_items: usize) -> Self {
        let rate = self.rate();
        let Some(Updates::Gradients(optimizer)) = &mut self.updates else { panic!("this rule follows no gradients") };
        self.program = optimizer.step(rate, self.program, gradients);
        if !self.train.are_constant() {
            self.costs.forward_items_training += n_items;
            // What is learned behind f sends no gradient through it.
            if self.program.signature().first_learnable() != Cut::Output {
                self.costs.backward_items += n_items;
            }
        }
        self.losses.push((Loss::Unread(loss), n_items));
        self.costs.steps += 1;
        self
    }

    /// A step that asks for losses on a batch and for no gradient.
    pub(super) fn query(&mut self, indices: &[usize]) -> Result<(), TrialError> {
        let rate = self.rate();
        let mut point = self.program.point();
        let Some(Updates::Queries(mut rule)) = self.updates.take() else { panic!("this rule follows gradients") };
        let queried = rule.step(rate, &mut point, |at| {
            stop_if_asked()?;
            let program = self.program.at_point(at).valid();
            let found = outputs(&[Way { program: &program, ..self.on_changed_train() }], &[indices.to_vec()])?;
            let outputs = found.into_iter().next().expect("one way, one table");
            Ok::<f32, TrialError>(self.loss_of(&program, outputs, indices).into_scalar())
        })?;
        self.updates = Some(Updates::Queries(rule));
        self.costs.queries += queried.n_queries * indices.len();
        if !self.train.are_constant() {
            self.costs.forward_items_training += queried.n_queries * indices.len();
        }
        self.program = self.program.at_point(&point);
        self.losses.push((Loss::Read(queried.loss), indices.len()));
        self.costs.steps += 1;
        Ok(())
    }

    /// The mean training loss of the epoch, which is called `epoch` where something is wrong with it.
    pub(super) fn train_loss(&mut self, epoch: fmt::Arguments<'_>) -> Result<f64, TrialError> {
        let unread: Vec<Tensor<1>> = self.losses.iter().filter_map(|(loss, _)| loss.unread()).collect();
        let read: Vec<f32> =
            if unread.is_empty() { Vec::new() } else { Tensor::cat(unread, 0).try_into_vec_as().expect("losses are floats") };
        let mut read = read.into_iter();
        let mut total = 0.0;
        for (loss, n_items) in self.losses.drain(..) {
            let value = match loss {
                Loss::Unread(_) => f64::from(read.next().expect("as many as were unread")),
                Loss::Read(value) => value,
            };
            if !value.is_finite() {
                return Err(TrialError::NotFinite { what: format!("training loss of {epoch}") });
            }
            total += value * n_items as f64;
        }
        Ok(total / self.train.len() as f64)
    }

    /// Notes how an epoch went; the program is chosen if it is the best so far.
    pub(super) fn end_epoch(&mut self, epoch: usize, scored: &Scored) -> Result<(), TrialError> {
        let train_loss = self.train_loss(format_args!("epoch {epoch}"))?;
        if !self.validation.are_constant() {
            self.costs.forward_items_evaluation += self.validation.len();
        }
        let metrics = scored.metrics(&self.validation.presented.golds);
        let validation_loss = loss_of(&metrics);
        self.curve.push(EpochPoint { epoch, train_loss, validation_accuracy: metrics.accuracy, validation_loss });
        if self.chosen.as_ref().is_none_or(|best| metrics.merit() > best.metrics.merit()) {
            self.chosen = Some(Chosen { epoch, metrics, program: self.program.valid() });
        }
        Ok(())
    }

    /// Chooses the program where there is no choice.
    pub(super) fn choose_as_it_is(&mut self, scored: &Scored) {
        let metrics = scored.metrics(&self.validation.presented.golds);
        self.chosen = Some(Chosen { epoch: 0, metrics, program: self.program.clone() });
    }

    /// The epoch that was chosen; zero where nothing is trained.
    pub(super) fn chosen_epoch(&self) -> usize {
        self.chosen.as_ref().map_or(0, |chosen| chosen.epoch)
    }

    /// Kept halves of others that were found in the scope.
    pub(super) fn n_reused(&self) -> usize {
        self.scope.as_ref().map_or(0, |scope| scope.borrow().n_reused())
    }

    /// Notes what a part took. Items that were counted since the last part are of this one.
    pub(super) fn took(&mut self, part: Part, share: PartCosts) {
        let parts = self.costs.parts.get_or_insert_default();
        let items = self.costs.forward_items_training + self.costs.forward_items_evaluation - parts.total().items;
        *parts.of(part) = parts.of(part).and(PartCosts { items, ..share });
        match part {
            Part::Fitting | Part::Steps => self.costs.seconds_training += share.seconds,
            Part::Validation | Part::Test => self.costs.seconds_evaluation += share.seconds,
        }
    }

    /// What it took so far, with all passes that an item makes.
    fn spent(&self, n_passes: usize) -> Costs {
        Costs {
            forward_items_training: self.costs.forward_items_training * n_passes,
            forward_items_evaluation: self.costs.forward_items_evaluation * n_passes,
            peak_memory_bytes: peak_resident_bytes(),
            parts: self.costs.parts.map(|parts| parts.map(|part| PartCosts { items: part.items * n_passes, ..part })),
            reused_items: self.reused_before + self.n_reused(),
            ..self.costs
        }
    }

    /// What was chosen, the test split unread.
    pub(super) fn tried_out(&self) -> Result<TriedOut, TrialError> {
        let Chosen { epoch, metrics, program } = self.chosen.as_ref().expect("a budget has at least one epoch");
        if !loss_of(metrics).is_finite() {
            return Err(TrialError::NotFinite { what: "validation loss".to_owned() });
        }
        Ok(TriedOut { epoch: *epoch, validation: *metrics, costs: self.spent(program.n_passes()) })
    }

    /// What is left of the trial once its test items are scored.
    pub(super) fn finish(mut self, test: &Presented, (scored, choices): (Scored, Option<Choices>)) -> Result<Finished, TrialError> {
        let is_trainable = self.is_trainable();
        let batch_invariance = if self.trial.checks_itself { Some(batch_invariance(&self, test, &scored)?) } else { None };
        let n_asked = usize::from(choices.is_some());
        self.costs.forward_items_evaluation += n_asked;
        self.costs.parts.get_or_insert_default().test.items += n_asked;
        let costs = self.spent(self.program.n_passes());
        let Chosen { epoch, metrics, program } = self.chosen.expect("a budget has at least one epoch");
        if !scored.is_finite() {
            return Err(TrialError::NotFinite { what: "output for a test item".to_owned() });
        }
        let tensors = program.tensors();
        let rule = if is_trainable { metrics.measure().choice() } else { "nothing is trained: no choice" };
        let outcome = Outcome {
            validation: metrics,
            test: scored.metrics(&test.golds),
            selection: match self.refitted {
                Some(Refitted { on, .. }) => format!("{rule}; then fitted once more on {on}; {}", self.split_rule),
                None => format!("{rule}; {}", self.split_rule),
            },
            epoch,
            curve: self.curve,
            costs,
            program_sha256: hash(&tensors),
            alignment_notes: program.alignment().note().into_iter().collect(),
            batch_invariance,
            borders: choices.as_ref().map(|choices| choices.borders),
            refit: self.refitted,
        };
        let answers = choices.map(|choices| choices.scores);
        Ok(Finished { outcome, examples: scored.outcomes(&test.ids, &test.golds, answers), tensors })
    }
}

/// Costs that are no more than sizes yet.
pub(super) fn sizes(program: &Program) -> Costs {
    let (trainable, held) = (program.n_trainable(), program.n_held());
    Costs {
        trainable_parameters: trainable,
        held_parameters: if held == trainable { 0 } else { held },
        stored_parameters: program.n_stored(),
        ..Costs::default()
    }
}

/// Training items, as parts that are made of them are given them.
pub(super) fn batches_to_make_of(train: &Presented) -> Vec<Batch> {
    let order: Vec<usize> = (0..train.len()).collect();
    order.chunks(MADE_AT_ONCE).map(|items| train.batch(items)).collect()
}

impl Loss {
    fn unread(&self) -> Option<Tensor<1>> {
        match self {
            Self::Unread(loss) => Some(loss.clone()),
            Self::Read(_) => None,
        }
    }
}

/// The loss of classes that were scored, or of forecasts.
fn loss_of(metrics: &Metrics) -> f64 {
    metrics.loss.or(metrics.errors.map(|errors| errors.mse)).expect("what is trained has a loss")
}

pub(super) fn hash(tensors: &[NamedTensor]) -> String {
    let mut digest = Sha256::new();
    for tensor in tensors {
        digest.update(tensor.name.as_bytes());
        tensor.values.iter().for_each(|value| digest.update(value.to_le_bytes()));
    }
    Digest::from_hasher(digest).to_string()
}
