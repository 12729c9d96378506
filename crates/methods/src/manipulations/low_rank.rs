//! Learned low-rank maps beside the query and value maps of blocks: LoRA, the usual baseline of weight tuning.
//!
//! `W x + (α / r) B A x`, A `[dim, r]` uniform in ±1/√dim (Kaiming with a = √5), B `[r, out]` zero: at the start nothing
//! changes. The frozen weights stay as they are; the maps are a branch of their own.
//!
//! # Reference
//! Hu et al., ICLR 2022, arXiv 2106.09685, eq. 3; start and default targets (query and value) as in PEFT. No dropout.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use reprogram_models::{SideMap, Stream, in_f32};
use reprogram_taxonomy::{Format, Layers, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{all_layers, hidden_site, layers_within, text};
use crate::{Manipulate, Part, Setup};

/// `part = "low-rank"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LowRankSpec {
    /// r.
    pub rank: usize,
    /// α: the branch is scaled by α / r.
    pub alpha: f32,
    /// At which blocks.
    #[serde(default = "all_layers")]
    pub layers: Layers,
    /// The backbone's modality.
    #[serde(default = "text")]
    pub modality: Modality,
}

/// The maps of all blocks.
#[derive(Module, Debug)]
pub struct LowRank {
    /// `[blocks, dim, r]`
    query_down: Param<Tensor<3>>,
    /// `[blocks, r, head · head_dim]`
    query_up: Param<Tensor<3>>,
    /// `[blocks, dim, r]`
    value_down: Param<Tensor<3>>,
    /// `[blocks, r, kv_head · head_dim]`
    value_up: Param<Tensor<3>>,
    #[module(skip)]
    first: usize,
    #[module(skip)]
    scale: f32,
}

impl Part for LowRankSpec {
    type Coordinates = Site;
    type Module = LowRank;

    fn coordinates(&self) -> Site {
        hidden_site(self.modality, Format::Learnable, Operator::Parametric, self.layers)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<LowRank, Misfit> {
        let needs = |needs: &str| Misfit::PartNeeds { part: "low-rank".to_owned(), needs: needs.to_owned() };
        let heads = setup.backbone.heads().ok_or_else(|| needs("a backbone with attention"))?;
        if self.rank == 0 {
            return Err(needs("a rank of at least one"));
        }
        let blocks = layers_within(self.layers, setup);
        let dim = setup.backbone.card().main.dim;
        let bound = 1.0 / (dim as f32).sqrt();
        let mut rng = setup.seed.fork("low-rank").rng();
        let mut down = || {
            let values = (0..blocks.len() * dim * self.rank).map(|_| rng.random_range(-bound..bound)).collect::<Vec<f32>>();
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [blocks.len(), dim, self.rank]), in_f32(setup.device)))
        };
        let up = |width: usize| Param::from_tensor(Tensor::zeros([blocks.len(), self.rank, width], in_f32(setup.device)));
        Ok(LowRank {
            query_down: down(),
            query_up: up(heads.query * heads.dim),
            value_down: down(),
            value_up: up(heads.key_value * heads.dim),
            first: blocks.start,
            scale: self.alpha / self.rank as f32,
        })
    }
}

impl Manipulate for LowRank {
    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        let of = |tensor: &Param<Tensor<3>>, at: usize| tensor.val().narrow(0, at, 1);
        match layer.checked_sub(self.first) {
            Some(at) if at < self.query_down.dims()[0] => {
                let map = |down, up| SideMap { down: of(down, at), up: of(up, at).mul_scalar(self.scale) };
                stream.beside(map(&self.query_down, &self.query_up), map(&self.value_down, &self.value_up))
            }
            Some(_) | None => stream,
        }
    }
}
