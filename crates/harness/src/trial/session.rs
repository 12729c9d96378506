//! The course of trials that run together: fit or train, choose on validation, read the test split once.
//!
//! Each has its own program, items, order, optimizer and choice; what goes through f goes through as one batch. The time that they
//! take is shared out evenly.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::gauge::Gauge;
use super::member::Member;
use super::passes::{Items, Way, all_outputs, outputs, scores, test_scores};
use super::{Finished, Trial, TrialError, TriedOut, stop_if_asked};
use crate::costs::Part;

type End = Result<Finished, TrialError>;

/// Trials that run together. One that fails leaves; the others go on.
pub(super) struct Session<'a> {
    gauge: Gauge<'a>,
    /// With their places among the trials.
    pub(super) members: Vec<(usize, Member<'a>)>,
    ends: Vec<Option<End>>,
}

impl<'a> Session<'a> {
    /// `gauge`: of the backbone that they all have.
    pub(super) fn new(trials: &'a [Trial<'a>], gauge: Gauge<'a>) -> Self {
        let mut session = Self { gauge, members: Vec::with_capacity(trials.len()), ends: trials.iter().map(|_| None).collect() };
        for (place, trial) in trials.iter().enumerate() {
            match Member::new(trial, session.members.first().map(|(_, member)| member)) {
                Ok(member) => session.members.push((place, member)),
                Err(error) => session.ends[place] = Some(Err(error)),
            }
        }
        let n_others = session.members.len().saturating_sub(1);
        session.members.iter_mut().for_each(|(_, member)| member.costs.fused_with = n_others);
        session
    }

    /// One end a trial, in their order. Who interrupts one interrupts all.
    pub(super) fn run(mut self) -> Vec<End> {
        if let Err(error) = self.choose().and_then(|()| self.refit()).and_then(|()| self.test()) {
            debug_assert!(matches!(error, TrialError::Interrupted), "a fault of one trial is that trial's end");
            for (place, _) in self.members.drain(..) {
                self.ends[place] = Some(Err(TrialError::Interrupted));
            }
        }
        self.ends.into_iter().map(|end| end.expect("every trial ends")).collect()
    }

    /// Of one trial, up to the choice of its epoch.
    pub(super) fn try_out(mut self) -> Result<TriedOut, TrialError> {
        self.choose()?;
        match (self.members.pop(), self.ends.pop().flatten()) {
            (Some((_, member)), _) => member.tried_out(),
            (None, Some(Err(error))) => Err(error),
            (None, Some(Ok(_)) | None) => unreachable!("a trial that left has failed"),
        }
    }

    /// Fits or trains, and chooses epochs on validation.
    fn choose(&mut self) -> Result<(), TrialError> {
        self.timed(Part::Fitting, Self::prepare)?;
        self.timed(Part::Validation, |session| session.each(Member::prepare_validation))?;
        if self.members.first().is_some_and(|(_, member)| member.is_trainable()) {
            self.train()?;
        } else {
            self.timed(Part::Fitting, |session| session.fit(1))?;
            self.timed(Part::Validation, |session| {
                let scored = scores(&session.ways(Member::on_validation))?;
                session.members.iter_mut().zip(&scored).for_each(|((_, member), scored)| member.choose_as_it_is(scored));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Makes parts of training items, and finds out what these go through f as.
    pub(super) fn prepare(&mut self) -> Result<(), TrialError> {
        self.each(Member::make)?;
        self.each(|member| if member.needs_train() { member.prepare_train() } else { Ok(()) })
    }

    fn train(&mut self) -> Result<(), TrialError> {
        let Some((_, first)) = self.members.first() else { return Ok(()) };
        for epoch in 1..=first.trial.budget.epochs {
            self.epoch(epoch)?;
            self.timed(Part::Validation, |session| {
                let mut scored = scores(&session.ways(Member::on_validation))?.into_iter();
                session.each(|member| member.end_epoch(epoch, &scored.next().expect("scores of each member")))
            })?;
        }
        Ok(())
    }

    /// The fits and steps of an epoch.
    pub(super) fn epoch(&mut self, epoch: usize) -> Result<(), TrialError> {
        let Some((_, first)) = self.members.first() else { return Ok(()) };
        let n_steps = first.train.len().div_ceil(first.trial.budget.batch_size);
        let alike = self.members.iter().all(|(_, member)| member.train.len() == first.train.len());
        assert!(alike, "trials of one budget have as many training items");
        self.timed(Part::Fitting, |session| session.fit(epoch))?;
        self.timed(Part::Steps, |session| {
            session.members.iter_mut().for_each(|(_, member)| member.begin_epoch(epoch));
            (0..n_steps).try_for_each(|step| session.step(step))
        })
    }

    /// A step of every member.
    fn step(&mut self, step: usize) -> Result<(), TrialError> {
        stop_if_asked()?;
        let batches: Vec<Vec<usize>> = self.members.iter().map(|(_, member)| member.batch(step)).collect();
        if !self.members.iter().all(|(_, member)| member.follows_gradients()) {
            let mut batches = batches.iter();
            return self.each(|member| member.query(batches.next().expect("a batch of each member")));
        }
        let found = outputs(&self.ways(Member::on_changed_train), &batches)?;
        let losses = self.members.iter().zip(found).zip(&batches);
        let losses: Vec<Tensor<1>> = losses.map(|(((_, member), outputs), indices)| member.loss(outputs, indices)).collect();
        // A loss depends on its own program alone, so that the gradient of the sum holds that of each.
        let Some(total) = losses.iter().cloned().reduce(|sum, loss| sum + loss) else { return Ok(()) };
        let mut gradients = total.backward();
        let steps = std::mem::take(&mut self.members).into_iter().zip(losses).zip(&batches);
        let stepped = steps.map(|(((place, member), loss), indices)| {
            let own = GradientsParams::from_module(&mut gradients, &member.program);
            (place, member.descend(loss.inner(), own, indices.len()))
        });
        self.members = stepped.collect();
        Ok(())
    }

    /// Gives alignments the evidence that they ask for.
    pub(super) fn fit(&mut self, epoch: usize) -> Result<(), TrialError> {
        if epoch == 1 {
            self.members.iter_mut().for_each(|(_, member)| member.fit_content_free());
        }
        if !self.members.iter().any(|(_, member)| member.asks_for_train(epoch)) {
            return Ok(());
        }
        let found = all_outputs(&self.ways(Member::on_train))?;
        self.members.iter_mut().zip(&found).for_each(|((_, member), outputs)| member.fit(outputs));
        Ok(())
    }

    /// Reads the test split with the chosen programs.
    fn test(&mut self) -> Result<(), TrialError> {
        let mut tests: Vec<Items> = Vec::with_capacity(self.members.len());
        self.timed(Part::Test, |session| {
            session.each(|member| {
                let test = member.test(tests.first())?;
                member.costs.forward_items_evaluation += test.len();
                tests.push(test);
                Ok(())
            })
        })?;
        let mut scored = Vec::new();
        self.timed(Part::Test, |session| {
            let ways = session.members.iter().zip(&tests).map(|((_, member), items)| Way::new(member, member.chosen_program(), items));
            scored = test_scores(&ways.collect::<Vec<_>>())?;
            Ok(())
        })?;
        for (((place, member), test), scored) in self.members.drain(..).zip(&tests).zip(scored) {
            self.ends[place] = Some(member.finish(&test.presented, scored));
        }
        Ok(())
    }

    fn ways<'s>(&'s self, way: impl Fn(&'s Member<'a>) -> Way<'s, 'a>) -> Vec<Way<'s, 'a>> {
        self.members.iter().map(|(_, member)| way(member)).collect()
    }

    /// Does something with each member. Whose fails ends here.
    pub(super) fn each(&mut self, mut act: impl FnMut(&mut Member<'a>) -> Result<(), TrialError>) -> Result<(), TrialError> {
        let mut interrupted = false;
        for (place, mut member) in std::mem::take(&mut self.members) {
            match if interrupted { Ok(()) } else { act(&mut member) } {
                Ok(()) => self.members.push((place, member)),
                Err(TrialError::Interrupted) => {
                    interrupted = true;
                    self.members.push((place, member));
                }
                Err(error @ (TrialError::Misfit(_) | TrialError::Data(_) | TrialError::Generate(_) | TrialError::NotFinite { .. })) => {
                    self.ends[place] = Some(Err(error));
                }
            }
        }
        if interrupted { Err(TrialError::Interrupted) } else { Ok(()) }
    }

    /// Does something, and shares out what it took.
    pub(super) fn timed(&mut self, part: Part, act: impl FnOnce(&mut Self) -> Result<(), TrialError>) -> Result<(), TrialError> {
        let (begun, n_together) = (self.gauge.begin(), self.members.len());
        act(self)?;
        let share = self.gauge.end(&begun).shared_by(n_together);
        self.members.iter_mut().for_each(|(_, member)| member.took(part, share));
        Ok(())
    }
}
