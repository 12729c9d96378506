//! Items on their way through programs and f: of one trial, or of several as one batch.

use std::sync::Arc;

use burn::module::Module as _;
use burn::tensor::{Int, Tensor};
use reprogram_methods::{Batch, Evaluation, Fused, Prepared, PreparedRow, Program};
use reprogram_models::Backbone;
use reprogram_taxonomy::Cut;

use super::choices::Choices;
use super::member::Member;
use super::{TrialError, stop_if_asked};
use crate::assets::Digest;
use crate::augment::Changes;
use crate::evaluate::Scored;
use crate::presentation::Presented;

/// A split's items, and what they go through f as.
pub(super) struct Items {
    pub presented: Presented,
    pub sources: Sources,
}

/// What items go through f as.
pub(super) enum Sources {
    /// Nothing before ω is learnable: f's outputs, computed once, in the order of the items.
    Constant(Tensor<2>),
    /// What is in front of the first learned place is kept, under the contents of the items.
    Halves(Vec<Digest>),
    /// f is run again each time.
    Fresh,
}

/// What is worth keeping of items that go through f.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Nothing: they go through from the beginning each time.
    Nothing,
    /// What is in front of the first learned place, where halves are kept at all.
    Halves,
    /// What comes out of f: it is asked for once.
    Outputs,
}

impl Keeps {
    /// Of a program whose halves meet here.
    pub(super) fn at(cut: Cut, program: &Program) -> Self {
        match cut {
            // Items are compared with texts that are learned: what comes out is not constant, though their features are.
            Cut::Output if program.signature().first_learnable() != Cut::Output => Self::Halves,
            Cut::Output => Self::Outputs,
            Cut::Hidden(_) => Self::Halves,
            Cut::Input | Cut::Embedding => Self::Nothing,
        }
    }
}

impl Items {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.presented.len()
    }

    /// Whether f has seen them for the last time.
    pub(super) const fn are_constant(&self) -> bool {
        matches!(self.sources, Sources::Constant(_))
    }
}

/// A trial's items on their way through a program of it.
#[derive(Clone, Copy)]
pub(super) struct Way<'w, 'a> {
    pub member: &'w Member<'a>,
    pub program: &'w Program,
    pub presented: &'w Presented,
    pub sources: &'w Sources,
    /// How images are changed on the way, if they are.
    pub changes: Option<Changes<'a>>,
}

/// f's outputs for some items of each trial, `[items, source]` each, differentiable.
pub(super) fn outputs(ways: &[Way<'_, '_>], indices: &[Vec<usize>]) -> Result<Vec<Tensor<2>>, TrialError> {
    let (first, fused) = match ways {
        [] => return Ok(Vec::new()),
        [way] => return Ok(vec![way.outputs(&indices[0])?]),
        [first, ..] => (first, ways.iter().map(|way| way.program).collect::<Vec<_>>()),
    };
    let fused = Fused::new(&fused).expect("only trials that can be fused run together");
    let backbone = first.backbone();
    match first.sources {
        Sources::Constant(_) => ways.iter().zip(indices).map(|(way, indices)| way.outputs(indices)).collect(),
        Sources::Fresh => {
            let batches: Vec<Batch> = ways.iter().zip(indices).map(|(way, indices)| way.batch(indices)).collect();
            Ok(fused.sources(backbone, &batches))
        }
        Sources::Halves(_) => {
            let mut halves = Vec::new();
            for (way, indices) in ways.iter().zip(indices) {
                halves.extend(way.halves(indices, |batch| way.program.valid().prepare(backbone, batch))?);
            }
            let groups: Vec<usize> = indices.iter().map(Vec::len).collect();
            Ok(fused.finish(backbone, first.joined(&halves), &groups))
        }
    }
}

/// f's outputs for all items of each trial, in their order, without gradients. All have as many.
pub(super) fn all_outputs(ways: &[Way<'_, '_>]) -> Result<Vec<Tensor<2>>, TrialError> {
    let programs: Vec<Program> = ways.iter().map(|way| way.program.valid()).collect();
    let ways: Vec<Way<'_, '_>> = ways.iter().zip(&programs).map(|(way, program)| Way { program, ..*way }).collect();
    let passes: Vec<_> = ways.iter().map(|way| way.presented.passes(ways.len())).collect();
    let mut alone = match ways.as_slice() {
        [way] => Some(Evaluation::new(way.program, way.backbone())),
        _ => None,
    };
    let mut pieces = vec![Vec::new(); ways.len()];
    for at in 0..passes.first().map_or(0, Vec::len) {
        stop_if_asked()?;
        let indices: Vec<Vec<usize>> = passes.iter().map(|passes| passes[at].clone()).collect();
        let found = match &mut alone {
            Some(evaluation) => vec![ways[0].evaluated(&indices[0], evaluation)?],
            None => outputs(&ways, &indices)?,
        };
        pieces.iter_mut().zip(found).for_each(|(pieces, found)| pieces.push(found));
    }
    let in_order = pieces.into_iter().zip(passes).map(|(pieces, passes)| {
        let mut place = vec![0; passes.iter().map(Vec::len).sum()];
        passes.into_iter().flatten().enumerate().for_each(|(at, item)| place[item] = at);
        rows(Tensor::cat(pieces, 0), &place)
    });
    Ok(in_order.collect())
}

/// Log-probabilities of all items of each trial.
pub(super) fn scores(ways: &[Way<'_, '_>]) -> Result<Vec<Scored>, TrialError> {
    Ok(ways.iter().zip(all_outputs(ways)?).map(|(way, outputs)| way.scored(&outputs)).collect())
}

/// The same of test items, with what their answers are worth before ω.
pub(super) fn test_scores(ways: &[Way<'_, '_>]) -> Result<Vec<(Scored, Option<Choices>)>, TrialError> {
    ways.iter().zip(all_outputs(ways)?).map(|(way, outputs)| Ok((way.scored(&outputs), way.choices(outputs)?))).collect()
}

impl<'w, 'a> Way<'w, 'a> {
    pub(super) const fn new(member: &'w Member<'a>, program: &'w Program, items: &'w Items) -> Self {
        Self { member, program, presented: &items.presented, sources: &items.sources, changes: None }
    }

    /// Log-probabilities of all items, given f's outputs for them.
    fn scored(&self, outputs: &Tensor<2>) -> Scored {
        let align = |indices: Vec<usize>| (indices.clone(), self.program.alignment().align(rows(outputs.clone(), &indices)));
        let passes = self.presented.passes(1);
        Scored::gather(&self.presented.golds, self.member.trial.target.n_outputs(), passes.into_iter().map(align))
    }

    fn backbone(&self) -> &'w dyn Backbone {
        self.member.trial.backbone
    }

    fn batch(&self, indices: &[usize]) -> Batch {
        match self.changes {
            Some(changes) => self.presented.augmented(indices, changes),
            None => self.presented.batch(indices),
        }
    }

    fn outputs(&self, indices: &[usize]) -> Result<Tensor<2>, TrialError> {
        let backbone = self.backbone();
        Ok(match self.sources {
            Sources::Constant(outputs) => rows(outputs.clone(), indices),
            Sources::Halves(_) => {
                let halves = self.halves(indices, |batch| self.program.valid().prepare(backbone, batch))?;
                self.program.finish(backbone, self.joined(&halves))
            }
            Sources::Fresh => self.program.source(backbone, &self.batch(indices)),
        })
    }

    /// The same of a program that stays as it is.
    fn evaluated(&self, indices: &[usize], evaluation: &mut Evaluation<'_>) -> Result<Tensor<2>, TrialError> {
        Ok(match self.sources {
            Sources::Constant(outputs) => rows(outputs.clone(), indices),
            Sources::Halves(_) => {
                let halves = self.halves(indices, |batch| evaluation.prepare(batch))?;
                evaluation.finish(self.joined(&halves))
            }
            Sources::Fresh => evaluation.source(&self.batch(indices)),
        })
    }

    /// The constant halves of some items: those that are kept, and the others computed and kept.
    fn halves(&self, indices: &[usize], mut prepare: impl FnMut(&Batch) -> Prepared) -> Result<Vec<Arc<PreparedRow>>, TrialError> {
        let Sources::Halves(contents) = self.sources else { panic!("these items have no constant halves") };
        let mut scope = self.member.scope.as_ref().expect("halves are kept in a scope").borrow_mut();
        let wanted: Vec<Digest> = indices.iter().map(|&i| contents[i]).collect();
        scope.rows(&wanted, |missing| {
            stop_if_asked()?;
            let missing: Vec<usize> = missing.iter().map(|&at| indices[at]).collect();
            Ok(prepare(&self.presented.batch(&missing)).into_rows().expect("a cut behind the embedding has halves"))
        })
    }

    fn joined(&self, halves: &[Arc<PreparedRow>]) -> Prepared {
        let halves: Vec<&PreparedRow> = halves.iter().map(AsRef::as_ref).collect();
        Prepared::from_rows(self.member.cut, &halves, self.member.trial.device)
    }
}

fn rows(table: Tensor<2>, indices: &[usize]) -> Tensor<2> {
    let indices: Vec<i32> = indices.iter().map(|&i| i as i32).collect();
    let indices = Tensor::<1, Int>::from_ints(indices.as_slice(), &table.device());
    table.select(0, indices)
}
