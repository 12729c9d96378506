//! One trial: draw, build, fit or train, choose on validation, read the test split once.

mod error;

use std::cell::RefCell;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use reprogram_methods::{
    Batch, Evaluation, Evidence, Fitting, LabelledText, Method, NamedTensor, Placement, Prepared, Program, Query, Seed, Setup, Target,
    Updates, ZerothOrder,
};
use reprogram_models::{Backbone, cross_entropy};
use reprogram_taxonomy::Cut;
use sha2::{Digest as _, Sha256};

use crate::assets::Digest;
use crate::config::Budget;
use crate::data::{Content, DataSet, Draw, Splits, TrainSize, draw};
use crate::evaluate::Scored;
use crate::interrupt;
use crate::memory::peak_resident_bytes;
use crate::presentation::Presented;
use crate::record::{Costs, EpochPoint, ExampleOutcome, Metrics, Outcome};
use crate::reuse::{Keeping, Scope};

pub use error::TrialError;

/// What a trial is made of.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// The composition.
    pub method: &'a Method,
    /// f.
    pub backbone: &'a dyn Backbone,
    /// The data.
    pub dataset: &'a DataSet,
    /// Its classes and words.
    pub target: &'a Target,
    /// Where images lie.
    pub placement: Option<Placement>,
    /// What may be spent.
    pub budget: &'a Budget,
    /// Where it runs.
    pub device: &'a Device,
    /// Its seed.
    pub seed: u64,
    /// Where constant halves of passes are kept, if they are.
    pub keeping: Option<Keeping<'a>>,
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
        Ok(Built {
            cut: program.cut(self.backbone),
            n_trainable: program.n_trainable(),
            n_held: program.n_held(),
            n_stored: program.n_stored(),
            n_passes: program.n_passes(),
        })
    }

    /// Runs it.
    pub fn run(&self) -> Result<Finished, TrialError> {
        let splits = self.splits()?;
        let program = self.program(&splits)?;
        self.session(&program, &splits)?.run(program, &splits)
    }

    /// Runs it up to the choice of the epoch: the test split is not read.
    pub fn try_out(&self) -> Result<TriedOut, TrialError> {
        let splits = self.splits()?;
        let program = self.program(&splits)?;
        let mut session = self.session(&program, &splits)?;
        let (Chosen { epoch, metrics, program }, _) = session.choose(program)?;
        if !metrics.loss.is_finite() {
            return Err(TrialError::NotFinite { what: "validation loss".to_owned() });
        }
        Ok(TriedOut { epoch, validation: metrics, costs: session.spent(program.n_passes()) })
    }

    fn session(&self, program: &Program, splits: &Splits) -> Result<Session<'_>, TrialError> {
        let cut = program.cut(self.backbone);
        Ok(Session {
            trial: self,
            cut,
            scope: self.keeping.and_then(|keeping| keeping.scope(self, program, cut)).map(RefCell::new),
            train: self.present(&splits.train)?,
            validation: self.present(&splits.validation)?,
            seed: Seed::new(self.seed),
            costs: Costs { trainable_parameters: program.n_trainable(), stored_parameters: program.n_stored(), ..Costs::default() },
        })
    }

    fn splits(&self) -> Result<Splits, TrialError> {
        let train = match (self.budget.shots, self.budget.train_items) {
            (Some(shots), _) => TrainSize::Shots(shots),
            (None, Some(items)) => TrainSize::Items(items),
            (None, None) => TrainSize::All,
        };
        let wanted = Draw { seed: self.seed, train, validation_items: self.budget.validation_items, test_items: self.budget.test_items };
        Ok(draw(self.dataset, &wanted)?)
    }

    fn program(&self, splits: &Splits) -> Result<Program, TrialError> {
        let text = |example: &crate::data::Example| match &example.content {
            Content::Text(text) => Some(LabelledText { id: example.id.clone(), text: text.clone(), label: example.label }),
            Content::Image(_) => None,
        };
        let train_texts: Vec<LabelledText> = splits.train.examples().iter().filter_map(|example| text(example)).collect();
        let device = if self.method.signature().is_trainable() { self.device.clone().autodiff() } else { self.device.clone() };
        let setup = Setup {
            backbone: self.backbone,
            device: &device,
            target: self.target,
            placement: self.placement,
            train_texts: &train_texts,
            seed: Seed::new(self.seed),
        };
        Ok(self.method.build(&setup)?)
    }

    fn present<Purpose>(&self, split: &crate::data::Split<Purpose>) -> Result<Presented, TrialError> {
        Ok(Presented::new(split, self.backbone.card(), self.placement, self.device)?)
    }
}

/// Training items of which parts are made go through f in batches of this size.
const MADE_AT_ONCE: usize = 32;

/// What a split goes through f as.
enum Sources {
    /// Nothing before ω is learnable: f's outputs, computed once, in the order of the items.
    Constant(Tensor<2>),
    /// What is in front of the first learned place is kept, under the contents of the items.
    Halves(Vec<Digest>),
    /// f is run again each time.
    Fresh,
}

struct Session<'a> {
    trial: &'a Trial<'a>,
    cut: Cut,
    scope: Option<RefCell<Scope<'a>>>,
    train: Presented,
    validation: Presented,
    seed: Seed,
    costs: Costs,
}

impl Session<'_> {
    fn run(mut self, program: Program, splits: &Splits) -> Result<Finished, TrialError> {
        let trainable = program.signature().is_trainable();
        let (chosen, curve) = self.choose(program)?;
        let started = Instant::now();
        let test = self.trial.present(&splits.test)?;
        let sources = self.sources(&chosen.program, &test)?;
        let scored = self.score(&chosen.program, &test, &sources)?;
        self.costs.forward_items_evaluation += test.len();
        self.costs.seconds_evaluation += started.elapsed().as_secs_f64();
        if !scored.is_finite() {
            return Err(TrialError::NotFinite { what: "log-probability of a test item".to_owned() });
        }
        let tensors = chosen.program.tensors();
        let rule = if trainable {
            "highest validation accuracy, then lowest validation loss, then first"
        } else {
            "nothing is trained: no choice"
        };
        let outcome = Outcome {
            validation: chosen.metrics,
            test: scored.metrics(&test.labels),
            selection: format!("{rule}; {}", splits.rule),
            epoch: chosen.epoch,
            curve,
            costs: self.spent(chosen.program.n_passes()),
            program_sha256: hash(&tensors),
            alignment_notes: chosen.program.alignment().note().into_iter().collect(),
        };
        Ok(Finished { outcome, examples: scored.outcomes(&test.ids, &test.labels), tensors })
    }

    /// Fits or trains, and chooses an epoch on validation.
    fn choose(&mut self, mut program: Program) -> Result<(Chosen, Vec<EpochPoint>), TrialError> {
        let started = Instant::now();
        self.make(&mut program)?;
        let trainable = program.signature().is_trainable();
        let evidence = program.alignment().evidence();
        let needs_train = trainable || matches!(evidence, Evidence::TrainingOnce | Evidence::TrainingEveryEpoch);
        let train = if needs_train { self.sources(&program, &self.train)? } else { Sources::Fresh };
        if matches!(train, Sources::Constant(_)) {
            self.costs.forward_items_training += self.train.len();
        }
        let evaluation_started = Instant::now();
        let validation = self.sources(&program, &self.validation)?;
        if matches!(validation, Sources::Constant(_)) {
            self.costs.forward_items_evaluation += self.validation.len();
        }
        self.costs.seconds_evaluation += evaluation_started.elapsed().as_secs_f64();
        let mut curve = Vec::new();
        let chosen = if trainable {
            self.train(program, &train, &validation, &mut curve)?
        } else {
            let program = self.fit(program, &train)?;
            let started = Instant::now();
            let scored = self.score(&program, &self.validation, &validation)?;
            self.costs.seconds_evaluation += started.elapsed().as_secs_f64();
            Chosen { epoch: 0, metrics: scored.metrics(&self.validation.labels), program }
        };
        self.costs.seconds_training = started.elapsed().as_secs_f64() - self.costs.seconds_evaluation;
        Ok((chosen, curve))
    }

    /// What it took so far, with all passes that an item makes.
    fn spent(&self, n_passes: usize) -> Costs {
        Costs {
            forward_items_training: self.costs.forward_items_training * n_passes,
            forward_items_evaluation: self.costs.forward_items_evaluation * n_passes,
            peak_memory_bytes: peak_resident_bytes(),
            reused_items: self.scope.as_ref().map_or(0, |scope| scope.borrow().n_reused()),
            ..self.costs
        }
    }

    fn train(
        &mut self,
        mut program: Program,
        train: &Sources,
        validation: &Sources,
        curve: &mut Vec<EpochPoint>,
    ) -> Result<Chosen, TrialError> {
        let Trial { budget, method, .. } = self.trial;
        let mut updates = method.recipe.optimizer.start(self.seed);
        let n_steps = budget.epochs * self.train.len().div_ceil(budget.batch_size);
        let mut best: Option<Chosen> = None;
        for epoch in 1..=budget.epochs {
            if epoch == 1 || program.alignment().evidence() == Evidence::TrainingEveryEpoch {
                program = self.fit(program, train)?;
            }
            let mut order: Vec<usize> = (0..self.train.len()).collect();
            let shuffle = self.seed.fork(&format!("epoch {epoch}"));
            order.sort_by_cached_key(|&i| shuffle.rank(&self.train.ids[i]));
            let mut total = 0.0;
            for indices in order.chunks(budget.batch_size) {
                stop_if_asked()?;
                let labels: Vec<usize> = indices.iter().map(|&i| self.train.labels[i]).collect();
                let rate = method.recipe.learning_rate * method.recipe.schedule.factor(self.costs.steps, n_steps);
                let value = match &mut updates {
                    Updates::Gradients(optimizer) => {
                        let outputs = self.outputs(&program, &self.train, train, indices)?;
                        let loss = cross_entropy(program.alignment().align(outputs), &labels);
                        let value: f32 = loss.clone().into_scalar();
                        let gradients = GradientsParams::from_grads(loss.backward(), &program);
                        program = optimizer.step(rate, program, gradients);
                        if !matches!(train, Sources::Constant(_)) {
                            self.costs.forward_items_training += indices.len();
                            self.costs.backward_items += indices.len();
                        }
                        f64::from(value)
                    }
                    Updates::Queries(rule) => {
                        let value;
                        (program, value) = self.queried(rule, rate, program, train, indices, &labels)?;
                        value
                    }
                };
                if !value.is_finite() {
                    return Err(TrialError::NotFinite { what: format!("training loss of epoch {epoch}") });
                }
                total += value * indices.len() as f64;
                self.costs.steps += 1;
            }
            let started = Instant::now();
            let scored = self.score(&program.valid(), &self.validation, validation)?;
            if !matches!(validation, Sources::Constant(_)) {
                self.costs.forward_items_evaluation += self.validation.len();
            }
            self.costs.seconds_evaluation += started.elapsed().as_secs_f64();
            let metrics = scored.metrics(&self.validation.labels);
            curve.push(EpochPoint {
                epoch,
                train_loss: total / self.train.len() as f64,
                validation_accuracy: metrics.accuracy,
                validation_loss: metrics.loss,
            });
            let better = best.as_ref().is_none_or(|best| (metrics.accuracy, -metrics.loss) > (best.metrics.accuracy, -best.metrics.loss));
            if better {
                best = Some(Chosen { epoch, metrics, program: program.valid() });
            }
        }
        Ok(best.expect("a budget has at least one epoch"))
    }

    /// A step that asks for losses on a batch and for no gradient: the program after it, and the mean of the losses.
    fn queried(
        &mut self,
        rule: &mut ZerothOrder,
        rate: f64,
        program: Program,
        train: &Sources,
        indices: &[usize],
        labels: &[usize],
    ) -> Result<(Program, f64), TrialError> {
        let mut point = program.point();
        let queried = rule.step(rate, &mut point, |at| {
            stop_if_asked()?;
            let program = program.at_point(at).valid();
            let outputs = self.outputs(&program, &self.train, train, indices)?;
            Ok::<f32, TrialError>(cross_entropy(program.alignment().align(outputs), labels).into_scalar())
        })?;
        if !matches!(train, Sources::Constant(_)) {
            self.costs.forward_items_training += queried.n_queries * indices.len();
        }
        Ok((program.at_point(&point), queried.loss))
    }

    /// Makes the fixed parts that are made of training items.
    fn make(&mut self, program: &mut Program) -> Result<(), TrialError> {
        if program.is_made_of_items() {
            let order: Vec<usize> = (0..self.train.len()).collect();
            let batches: Vec<Batch> = order.chunks(MADE_AT_ONCE).map(|items| self.train.batch(items)).collect();
            program.make(self.trial.backbone, &batches, &self.train.labels)?;
            self.costs.forward_items_training += self.train.len();
        }
        Ok(())
    }

    /// Gives the alignment the evidence it asks for.
    fn fit(&mut self, mut program: Program, train: &Sources) -> Result<Program, TrialError> {
        let (scores, labels) = match (program.alignment().evidence(), train) {
            (Evidence::None, _) => return Ok(program),
            (Evidence::TrainingOnce | Evidence::TrainingEveryEpoch, Sources::Constant(scores)) => {
                (scores.clone(), self.train.labels.clone())
            }
            (Evidence::TrainingOnce | Evidence::TrainingEveryEpoch, Sources::Halves(_) | Sources::Fresh) => {
                self.costs.forward_items_training += self.train.len();
                (self.all_outputs(&program, &self.train, train)?, self.train.labels.clone())
            }
            (Evidence::ContentFree(texts), _) => {
                let queries = texts.iter().map(|&text| Query { text: text.to_owned() }).collect();
                self.costs.forward_items_training += texts.len();
                (program.valid().source(self.trial.backbone, &Batch::Texts(queries)), Vec::new())
            }
        };
        program.alignment_mut().fit(Fitting { scores: &scores, labels: &labels });
        Ok(program)
    }

    /// What a split goes through f as, under this program. Constant outputs are computed here.
    fn sources(&self, program: &Program, items: &Presented) -> Result<Sources, TrialError> {
        Ok(match (self.cut, &self.scope) {
            // Items are compared with texts that are learned: what comes out is not constant, though their features are.
            (Cut::Output, _) if program.signature().first_learnable() != Cut::Output => match &self.scope {
                Some(_) => Sources::Halves(items.contents(program)),
                None => Sources::Fresh,
            },
            (Cut::Output, None) => Sources::Constant(self.all_outputs(program, items, &Sources::Fresh)?),
            (Cut::Output, Some(_)) => {
                let halves = Sources::Halves(items.contents(program));
                Sources::Constant(self.all_outputs(program, items, &halves)?)
            }
            (Cut::Hidden(_), Some(_)) => Sources::Halves(items.contents(program)),
            (Cut::Hidden(_) | Cut::Input | Cut::Embedding, _) => Sources::Fresh,
        })
    }

    /// f's outputs for all items, in their order, without gradients.
    fn all_outputs(&self, program: &Program, items: &Presented, sources: &Sources) -> Result<Tensor<2>, TrialError> {
        let program = program.valid();
        let passes = items.passes();
        let mut evaluation = Evaluation::new(&program, self.trial.backbone);
        let mut pieces = Vec::with_capacity(passes.len());
        for indices in &passes {
            stop_if_asked()?;
            pieces.push(match sources {
                Sources::Constant(_) => self.outputs(&program, items, sources, indices)?,
                Sources::Halves(contents) => {
                    let prepared = self.prepared(contents, items, indices, |batch| evaluation.prepare(batch))?;
                    evaluation.finish(prepared)
                }
                Sources::Fresh => evaluation.source(&items.batch(indices)),
            });
        }
        let mut place = vec![0; items.len()];
        passes.into_iter().flatten().enumerate().for_each(|(at, item)| place[item] = at);
        Ok(rows(Tensor::cat(pieces, 0), &place))
    }

    /// f's outputs for some items, differentiable.
    fn outputs(&self, program: &Program, items: &Presented, sources: &Sources, indices: &[usize]) -> Result<Tensor<2>, TrialError> {
        let backbone = self.trial.backbone;
        Ok(match sources {
            Sources::Constant(outputs) => rows(outputs.clone(), indices),
            Sources::Halves(contents) => {
                let prepared = self.prepared(contents, items, indices, |batch| program.valid().prepare(backbone, batch))?;
                program.finish(backbone, prepared)
            }
            Sources::Fresh => program.source(backbone, &items.batch(indices)),
        })
    }

    /// The constant halves of some items: those that are kept, and the others computed and kept.
    fn prepared(
        &self,
        contents: &[Digest],
        items: &Presented,
        indices: &[usize],
        mut prepare: impl FnMut(&Batch) -> Prepared,
    ) -> Result<Prepared, TrialError> {
        let mut scope = self.scope.as_ref().expect("halves are kept in a scope").borrow_mut();
        let wanted: Vec<Digest> = indices.iter().map(|&i| contents[i]).collect();
        let rows = scope.rows(&wanted, |missing| {
            stop_if_asked()?;
            let missing: Vec<usize> = missing.iter().map(|&at| indices[at]).collect();
            Ok::<_, TrialError>(prepare(&items.batch(&missing)).into_rows().expect("a cut behind the embedding has halves"))
        })?;
        let rows: Vec<_> = rows.iter().map(AsRef::as_ref).collect();
        Ok(Prepared::from_rows(self.cut, &rows, self.trial.device))
    }

    fn score(&self, program: &Program, items: &Presented, sources: &Sources) -> Result<Scored, TrialError> {
        let outputs = self.all_outputs(program, items, sources)?;
        let align = |indices: Vec<usize>| (indices.clone(), program.alignment().align(rows(outputs.clone(), &indices)));
        Ok(Scored::gather(items.len(), self.trial.target.n_classes(), items.passes().into_iter().map(align)))
    }
}

struct Chosen {
    epoch: usize,
    metrics: Metrics,
    program: Program,
}

fn stop_if_asked() -> Result<(), TrialError> {
    if interrupt::requested() { Err(TrialError::Interrupted) } else { Ok(()) }
}

fn rows(table: Tensor<2>, indices: &[usize]) -> Tensor<2> {
    let indices: Vec<i32> = indices.iter().map(|&i| i as i32).collect();
    let indices = Tensor::<1, Int>::from_ints(indices.as_slice(), &table.device());
    table.select(0, indices)
}

fn hash(tensors: &[NamedTensor]) -> String {
    let mut digest = Sha256::new();
    for tensor in tensors {
        digest.update(tensor.name.as_bytes());
        tensor.values.iter().for_each(|value| digest.update(value.to_le_bytes()));
    }
    Digest::from_hasher(digest).to_string()
}
