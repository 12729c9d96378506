//! A look into a cell: some of its items go through the imagined f.

use burn::module::Module as _;
use reprogram_methods::{Evaluation, Generation, Prepared, Program, Seed, Updates};
use reprogram_models::{Backbone as _, Metered, Spent};
use reprogram_taxonomy::{Cut, Misfit};

use super::course::{Course, Load, Once, Phase, Steps, Training};
use super::kept::Contents;
use super::{Foresight, share};
use crate::config::Refit;
use crate::data::{Draw, Split, Splits, Train};
use crate::presentation::Presented;
use crate::trial::generated::text;
use crate::trial::member::batches_to_make_of;
use crate::trial::passes::Keeps;
use crate::trial::{Trial, TrialError};

/// Texts by which a split is judged.
const TEXTS: usize = 64;
/// Items by which one of others is: the first, with what is computed once beside it, and another one.
const ALIKE: usize = 2;
/// Items that are answered at length.
const ANSWERED: usize = 4;

/// What looks into a cell.
pub(super) struct Looker<'t> {
    /// Of the imagined backbone.
    pub trial: &'t Trial<'t>,
    pub metered: &'t Metered<'t>,
    pub program: Program,
}

impl Looker<'_> {
    /// The course of its trials.
    pub(super) fn course(self, splits: Splits, foresight: &mut Foresight) -> Result<Course, TrialError> {
        if self.trial.method.alignment.reads_generated() { self.answered(&splits) } else { self.followed(splits, foresight) }
    }

    /// Of a trial whose answers are generated.
    fn answered(self, splits: &Splits) -> Result<Course, TrialError> {
        let all: Vec<_> = splits.validation.examples().iter().chain(splits.test.examples()).collect();
        let few = &all[..all.len().min(ANSWERED)];
        let items = few.iter().map(|example| Ok((example.id.as_str(), text(example)?))).collect::<Result<Vec<_>, Misfit>>()?;
        let before = self.metered.meter().spent();
        Generation::new(&self.program, self.metered, Seed::new(self.trial.seed)).answers::<TrialError>(&items, || Ok(()))?;
        let spent = self.since(before);
        let once = |n: usize| Once { items: n, batches: 1, front: spent.times(share(n, few.len())), ..Once::default() };
        let worded = Contents::default();
        let learned = Phase { program: self.program, refit: None, made: None, train: None, content_free: None, worded };
        Ok(Course {
            cut: Cut::Output,
            keeps: Keeps::Outputs,
            epochs: 1,
            n_passes: 1,
            learned,
            validation: once(splits.validation.len()),
            refitted: None,
            test: once(splits.test.len()),
        })
    }

    /// Of any other.
    fn followed(mut self, splits: Splits, foresight: &mut Foresight) -> Result<Course, TrialError> {
        let is_trained = self.program.signature().is_trainable();
        let epochs = if is_trained { self.trial.budget.epochs } else { 1 };
        let learned = self.learned(&splits.train, None, epochs, foresight)?;
        let validation = self.look(&splits.validation, "validation", foresight)?;
        let learns = learned.train.is_some() || learned.made.is_some();
        let again = self.trial.budget.refit.filter(|_| learns).map(|on| match on {
            Refit::TrainAndValidation => (on, splits.clone().with_validation_in_train()),
        });
        let refitted = match again {
            None => None,
            Some((on, splits)) => {
                self.program = self.trial.program(&splits)?;
                Some(self.learned(&splits.train, Some(on), epochs, foresight)?)
            }
        };
        let cut = self.program.cut(self.metered);
        Ok(Course {
            cut,
            keeps: Keeps::at(cut, &self.program),
            epochs,
            n_passes: self.program.n_passes(),
            learned,
            validation,
            refitted,
            test: self.look(&splits.test, "test", foresight)?,
        })
    }

    /// Making, fitting and training. `refit`: on what, where all has been chosen.
    fn learned(
        &mut self,
        train: &Split<Train>,
        refit: Option<Refit>,
        epochs: usize,
        foresight: &mut Foresight,
    ) -> Result<Phase, TrialError> {
        let made = self.make(train)?;
        let keeps = Keeps::at(self.program.cut(self.metered), &self.program);
        let is_trained = self.program.signature().is_trainable();
        let evidence = self.program.alignment().evidence();
        let fits = (1..=epochs).filter(|&epoch| evidence.asks_for_train(epoch)).count();
        let training = if is_trained || fits > 0 {
            let keeps = if self.trial.augment.is_some() && is_trained { Keeps::Nothing } else { keeps };
            let once = self.look(train, if refit.is_some() { "refit" } else { "train" }, foresight)?;
            let steps = if is_trained && keeps != Keeps::Outputs { Some(self.steps(train, once)?) } else { None };
            Some(Training { once, keeps, fits, steps })
        } else {
            None
        };
        let before = self.metered.meter().spent();
        let rows = self.program.valid().content_free_scores(self.metered).map(|scores| scores.dims()[0]);
        let content_free = rows.map(|items| Load { items, batches: 1, spent: self.since(before) });
        Ok(Phase { program: self.program.clone(), refit, made, train: training, content_free, worded: Contents::default() })
    }

    /// Parts that are made of training items are: of all of them.
    fn make<Purpose>(&mut self, split: &Split<Purpose>) -> Result<Option<Load>, TrialError> {
        if !self.program.is_made_of_items() {
            return Ok(None);
        }
        let train = self.trial.present(split, None)?;
        let batches = batches_to_make_of(&train);
        let before = self.metered.meter().spent();
        self.program.make(self.metered, &batches, train.golds.classes())?;
        Ok(Some(Load { items: train.len(), batches: batches.len(), spent: self.since(before) }))
    }

    /// What a split takes without gradients.
    fn look<Purpose>(&self, split: &Split<Purpose>, purpose: &str, foresight: &mut Foresight) -> Result<Once, TrialError> {
        let way = self.way(purpose);
        if let Some(&once) = foresight.looks.get(&way) {
            return Ok(once);
        }
        let once = self.looked(split)?;
        foresight.looks.insert(way, once);
        Ok(once)
    }

    /// All that a split's way through f depends on but the seed: what is done behind f, and how it is trained, is not among it.
    fn way(&self, purpose: &str) -> String {
        let Trial { method, dataset, placement, .. } = self.trial;
        let done = serde_json::to_string(&method.manipulations).expect("plain data");
        let (name, read, cut) = (&self.metered.card().name, self.program.alignment().reads(), self.program.cut(self.metered));
        let drawn = Draw { seed: 0, ..self.trial.wanted() };
        format!("{purpose} {done} {name} {} {read:?} {cut:?} {placement:?} {drawn:?}", dataset.name())
    }

    fn looked<Purpose>(&self, split: &Split<Purpose>) -> Result<Once, TrialError> {
        let (program, n) = (self.program.valid(), split.len());
        if n == 0 {
            return Ok(Once::default());
        }
        let sample = self.sample(split)?;
        let mut evaluation = Evaluation::new(&program, self.metered);
        let (mut front, mut behind, mut row_bytes) = (Vec::new(), Vec::new(), 0);
        let passes = if sample.are_alike() { (0..sample.len()).map(|i| vec![i]).collect() } else { sample.passes(1) };
        for indices in &passes {
            let before = self.metered.meter().spent();
            let prepared = evaluation.prepare(&sample.batch(indices));
            front.push(self.since(before));
            if row_bytes == 0 {
                row_bytes = bytes_of_row(prepared.clone());
            }
            let before = self.metered.meter().spent();
            evaluation.finish(prepared);
            behind.push(self.since(before));
        }
        let both: Vec<Spent> = front.iter().zip(&behind).map(|(&front, &behind)| front + behind).collect();
        // Where items are alike, the first also pays for what is computed once for all.
        let (front, behind, largest) = if sample.are_alike() {
            let in_pass = sample.pass_size().min(n);
            (like(&front, n), like(&behind, n), like(&both, in_pass))
        } else {
            let all = |of: Vec<Spent>| of.into_iter().sum::<Spent>().times(share(n, sample.len()));
            (all(front), all(behind), both.into_iter().max_by_key(|spent| spent.forward_flops).unwrap_or_default())
        };
        let item_bytes = (sample.n_bytes() / sample.len() * n) as u64;
        Ok(Once { items: n, batches: n.div_ceil(sample.pass_size()), front, behind, largest, item_bytes, row_bytes })
    }

    /// The steps of all epochs. `once`: the same items without gradients.
    fn steps<Purpose>(&self, split: &Split<Purpose>, once: Once) -> Result<Steps, TrialError> {
        let (budget, n) = (self.trial.budget, split.len());
        let n_steps = n.div_ceil(budget.batch_size);
        let asked = match self.trial.method.recipe.optimizer.start(Seed::new(self.trial.seed)) {
            Updates::Gradients(_) => None,
            Updates::Queries(rule) => Some(rule.n_queries()),
        };
        let program = if asked.is_some() { self.program.valid() } else { self.program.clone() };
        let sample = self.sample(split)?;
        let order: Vec<usize> = (0..sample.len()).collect();
        let (behind, largest) = if sample.are_alike() {
            let first = self.step(&program, &sample, &order[..1]);
            let more = self.step(&program, &sample, &order).since(first);
            let each = if sample.len() == 1 { first } else { more.times(share(1, sample.len() - 1)) };
            let once = first.less(each);
            (once.times(n_steps as f64) + each.times(n as f64), once + each.times(budget.batch_size.min(n) as f64))
        } else {
            let steps: Vec<Spent> = order.chunks(budget.batch_size).map(|items| self.step(&program, &sample, items)).collect();
            let sum: Spent = steps.iter().copied().sum();
            (sum.times(share(n, sample.len())), steps.into_iter().max_by_key(|step| step.forward_flops).unwrap_or_default())
        };
        let once = Once { batches: n_steps, behind, ..once };
        let largest = if asked.is_none() { largest } else { Spent::default() };
        Ok(Steps { once, rounds: budget.epochs * asked.unwrap_or(1), largest })
    }

    /// The half of a step that is never kept.
    fn step(&self, program: &Program, sample: &Presented, indices: &[usize]) -> Spent {
        let prepared = program.prepare(self.metered, &sample.batch(indices));
        let before = self.metered.meter().spent();
        program.finish(self.metered, prepared);
        program.penalty(self.metered);
        self.since(before)
    }

    /// Some items of a split, put in shape.
    fn sample<Purpose>(&self, split: &Split<Purpose>) -> Result<Presented, TrialError> {
        let few = self.trial.present(&split.first(ALIKE), None)?;
        if few.are_alike() { Ok(few) } else { self.trial.present(&split.first(TEXTS), None) }
    }

    fn since(&self, before: Spent) -> Spent {
        self.metered.meter().spent().since(before)
    }
}

/// Of each item's kept half.
fn bytes_of_row(prepared: Prepared) -> u64 {
    let rows = prepared.into_rows().unwrap_or_default();
    rows.iter().map(|row| 4 * row.n_numbers() as u64).max().unwrap_or(0)
}

/// So many items, of which the first and the others are known.
fn like(each: &[Spent], n: usize) -> Spent {
    let (first, other) = (each[0], each[each.len() - 1]);
    first + other.times(n.saturating_sub(1) as f64)
}
