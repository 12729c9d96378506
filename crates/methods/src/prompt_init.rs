//! Where learned tokens start.
//!
//! # Reference
//! Lester et al., EMNLP 2021, arXiv 2104.08691, §3.2 (initialisation decides whether a prompt learns: token embeddings are
//! far smaller than N(0, 1)); Jia et al., ECCV 2022, arXiv 2203.12119, official code (uniform, Xavier's bound for a patch).

use burn::tensor::{Int, Tensor, TensorData};
use rand::RngExt;
use reprogram_models::Input;
use reprogram_taxonomy::{InputSpace, Misfit, Tower};
use serde::{Deserialize, Serialize};

use crate::Setup;
use crate::manipulations::standard_normal;

/// Where the tokens start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PromptInit {
    /// Embeddings of tokens drawn from the vocabulary.
    Vocabulary,
    /// Independent normal numbers.
    Normal {
        /// Their standard deviation.
        std: f32,
    },
    /// Embeddings of a text's tokens, repeated or cut to length.
    Text(String),
    /// Uniform in ±√(6 / (numbers of a patch + dim)), as a patch embedding starts. Vision transformers.
    Xavier,
}

impl PromptInit {
    pub(crate) const fn vocabulary() -> Self {
        Self::Vocabulary
    }

    pub(crate) const fn xavier() -> Self {
        Self::Xavier
    }

    /// `[n, dim]` of the main tower, drawn from the trial's generator of this part's name.
    pub(crate) fn draw(&self, n: usize, setup: &Setup<'_>, part: &str) -> Result<TensorData, Misfit> {
        self.draw_in(setup.backbone.card().main.tower, n, setup, part)
    }

    /// The same for a tower, which [`reprogram_taxonomy::Signature::check`] has found.
    pub(crate) fn draw_in(&self, tower: Tower, n: usize, setup: &Setup<'_>, part: &str) -> Result<TensorData, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: part.to_owned(), needs: needs.to_owned() };
        if n == 0 {
            return Err(needs("at least one token"));
        }
        let dim = setup.backbone.card().tower(tower).map_or(0, |tower| tower.dim);
        let mut rng = setup.seed.fork(part).rng();
        let embeddings =
            || setup.backbone.token_embeddings().ok_or_else(|| needs("a backbone with a vocabulary, or `init = { normal = { std = … } }`"));
        let rows = |ids: Vec<i32>, table: Tensor<2>| {
            let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), &table.device());
            table.select(0, ids).into_data()
        };
        Ok(match self {
            Self::Normal { std } => TensorData::new((0..n * dim).map(|_| std * standard_normal(&mut rng)).collect::<Vec<f32>>(), [n, dim]),
            Self::Vocabulary => {
                let table = embeddings()?;
                let n_tokens = table.dims()[0];
                rows((0..n).map(|_| rng.random_range(0..n_tokens) as i32).collect(), table)
            }
            Self::Text(words) => {
                let table = embeddings()?;
                let ids = setup.backbone.tokenizer().map(|tokenizer| tokenizer.encode(words)).unwrap_or_default();
                if ids.is_empty() {
                    return Err(needs("an initial text with at least one token"));
                }
                rows(ids.iter().map(|id| id.cast_signed()).cycle().take(n).collect(), table)
            }
            Self::Xavier => {
                let patch = patch_numbers(setup).ok_or_else(|| needs("images in patches, or another `init`"))?;
                let bound = (6.0 / (patch + dim) as f32).sqrt();
                TensorData::new((0..n * dim).map(|_| rng.random_range(-bound..bound)).collect::<Vec<f32>>(), [n, dim])
            }
        })
    }
}

/// Numbers that one content token of an image is made of.
fn patch_numbers(setup: &Setup<'_>) -> Option<usize> {
    let InputSpace::Image { channels, height, width } = setup.backbone.card().main.input else { return None };
    let blank = Tensor::zeros([1, channels, height, width], &setup.backbone.device());
    let n_patches = setup.backbone.embed(Input::Image(blank)).layout().content;
    (n_patches > 0).then(|| channels * height * width / n_patches)
}
