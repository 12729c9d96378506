//! A learned vector that is added to every token, at the embedding or in front of blocks.
//!
//! `z' = z + δ_l`: the plainest additive manipulation of ℓ = embedding and ℓ = hidden. A zero δ is the identity.
//!
//! # Reference
//! The survey's additive operator at these locations, arXiv 2506.04650, table 1; with biases in place of δ the same is
//! BitFit (Ben Zaken et al., ACL 2022, arXiv 2106.10199), in front of blocks only.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Layers, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::standard_normal;
use super::{hidden_site, layers_within, site};
use crate::{Manipulate, Part, Setup};

/// `part = "delta"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeltaSpec {
    /// The backbone's modality.
    pub modality: Modality,
    /// In front of which blocks; without it, at the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
    /// Standard deviation of the initial δ.
    #[serde(default)]
    pub init_std: f32,
}

/// The vectors.
#[derive(Module, Debug)]
pub struct Delta {
    /// `[blocks, 1, dim]`, one row at the embedding.
    delta: Param<Tensor<3>>,
    /// The first block; nothing at the embedding.
    #[module(skip)]
    first: Option<usize>,
}

impl Part for DeltaSpec {
    type Coordinates = Site;
    type Module = Delta;

    fn coordinates(&self) -> Site {
        match self.layers {
            None => site(self.modality, Format::Learnable, Location::Embedding, Operator::Additive),
            Some(layers) => hidden_site(self.modality, Format::Learnable, Operator::Additive, layers),
        }
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Delta, Misfit> {
        let blocks = self.layers.map_or(0..1, |layers| layers_within(layers, setup));
        let dim = setup.backbone.card().main.dim;
        let mut rng = setup.seed.fork("delta").rng();
        let values: Vec<f32> = (0..blocks.len() * dim).map(|_| self.init_std * standard_normal(&mut rng)).collect();
        let values = TensorData::new(values, [blocks.len(), 1, dim]);
        let first = self.layers.map(|_| blocks.start);
        Ok(Delta { delta: Param::from_tensor(Tensor::from_data(values, in_f32(setup.device))), first })
    }
}

impl Manipulate for Delta {
    fn embedding(&self, stream: Stream) -> Stream {
        match self.first {
            None => stream.plus(self.delta.val()),
            Some(_) => stream,
        }
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        let delta = self.delta.val();
        match self.first.and_then(|first| layer.checked_sub(first)) {
            Some(at) if at < delta.dims()[0] => stream.plus(delta.narrow(0, at, 1)),
            Some(_) | None => stream,
        }
    }
}
