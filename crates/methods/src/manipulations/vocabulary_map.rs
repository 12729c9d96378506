//! Each token of the target task is embedded as a learned mixture of source tokens.
//!
//! `z_t = Σ_{s ∈ N(t)} Θ[t, s] E[s]`, E the frozen table of token embeddings, N(t) the `neighbours` source tokens nearest to t by
//! cosine, t itself first; `Θ[t, ·]` begins as one at t, so that nothing changes at the start. Target tokens are those of the
//! training items; others keep their embedding. `tokens · neighbours` numbers are trained.
//!
//! # Reference
//! Vinod et al., arXiv 2301.02120 (R2DL: Θ sparse), and Melnyk et al., arXiv 2210.07144 (`ReprogBERT`: Θ dense). Deviations: Θ is
//! sparse because rows reach near tokens only, and is learned by gradient, not by dictionary learning; target tokens are
//! written in the source's own vocabulary, from which Θ can start as the identity.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use reprogram_models::{Input, Stream, TokenBatch, in_f32, raised};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Manipulate, Part, Prompt, Setup};

/// `part = "vocabulary-map"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VocabularyMapSpec {
    /// Source tokens that each target token is mixed of, itself among them.
    pub neighbours: usize,
}

/// Θ.
#[derive(Module, Debug)]
pub struct VocabularyMap {
    /// `[target token, neighbour]`
    mixture: Param<Tensor<2>>,
    /// E of the neighbours, `[target token, neighbour, dim]`.
    #[module(skip)]
    neighbours: Tensor<3>,
    /// E of the target tokens themselves, `[target token, dim]`.
    #[module(skip)]
    own: Tensor<2>,
    /// Row of each target token.
    #[module(skip)]
    rows: BTreeMap<u32, usize>,
}

impl Part for VocabularyMapSpec {
    type Coordinates = Site;
    type Module = VocabularyMap;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Learnable, Location::Embedding, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<VocabularyMap, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: "vocabulary-map".to_owned(), needs: needs.to_owned() };
        let (Some(_), Some(_), Some(table)) = (&setup.target.template, setup.backbone.tokenizer(), setup.backbone.token_embeddings())
        else {
            return Err(needs("a language model with its tokenizer, and texts with a template"));
        };
        if setup.backbone.embed(Input::Tokens(TokenBatch::new(vec![vec![0]]))).content_ids().is_none() {
            return Err(needs("a backbone that says which tokens its stream is made of"));
        }
        let table = raised(table);
        if self.neighbours == 0 || self.neighbours > table.dims()[0] {
            return Err(needs("`neighbours` of at least one, and no more than there are tokens"));
        }
        let tokens = target_tokens(setup);
        if tokens.is_empty() {
            return Err(needs("training texts"));
        }
        let nearest: Vec<i32> = nearest(&table, &tokens, self.neighbours);
        let [n, dim] = [tokens.len(), table.dims()[1]];
        let ids = |ids: Vec<i32>| Tensor::<1, Int>::from_ints(ids.as_slice(), &table.device());
        let neighbours = table.clone().select(0, ids(nearest)).reshape([n, self.neighbours, dim]);
        let own = table.clone().select(0, ids(tokens.iter().map(|token| token.cast_signed()).collect()));
        let first: Vec<f32> = (0..n * self.neighbours).map(|i| f32::from(u8::from(i % self.neighbours == 0))).collect();
        let mixture = Tensor::from_data(TensorData::new(first, [n, self.neighbours]), in_f32(setup.device));
        let rows = tokens.into_iter().enumerate().map(|(row, token)| (token, row)).collect();
        Ok(VocabularyMap { mixture: Param::from_tensor(mixture), neighbours, own, rows })
    }
}

/// Tokens that the training items are made of, as prompts hold them; none where there are no texts.
pub(crate) fn target_tokens(setup: &Setup<'_>) -> BTreeSet<u32> {
    let (Some(template), Some(tokenizer)) = (&setup.target.template, setup.backbone.tokenizer()) else { return BTreeSet::new() };
    let contexts = setup.train_texts.iter().map(|text| template.render(&Prompt::new(&text.text)));
    contexts.flat_map(|context| tokenizer.encode_pair(&context, "").context).collect()
}

/// The tokens nearest to each of these by cosine, each itself first, ties to the lower one.
fn nearest(table: &Tensor<2>, tokens: &BTreeSet<u32>, n: usize) -> Vec<i32> {
    let length = table.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
    let unit = table.clone() / length;
    let ids: Vec<i32> = tokens.iter().map(|token| token.cast_signed()).collect();
    let chosen = unit.clone().select(0, Tensor::<1, Int>::from_ints(ids.as_slice(), &table.device()));
    let [n_source, _] = table.dims();
    let cosines: Vec<f32> = chosen.matmul(unit.transpose()).try_into_vec_as().expect("embeddings are floats");
    let of = |(row, &token): (&[f32], &i32)| {
        let mut order: Vec<i32> = (0..n_source as i32).filter(|&source| source != token).collect();
        let by_cosine = |a: &i32, b: &i32| row[*b as usize].total_cmp(&row[*a as usize]).then(a.cmp(b));
        if n > 1 && n < n_source {
            order.select_nth_unstable_by(n - 2, by_cosine);
            order.truncate(n - 1);
        }
        order.sort_by(by_cosine);
        std::iter::once(token).chain(order.into_iter().take(n - 1)).collect::<Vec<i32>>()
    };
    cosines.chunks(n_source).zip(&ids).flat_map(of).collect()
}

impl Manipulate for VocabularyMap {
    fn embedding(&self, stream: Stream) -> Stream {
        let Some(ids) = stream.content_ids().filter(|ids| ids.iter().any(|row| !row.is_empty())) else { return stream };
        let [n, dim] = self.own.dims();
        let mixed = (self.mixture.val().reshape([n, self.neighbours.dims()[1], 1]) * self.neighbours.clone()).sum_dim(1);
        // Behind the last row: what other tokens are changed by.
        let change = mixed.reshape([n, dim]) - self.own.clone();
        let change = Tensor::cat(vec![change.clone(), Tensor::zeros([1, dim], &change.device())], 0);
        let row = |id: &Option<u32>| id.and_then(|id| self.rows.get(&id)).map_or(n, |&row| row) as i32;
        let rows: Vec<i32> = ids.iter().flatten().map(row).collect();
        let rows = Tensor::<1, Int>::from_ints(rows.as_slice(), &change.device());
        let [batch, content] = [ids.len(), ids[0].len()];
        stream.plus_content(change.select(0, rows).reshape([batch, content, dim]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_token_is_its_own_nearest_and_ties_go_to_the_lower_one() {
        let table = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 2.0], [0.0, 3.0], [0.0, 0.0], [1.0, 1.0]], &Device::flex());
        let tokens = BTreeSet::from([1, 2]);
        assert_eq!(nearest(&table, &tokens, 3), [1, 4, 0, 2, 1, 4]);
        assert_eq!(nearest(&table, &tokens, 1), [1, 2]);
        assert_eq!(nearest(&table, &tokens, 5).len(), 10);
    }
}
