//! What the answers behind test items are worth before ω. No number of the trial depends on it: it is stored, so that a record can be scored
//! by other normalisations without the model.

use burn::module::Module as _;
use burn::tensor::Tensor;
use reprogram_methods::{Batch, PreparedRow, Query};

use super::passes::{Sources, Way};
use super::{TrialError, stop_if_asked};
use crate::assets::Digest;
use crate::record::{AnswerScores, Borders};

/// Of a test split.
pub(super) struct Choices {
    /// One entry an item.
    pub scores: Vec<AnswerScores>,
    pub borders: Borders,
}

impl Way<'_, '_> {
    /// Given f's outputs for all items; nothing where the alignment does not read one answer a class.
    pub(super) fn choices(&self, outputs: Tensor<2>) -> Result<Option<Choices>, TrialError> {
        let backbone = self.member.trial.backbone;
        if !self.program.scores_choices(backbone) {
            return Ok(None);
        }
        let queries = match self.presented.batch(&(0..self.presented.len()).collect::<Vec<_>>()) {
            Batch::Texts(queries) => queries,
            Batch::Images(_) | Batch::Series(_) | Batch::Waveforms(_) => return Ok(None),
        };
        let Some(lengths) = self.program.choice_lengths(backbone, &queries) else { return Ok(None) };
        let unconditional = self.unconditional(&queries)?;
        let log_likelihoods: Vec<f32> = outputs.try_into_vec_as().expect("outputs are floats");
        let borders = Borders { pairs: lengths.tokens.iter().map(Vec::len).sum(), crossed: lengths.crossed };
        let rows = log_likelihoods.chunks(log_likelihoods.len() / queries.len()).zip(unconditional);
        let lengths = lengths.tokens.into_iter().zip(lengths.characters).zip(lengths.bytes);
        // Of a row, what stands for options that an item lacks is left out, and what its answers are held against.
        let scores = rows.zip(lengths).map(|((row, alone), ((tokens, characters), bytes))| AnswerScores {
            log_likelihoods: row[..tokens.len()].to_vec(),
            unconditional: alone[..tokens.len()].to_vec(),
            tokens,
            characters,
            bytes,
        });
        Ok(Some(Choices { scores: scores.collect(), borders }))
    }

    /// How likely the answers of items are with nothing in front, a row an item.
    fn unconditional(&self, queries: &[Query]) -> Result<Vec<Vec<f32>>, TrialError> {
        let program = self.program.valid();
        let compute = |queries: &[Query]| -> Vec<Vec<f32>> {
            let found: Vec<f32> =
                program.unconditional_scores(self.member.trial.backbone, queries).try_into_vec_as().expect("likelihoods are floats");
            found.chunks(found.len() / queries.len()).map(<[f32]>::to_vec).collect()
        };
        if queries.iter().all(|query| query.options.is_none()) {
            return Ok(vec![self.kept_of_classes(|| compute(&[Query::new("")]).remove(0))?; queries.len()]);
        }
        let mut rows = Vec::with_capacity(queries.len());
        for queries in queries.chunks(self.presented.pass_size()) {
            stop_if_asked()?;
            rows.extend(compute(queries));
        }
        Ok(rows)
    }

    /// Those of the answers that all items share; kept where what f puts out for items is.
    fn kept_of_classes(&self, compute: impl Fn() -> Vec<f32>) -> Result<Vec<f32>, TrialError> {
        match (self.sources, &self.member.scope) {
            (Sources::Constant(_), Some(scope)) => {
                let given = self.program.given(self.member.trial.backbone, &[Query::new("")]).join("\0");
                let digest = Digest::of(format!("answers behind nothing\0{given}").as_bytes());
                let rows = scope.borrow_mut().rows(&[digest], |_| Ok::<_, TrialError>(vec![PreparedRow::Outputs(compute())]))?;
                match rows.first().map(AsRef::as_ref) {
                    Some(PreparedRow::Outputs(outputs)) => Ok(outputs.clone()),
                    Some(PreparedRow::Hidden(_)) | None => panic!("what was kept under this name are outputs"),
                }
            }
            (Sources::Constant(_) | Sources::Halves(_) | Sources::Fresh, _) => Ok(compute()),
        }
    }
}
