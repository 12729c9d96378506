//! What a trial will take of f, counted without computing: shapes go through an imagined f, numbers do not.
//!
//! The course of a trial is known before it begins: how often which items go through, and what of them is kept. What an item
//! costs is found on some: of images, recordings and series each costs the same; of texts, some dozens stand for all.
//! Generated text is counted as if no reply ended before its limit.

use std::collections::HashSet;

use burn::module::Module as _;
use reprogram_methods::{Batch, Evaluation, Evidence, Generation, Prepared, Program, Query, Seed, Updates};
use reprogram_models::{Metered, Spent};
use reprogram_taxonomy::{Cut, Misfit};

use super::generated::text;
use super::member::batches_to_make_of;
use super::{Trial, TrialError};
use crate::assets::Digest;
use crate::costs::{Part, PartCosts, Parts};
use crate::data::{Split, Splits};
use crate::presentation::Presented;
use crate::reuse::Scope;

/// Texts by which a split is judged.
const TEXTS: usize = 64;
/// Items by which one of others is: the first, with what is computed once beside it, and another one.
const ALIKE: usize = 2;
/// Items that are answered at length.
const ANSWERED: usize = 4;

/// What a trial will take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Foreseen {
    /// Items, tokens and operations, part by part.
    pub parts: Parts,
    /// Batches that go through f: in fitting, steps, validation and test.
    pub batches: [usize; 4],
    /// The largest training step that has gradients.
    pub step: Spent,
    /// The largest batch without.
    pub pass: Spent,
    /// Bytes of its items, put in shape.
    pub item_bytes: u64,
    /// Bytes of constant halves that are kept by its end, those of earlier trials among them.
    pub kept_bytes: u64,
}

/// Constant halves that earlier trials of a plan will have computed by the time that a later one asks.
#[derive(Debug, Default)]
pub struct Promised {
    rows: HashSet<(Digest, Digest)>,
    bytes: u64,
}

/// What is kept of the items that go through f.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Nothing: they go through from the beginning each time.
    Nothing,
    /// What is in front of the first learned place.
    Halves,
    /// What comes out of it: it is asked for once.
    Outputs,
}

/// What it takes to carry a split through f once.
#[derive(Debug, Clone, Copy, Default)]
struct Once {
    items: usize,
    batches: usize,
    /// In front of the first learned place.
    front: Spent,
    /// Of that, what nobody has computed before.
    new_front: Spent,
    /// Behind it.
    behind: Spent,
}

impl Trial<'_> {
    /// Looks ahead. `promised`: what earlier trials of the same plan will have computed.
    pub fn foresee(&self, promised: &mut Promised) -> Result<Foreseen, TrialError> {
        let metered = Metered::imagined(self.backbone);
        let trial = Trial { backbone: &metered, ..*self };
        let splits = trial.splits()?;
        let program = trial.program(&splits)?;
        if trial.method.alignment.reads_generated() {
            return trial.foresee_generated(&metered, &program, &splits);
        }
        let mut looker = Looker { trial: &trial, metered: &metered, program, promised, foreseen: Foreseen::default() };
        looker.make(&splits)?;
        looker.follow(&splits)?;
        let Looker { program, promised, mut foreseen, .. } = looker;
        foreseen.parts = foreseen.parts.map(|part| PartCosts { items: part.items * program.n_passes(), ..part });
        foreseen.kept_bytes = promised.bytes;
        Ok(foreseen)
    }

    fn foresee_generated(&self, metered: &Metered<'_>, program: &Program, splits: &Splits) -> Result<Foreseen, TrialError> {
        let mut foreseen = Foreseen::default();
        let all: Vec<_> = splits.validation.examples().iter().chain(splits.test.examples()).collect();
        let few = &all[..all.len().min(ANSWERED)];
        let items = few.iter().map(|example| Ok((example.id.as_str(), text(example)?))).collect::<Result<Vec<_>, Misfit>>()?;
        let before = metered.meter().spent();
        Generation::new(program, metered, Seed::new(self.seed)).answers::<TrialError>(&items, || Ok(()))?;
        let spent = metered.meter().spent().since(before);
        for (part, n) in [(Part::Validation, splits.validation.len()), (Part::Test, splits.test.len())] {
            foreseen.add(part, n, 1, times(spent, share(n, few.len())));
        }
        Ok(foreseen)
    }
}

impl Foreseen {
    fn add(&mut self, part: Part, items: usize, batches: usize, spent: Spent) {
        let costs = self.parts.of(part);
        *costs = costs.and(PartCosts { items, ..PartCosts::of_spent(spent) });
        self.batches[part as usize] += batches;
    }

    /// A split `n` times through f. What is kept of it is computed now, if it is `new`.
    fn carry(&mut self, part: Part, once: &Once, n: usize, keeps: Keeps, new: bool) {
        let (rounds, spent) = match keeps {
            Keeps::Outputs => (1, once.new_front),
            Keeps::Halves => (n, plus(if new { once.new_front } else { Spent::default() }, times(once.behind, n as f64))),
            Keeps::Nothing => (n, times(plus(once.front, once.behind), n as f64)),
        };
        self.add(part, rounds * once.items, rounds * once.batches, spent);
    }
}

/// What looks ahead for one trial.
struct Looker<'t> {
    trial: &'t Trial<'t>,
    metered: &'t Metered<'t>,
    program: Program,
    promised: &'t mut Promised,
    foreseen: Foreseen,
}

impl Looker<'_> {
    /// Parts that are made of training items are: of all of them.
    fn make(&mut self, splits: &Splits) -> Result<(), TrialError> {
        if !self.program.is_made_of_items() {
            return Ok(());
        }
        let train = self.trial.present(&splits.train, None)?;
        let batches = batches_to_make_of(&train);
        let before = self.metered.meter().spent();
        self.program.make(self.metered, &batches, train.golds.classes())?;
        self.foreseen.add(Part::Fitting, train.len(), batches.len(), self.since(before));
        Ok(())
    }

    /// The course of a trial.
    fn follow(&mut self, splits: &Splits) -> Result<(), TrialError> {
        let cut = self.program.cut(self.metered);
        let scope = self.trial.keeping.and_then(|keeping| keeping.scope(self.trial, &self.program, cut));
        let keeps = match (cut, &scope) {
            (Cut::Output, _) if self.program.signature().first_learnable() == Cut::Output => Keeps::Outputs,
            (Cut::Output | Cut::Hidden(_), Some(_)) => Keeps::Halves,
            (Cut::Output | Cut::Hidden(_), None) | (Cut::Input | Cut::Embedding, _) => Keeps::Nothing,
        };
        let is_trained = self.program.signature().is_trainable();
        let epochs = if is_trained { self.trial.budget.epochs } else { 1 };
        let evidence = self.program.alignment().evidence();
        let fits = match evidence {
            Evidence::TrainingEveryEpoch => epochs,
            Evidence::TrainingOnce => 1,
            Evidence::None | Evidence::ContentFree(_) | Evidence::Cue => 0,
        };
        if is_trained || fits > 0 {
            let keeps = if self.trial.augment.is_some() && is_trained { Keeps::Nothing } else { keeps };
            let once = self.look(&splits.train, scope.as_ref().filter(|_| keeps != Keeps::Nothing))?;
            if keeps == Keeps::Outputs || fits > 0 {
                self.foreseen.carry(Part::Fitting, &once, fits, keeps, true);
            }
            if is_trained && keeps != Keeps::Outputs {
                self.steps(&splits.train, &once, keeps, fits == 0)?;
            }
        }
        self.fit_content_free(evidence);
        let validation = self.look(&splits.validation, scope.as_ref())?;
        self.foreseen.carry(Part::Validation, &validation, epochs, keeps, true);
        let test = self.look(&splits.test, scope.as_ref())?;
        self.foreseen.carry(Part::Test, &test, 1, keeps, true);
        Ok(())
    }

    fn fit_content_free(&mut self, evidence: Evidence) {
        let (program, before) = (self.program.valid(), self.metered.meter().spent());
        let n = match evidence {
            Evidence::None | Evidence::TrainingOnce | Evidence::TrainingEveryEpoch => return,
            Evidence::ContentFree(texts) => {
                let queries: Vec<Query> = texts.into_iter().map(|text| Query { text }).collect();
                let n = queries.len();
                program.source(self.metered, &Batch::Texts(queries));
                n
            }
            Evidence::Cue => {
                program.cue_scores(self.metered);
                1
            }
        };
        self.foreseen.add(Part::Fitting, n, 1, self.since(before));
    }

    /// What a split takes without gradients.
    fn look<Purpose>(&mut self, split: &Split<Purpose>, scope: Option<&Scope<'_>>) -> Result<Once, TrialError> {
        let (program, n) = (self.program.valid(), split.len());
        if n == 0 {
            return Ok(Once::default());
        }
        let sample = self.sample(split)?;
        self.foreseen.item_bytes += (sample.n_bytes() / sample.len() * n) as u64;
        let mut evaluation = Evaluation::new(&program, self.metered);
        let (mut front, mut behind, mut row_bytes) = (Vec::new(), Vec::new(), 0);
        let passes = if sample.are_alike() { (0..sample.len()).map(|i| vec![i]).collect() } else { sample.passes(1) };
        for indices in &passes {
            let before = self.metered.meter().spent();
            let prepared = evaluation.prepare(&sample.batch(indices));
            front.push(self.since(before));
            if scope.is_some() && row_bytes == 0 {
                row_bytes = bytes_of_row(prepared.clone());
            }
            let before = self.metered.meter().spent();
            evaluation.finish(prepared);
            behind.push(self.since(before));
        }
        let both: Vec<Spent> = front.iter().zip(&behind).map(|(&front, &behind)| plus(front, behind)).collect();
        let batches = n.div_ceil(sample.pass_size());
        // Where items are alike, the first also pays for what is computed once for all.
        let (front, behind, largest) = if sample.are_alike() {
            let in_pass = sample.pass_size().min(n);
            (like(&front, n), like(&behind, n), like(&both, in_pass))
        } else {
            let all = |of: &[Spent]| times(of.iter().copied().fold(Spent::default(), plus), share(n, sample.len()));
            (all(&front), all(&behind), both.iter().copied().max_by_key(|spent| spent.forward_flops).unwrap_or_default())
        };
        let n_new = match scope {
            Some(scope) => {
                let contents = Presented::contents_of(split, self.trial.method.takes(), &program, self.metered);
                self.promised.take(scope, &contents, row_bytes)
            }
            None => n,
        };
        if largest.forward_flops > self.foreseen.pass.forward_flops {
            self.foreseen.pass = largest;
        }
        Ok(Once { items: n, batches, front, new_front: times(front, share(n_new, n)), behind })
    }

    /// The steps of all epochs. `once`: the same items without gradients.
    fn steps<Purpose>(&mut self, split: &Split<Purpose>, once: &Once, keeps: Keeps, new: bool) -> Result<(), TrialError> {
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
            let each = times(more, share(1, (sample.len() - 1).max(1)));
            let each = if sample.len() == 1 { first } else { each };
            let once = minus(first, each);
            (plus(times(once, n_steps as f64), times(each, n as f64)), plus(once, times(each, budget.batch_size.min(n) as f64)))
        } else {
            let steps: Vec<Spent> = order.chunks(budget.batch_size).map(|items| self.step(&program, &sample, items)).collect();
            let sum = steps.iter().copied().fold(Spent::default(), plus);
            let largest = steps.into_iter().max_by_key(|step| step.forward_flops).unwrap_or_default();
            (times(sum, share(n, sample.len())), largest)
        };
        let rounds = budget.epochs * asked.unwrap_or(1);
        self.foreseen.carry(Part::Steps, &Once { items: n, batches: n_steps, behind, ..*once }, rounds, keeps, new);
        if asked.is_none() {
            self.foreseen.step = largest;
        }
        Ok(())
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

impl Promised {
    /// How many of the rows are new; from now on none is.
    fn take(&mut self, scope: &Scope<'_>, contents: &[Digest], row_bytes: u64) -> usize {
        let new = contents.iter().filter(|&&content| !scope.has(content) && self.rows.insert((scope.id(), content))).count();
        self.bytes += new as u64 * row_bytes;
        new
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
    plus(first, times(other, n.saturating_sub(1) as f64))
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn plus(a: Spent, b: Spent) -> Spent {
    Spent {
        tokens: a.tokens + b.tokens,
        forward_flops: a.forward_flops + b.forward_flops,
        backward_flops: a.backward_flops + b.backward_flops,
    }
}

fn minus(a: Spent, b: Spent) -> Spent {
    Spent {
        tokens: a.tokens.saturating_sub(b.tokens),
        forward_flops: a.forward_flops.saturating_sub(b.forward_flops),
        backward_flops: a.backward_flops.saturating_sub(b.backward_flops),
    }
}

fn times(spent: Spent, n: f64) -> Spent {
    let of = |count: u64| (count as f64 * n).round() as u64;
    Spent { tokens: of(spent.tokens), forward_flops: of(spent.forward_flops), backward_flops: of(spent.backward_flops) }
}
