//! A series becomes tokens of a language model: its patches ask for mixtures of text prototypes.
//!
//! ```text
//! P   = conv₃(patches)                     queries, [patch, width]
//! E'  = W E + b                            prototypes: mixtures of the embedding table, [prototypes, dim]
//! Z_k = softmax(P Q_k (E' K_k)ᵀ / √d) E' V_k    each head
//! z'  = [z ; Z O]                          behind the prompt
//! ```
//!
//! The convolution goes round: in front of the first patch comes the last. Dropout on P and on the attention's weights, in
//! training passes only.
//!
//! # Reference
//! Jin et al., ICLR 2024, arXiv 2310.01728, eqs. 1–2 (Time-LLM), in the form of its code: 16 values a patch in steps of 8, width
//! 32, 8 heads of 128, 1,000 prototypes of the whole vocabulary, dropout .1. With `vocabulary`, only so many rows of E, drawn by
//! the trial's seed, are mixed.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, activation::softmax};
use rand::RngExt;
use reprogram_models::{in_f32, raised};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{site, standard_normal};
use crate::affine::Affine;
use crate::dropout::Dropout;
use crate::{Manipulate, Part, Patches, Setup};

const PART: &str = "patch-prototypes";
/// Patches that the convolution sees.
const KERNEL: usize = 3;

/// `part = "patch-prototypes"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PatchPrototypesSpec {
    /// What is cut.
    pub patches: Patches,
    /// Width of a patch's query.
    pub width: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Rows of E'.
    pub prototypes: usize,
    /// Rows of E that are mixed; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// Share that is left out of a training pass, in 0..1.
    pub dropout: f64,
}

impl Default for PatchPrototypesSpec {
    fn default() -> Self {
        Self { patches: Patches::default(), width: 32, heads: 8, head_width: 128, prototypes: 1_000, vocabulary: None, dropout: 0.1 }
    }
}

/// The map.
#[derive(Module, Debug)]
pub struct PatchPrototypes {
    /// `[3 · length, width]`, without a bias.
    convolution: Param<Tensor<2>>,
    /// W: `[prototypes, vocabulary]`.
    mixture: Param<Tensor<2>>,
    /// b: `[prototypes, 1]`.
    offset: Param<Tensor<2>>,
    query: Affine,
    key: Affine,
    value: Affine,
    output: Affine,
    /// E, or rows of it: `[vocabulary, dim]`.
    #[module(skip)]
    table: Tensor<2>,
    #[module(skip)]
    patches: Patches,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    dropout: Dropout,
}

impl Part for PatchPrototypesSpec {
    type Coordinates = Site;
    type Module = PatchPrototypes;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Learnable, Location::Embedding, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<PatchPrototypes, Misfit> {
        self.patches.of(setup, PART)?;
        let needs = |needs: String| Misfit::PartNeeds { part: PART.to_owned(), needs };
        let table = setup.backbone.token_embeddings().ok_or_else(|| needs("a table of token embeddings".to_owned()))?;
        let [vocabulary, dim] = table.dims();
        if [self.width, self.heads, self.head_width, self.prototypes].contains(&0) || !(0.0..1.0).contains(&self.dropout) {
            return Err(needs("widths, heads and prototypes above zero, and a `dropout` of 0 or more and less than 1".to_owned()));
        }
        let seed = setup.seed.fork(PART);
        let table = match self.vocabulary {
            None => raised(table),
            Some(n) if n == 0 || n > vocabulary => return Err(needs(format!("a `vocabulary` of 1 to {vocabulary} tokens"))),
            Some(n) => {
                let drawn = seed.fork("vocabulary");
                let mut rows: Vec<usize> = (0..vocabulary).collect();
                rows.sort_by_cached_key(|row| drawn.rank(&row.to_string()));
                let rows: Vec<i32> = rows[..n].iter().map(|&row| row as i32).collect();
                let rows = Tensor::<1, Int>::from_ints(rows.as_slice(), &table.device());
                raised(table.select(0, rows))
            }
        };
        let mut rng = seed.rng();
        let device = setup.device;
        let n_in = KERNEL * self.patches.length;
        // Kaiming's normal distribution for a leaky rectifier of slope .01.
        let std = (2.0 / (1.0 + 1e-4) / n_in as f32).sqrt();
        let kernel: Vec<f32> = (0..n_in * self.width).map(|_| std * standard_normal(&mut rng)).collect();
        let n_rows = table.dims()[0];
        let bound = 1.0 / (n_rows as f32).sqrt();
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-bound..bound)).collect() };
        let param =
            |values: Vec<f32>, shape: [usize; 2]| Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), in_f32(device)));
        let mixture = param(draw(self.prototypes * n_rows), [self.prototypes, n_rows]);
        let offset = param(draw(self.prototypes), [self.prototypes, 1]);
        let all = self.heads * self.head_width;
        Ok(PatchPrototypes {
            convolution: param(kernel, [n_in, self.width]),
            mixture,
            offset,
            query: Affine::uniform(self.width, all, &mut rng, device),
            key: Affine::uniform(dim, all, &mut rng, device),
            value: Affine::uniform(dim, all, &mut rng, device),
            output: Affine::uniform(all, dim, &mut rng, device),
            table,
            patches: self.patches,
            heads: self.heads,
            dropout: Dropout::new(self.dropout, seed.fork("dropout")),
        })
    }
}

impl PatchPrototypes {
    /// In a training pass.
    fn dropped<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.convolution.val().is_require_grad() { self.dropout.apply(x) } else { x }
    }

    /// `[rows, heads · width]` to `[heads, rows, width]`.
    fn by_head(&self, x: Tensor<2>) -> Tensor<3> {
        let [rows, all] = x.dims();
        x.reshape([rows, self.heads, all / self.heads]).swap_dims(0, 1)
    }
}

impl Manipulate for PatchPrototypes {
    fn series_tokens(&self, windows: &Tensor<2>) -> Option<Tensor<3>> {
        let patches = self.patches.cut(windows.clone());
        let [batch, n, length] = patches.dims();
        let round = |by: usize| {
            let (front, back) = (patches.clone().narrow(1, 0, by), patches.clone().narrow(1, by, n - by));
            Tensor::cat(vec![back, front], 1)
        };
        // Before, itself, behind.
        let seen = Tensor::cat(vec![round(n - 1), patches.clone(), round(1)], 2).reshape([batch * n, KERNEL * length]);
        let queries = self.dropped(seen.matmul(self.convolution.val()));
        let prototypes = self.mixture.val().matmul(self.table.clone()) + self.offset.val();
        let [query, key, value] =
            [self.query.forward(queries), self.key.forward(prototypes.clone()), self.value.forward(prototypes)].map(|x| self.by_head(x));
        let width = key.dims()[2];
        let scores = query.matmul(key.swap_dims(1, 2)).div_scalar((width as f64).sqrt());
        let mixed = self.dropped(softmax(scores, 2)).matmul(value).swap_dims(0, 1).reshape([batch * n, self.heads * width]);
        let tokens = self.output.forward(mixed);
        let dim = tokens.dims()[1];
        Some(tokens.reshape([batch, n, dim]))
    }
}
