//! What the answers behind test items are worth before ω. No number of the trial depends on it: it is stored, so that a record can be scored
//! by other normalisations without the model.

use burn::module::Module as _;
use burn::tensor::Tensor;
use reprogram_methods::{Batch, PreparedRow, Query};

use super::TrialError;
use super::passes::{Sources, Way};
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
        let unconditional = self.unconditional()?;
        let log_likelihoods: Vec<f32> = outputs.try_into_vec_as().expect("outputs are floats");
        let n_classes = unconditional.len();
        let borders = Borders { pairs: queries.len() * n_classes, crossed: lengths.crossed };
        let score = |(row, tokens): (&[f32], Vec<u32>)| AnswerScores {
            log_likelihoods: row.to_vec(),
            unconditional: unconditional.clone(),
            tokens,
            characters: lengths.characters.clone(),
            bytes: lengths.bytes.clone(),
        };
        Ok(Some(Choices { scores: log_likelihoods.chunks(n_classes).zip(lengths.tokens).map(score).collect(), borders }))
    }

    /// How likely answers are with nothing in front; kept where what f puts out for items is.
    fn unconditional(&self) -> Result<Vec<f32>, TrialError> {
        let backbone = self.member.trial.backbone;
        let compute =
            || -> Vec<f32> { self.program.valid().unconditional_scores(backbone).try_into_vec_as().expect("likelihoods are floats") };
        match (self.sources, &self.member.scope) {
            (Sources::Constant(_), Some(scope)) => {
                let given = self.program.given(backbone, &[Query { text: String::new() }]).join("\0");
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
