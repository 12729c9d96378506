//! The course of a cell's trials: what goes through f and how often; and what one of them takes, which finds some of it computed.

use reprogram_methods::Program;
use reprogram_models::{Metered, Spent};
use reprogram_taxonomy::Cut;

use super::kept::Contents;
use super::look::Looker;
use super::{Foreseen, Foresight};
use crate::assets::Digest;
use crate::config::Refit;
use crate::costs::{Part, PartCosts};
use crate::data::{Example, Split, Splits};
use crate::presentation::{content_of, given_of, query_of};
use crate::reuse::Scope;
use crate::trial::passes::Keeps;
use crate::trial::{Trial, TrialError};

/// What goes through f, and how often.
pub(super) struct Course {
    pub cut: Cut,
    /// What is worth keeping, where halves are kept at all.
    pub keeps: Keeps,
    pub epochs: usize,
    pub n_passes: usize,
    /// What is chosen from.
    pub learned: Phase,
    pub validation: Once,
    /// Where all starts anew when it has been chosen.
    pub refitted: Option<Phase>,
    pub test: Once,
}

/// How a program comes to be what it is.
pub(super) struct Phase {
    /// Of the seed that was looked into.
    pub program: Program,
    /// On what, where all has been chosen.
    pub refit: Option<Refit>,
    /// What parts are made of.
    pub made: Option<Load>,
    pub train: Option<Training>,
    /// What the alignment is fitted on that is no item.
    pub content_free: Option<Load>,
    /// Contents of texts as this program words them.
    pub worded: Contents,
}

/// What is done with training items.
#[derive(Clone, Copy)]
pub(super) struct Training {
    pub once: Once,
    pub keeps: Keeps,
    /// How often the alignment is fitted on them.
    pub fits: usize,
    pub steps: Option<Steps>,
}

/// The steps of training.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// One epoch's, of what is never kept.
    pub once: Once,
    pub rounds: usize,
    /// The largest that has gradients.
    pub largest: Spent,
}

/// What goes through f.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub items: usize,
    pub batches: usize,
    pub spent: Spent,
}

/// What it takes to carry a split through f once.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Once {
    pub items: usize,
    pub batches: usize,
    /// In front of the first learned place.
    pub front: Spent,
    /// Behind it.
    pub behind: Spent,
    /// Of all batches, the largest.
    pub largest: Spent,
    /// Of the items, put in shape.
    pub item_bytes: u64,
    /// Of an item's kept half.
    pub row_bytes: u64,
}

impl Course {
    /// Looks into a cell with the seed of this trial, whose backbone is the imagined one.
    pub(super) fn of(trial: &Trial<'_>, metered: &Metered<'_>, foresight: &mut Foresight) -> Result<Self, TrialError> {
        let splits = trial.splits()?;
        let program = trial.program(&splits)?;
        Looker { trial, metered, program }.course(splits, foresight)
    }

    /// What a trial of this cell takes, whatever its seed.
    pub(super) fn of_trial(&mut self, trial: &Trial<'_>, foresight: &mut Foresight) -> Result<Foreseen, TrialError> {
        let Self { cut, keeps, epochs, n_passes, learned, validation, refitted, test } = self;
        let mut foreseen = Foreseen::default();
        let mut kept = learned.kept(trial, *cut)?;
        learned.learn(trial, kept.as_ref(), &mut foreseen, foresight);
        let own = kept.as_ref().map(|(scope, splits)| (scope, &splits.validation));
        let n_new = learned.n_new(trial, own, validation, foresight);
        foreseen.hold(validation);
        foreseen.carry(Part::Validation, validation, *epochs, (kept_now(*keeps, kept.is_some()), n_new));
        let last = match refitted {
            None => learned,
            Some(refitted) => {
                kept = refitted.kept(trial, *cut)?;
                refitted.learn(trial, kept.as_ref(), &mut foreseen, foresight);
                refitted
            }
        };
        let n_new = last.n_new(trial, kept.as_ref().map(|(scope, splits)| (scope, &splits.test)), test, foresight);
        foreseen.hold(test);
        foreseen.carry(Part::Test, test, 1, (kept_now(*keeps, kept.is_some()), n_new));
        foreseen.parts = foreseen.parts.map(|part| PartCosts { items: part.items * *n_passes, ..part });
        foreseen.kept_bytes = foresight.promised.bytes();
        Ok(foreseen)
    }
}

impl Phase {
    /// What is learned or fitted. `kept`: where halves are kept, and of which items.
    fn learn(&mut self, trial: &Trial<'_>, kept: Option<&(Scope<'_>, Splits)>, foreseen: &mut Foreseen, foresight: &mut Foresight) {
        if let Some(made) = self.made {
            foreseen.add(Part::Fitting, made);
        }
        if let Some(Training { once, keeps, fits, steps }) = self.train {
            let keeps = kept_now(keeps, kept.is_some());
            let own = kept.filter(|_| keeps != Keeps::Nothing).map(|(scope, splits)| (scope, &splits.train));
            let n_new = self.n_new(trial, own, &once, foresight);
            foreseen.hold(&once);
            if keeps == Keeps::Outputs || fits > 0 {
                foreseen.carry(Part::Fitting, &once, fits, (keeps, n_new));
            }
            if let Some(Steps { once, rounds, largest }) = steps {
                foreseen.carry(Part::Steps, &once, rounds, (keeps, if fits == 0 { n_new } else { 0 }));
                foreseen.step = largest;
            }
        }
        if let Some(load) = self.content_free {
            foreseen.add(Part::Fitting, load);
        }
    }

    /// Where halves of a trial's items are kept, and which items those are: that matters to those alone who keep something of them.
    fn kept<'t>(&self, trial: &Trial<'t>, cut: Cut) -> Result<Option<(Scope<'t>, Splits)>, TrialError> {
        let scope = trial.keeping.and_then(|keeping| keeping.scope(trial, &self.program, cut, self.refit));
        let Some(scope) = scope else { return Ok(None) };
        let splits = trial.splits()?;
        Ok(Some((
            scope,
            match self.refit {
                None => splits,
                Some(Refit::TrainAndValidation) => splits.with_validation_in_train(),
            },
        )))
    }

    /// How many of a split's items nobody will have computed before this trial; all of them where nothing of them is kept.
    fn n_new<Purpose>(
        &mut self,
        trial: &Trial<'_>,
        kept: Option<(&Scope<'_>, &Split<Purpose>)>,
        once: &Once,
        foresight: &mut Foresight,
    ) -> usize {
        let Some((scope, split)) = kept else { return once.items };
        let Self { program, worded, .. } = self;
        let (card, takes) = (trial.backbone.card(), trial.method.takes());
        let own = foresight.contents.entry(trial.dataset.name().to_owned()).or_default();
        let content = |example: &Example| match query_of(example, card, takes) {
            None => own.of(&example.id, || content_of(example)),
            // What it is given depends on what an encoder makes of it, which nobody knows yet: nothing of it is taken to be kept.
            Some(query) if program.n_passes() > 1 => Digest::of(query.text.as_bytes()),
            Some(query) => worded.of(&example.id, || given_of(&query, program, trial.backbone)),
        };
        let contents: Vec<Digest> = split.examples().iter().map(AsRef::as_ref).map(content).collect();
        foresight.promised.take(scope, &contents, once.row_bytes)
    }
}

/// What is kept where halves are, or are not.
fn kept_now(worth: Keeps, halves_are_kept: bool) -> Keeps {
    if worth == Keeps::Halves && !halves_are_kept { Keeps::Nothing } else { worth }
}
