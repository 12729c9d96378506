//! `O(u) = u Vᵀ`: a learned vector for each class, started from the token embedding of the first token of its answer, so that
//! where the embedding map is tied to the unembedding, a class starts with the logit of that token.
//!
//! # Reference
//! Hambardzumyan et al., ACL-IJCNLP 2021, arXiv 2101.00121, §3 (verbalizer embeddings); the start is that of their few-shot runs.
//! Deviation: V reads the last token's features, not those of a mask, and has no bias.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::verbalizer::needs_answers;
use crate::{Align, Part, Prompt, Reads, Setup};

/// `part = "verbalizer-embeddings"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerbalizerEmbeddingsSpec {}

/// V.
#[derive(Module, Debug)]
pub struct VerbalizerEmbeddings {
    /// `[target, dim]`
    classes: Param<Tensor<2>>,
}

impl Part for VerbalizerEmbeddingsSpec {
    type Coordinates = Alignment;
    type Module = VerbalizerEmbeddings;

    fn coordinates(&self) -> Alignment {
        Alignment::Linear
    }

    fn build(&self, setup: &Setup<'_>) -> Result<VerbalizerEmbeddings, Misfit> {
        needs_answers(setup, "verbalizer-embeddings")?;
        let needs = || Misfit::PartNeeds { part: "verbalizer-embeddings".to_owned(), needs: "a table of token embeddings".to_owned() };
        let table = setup.backbone.token_embeddings().ok_or_else(needs)?;
        let (Some(template), Some(tokenizer)) = (&setup.target.template, setup.backbone.tokenizer()) else {
            unreachable!("answers were asked for before")
        };
        let bare = template.render(&Prompt::new(""));
        let answers = template.answers();
        let first = |answer: &String| i64::from(tokenizer.encode_pair(&bare, answer).continuation[0]);
        let ids: Vec<i64> = answers.iter().map(first).collect();
        let n_classes = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n_classes]), &table.device());
        let rows = table.select(0, ids).into_data().convert::<f32>();
        Ok(VerbalizerEmbeddings { classes: Param::from_tensor(Tensor::from_data(rows, in_f32(setup.device))) })
    }
}

impl Align for VerbalizerEmbeddings {
    fn reads(&self) -> Reads {
        Reads::Features
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.matmul(self.classes.val().transpose())
    }
}
