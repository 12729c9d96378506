//! A trained map of every token through a narrow layer, at the embedding or in front of blocks: an adapter.
//!
//! `z' = z + W₂ relu(W₁ z + b₁) + b₂`, W₁ `[dim, hidden]`, W₂ and b₂ zero at the start, so that it begins as the identity. The
//! plainest parametric manipulation of ℓ = embedding and ℓ = hidden: `2 dim · hidden + hidden + dim` numbers at each place.
//!
//! # Reference
//! Houlsby et al., ICML 2019, arXiv 1902.00751, §2.1 (adapters inside blocks, which start near the identity). Deviation: it
//! stands in front of blocks, where f's interface is, not behind the branches within them; relu, which the paper leaves open.

use burn::module::Module;
use burn::tensor::activation::relu;
use reprogram_models::{Stream, raised};
use reprogram_taxonomy::{Format, Layers, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{hidden_site, layers_within, site};
use crate::affine::Affine;
use crate::{Manipulate, Part, Setup};

/// `part = "bottleneck"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BottleneckSpec {
    /// The backbone's modality.
    pub modality: Modality,
    /// Width of the narrow layer.
    pub hidden: usize,
    /// In front of which blocks; without it, at the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
}

/// The maps.
#[derive(Module, Debug)]
pub struct Bottleneck {
    maps: Vec<Narrow>,
    /// The first block; nothing at the embedding.
    #[module(skip)]
    first: Option<usize>,
}

/// One of them.
#[derive(Module, Debug)]
struct Narrow {
    /// `[dim, hidden]`
    down: Affine,
    /// `[hidden, dim]`
    up: Affine,
}

impl Part for BottleneckSpec {
    type Coordinates = Site;
    type Module = Bottleneck;

    fn coordinates(&self) -> Site {
        match self.layers {
            None => site(self.modality, Format::Learnable, Location::Embedding, Operator::Parametric),
            Some(layers) => hidden_site(self.modality, Format::Learnable, Operator::Parametric, layers),
        }
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Bottleneck, Misfit> {
        if self.hidden == 0 {
            return Err(Misfit::PartNeeds { part: "bottleneck".to_owned(), needs: "a `hidden` of at least one".to_owned() });
        }
        let blocks = self.layers.map_or(0..1, |layers| layers_within(layers, setup));
        let dim = setup.backbone.card().main.dim;
        let mut rng = setup.seed.fork("bottleneck").rng();
        let map = |_| Narrow {
            down: Affine::uniform(dim, self.hidden, &mut rng, setup.device),
            up: Affine::zeros(self.hidden, dim, setup.device),
        };
        Ok(Bottleneck { maps: blocks.clone().map(map).collect(), first: self.layers.map(|_| blocks.start) })
    }
}

impl Narrow {
    fn forward(&self, stream: Stream) -> Stream {
        let hidden = raised(stream.hidden());
        let [batch, seq, dim] = hidden.dims();
        if batch * seq == 0 {
            return stream;
        }
        let change = self.up.forward(relu(self.down.forward(hidden.reshape([batch * seq, dim]))));
        stream.plus(change.reshape([batch, seq, dim]))
    }
}

impl Manipulate for Bottleneck {
    fn embedding(&self, stream: Stream) -> Stream {
        match self.first {
            None => self.maps[0].forward(stream),
            Some(_) => stream,
        }
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        match self.first.and_then(|first| self.maps.get(layer.checked_sub(first)?)) {
            Some(map) => map.forward(stream),
            None => stream,
        }
    }
}
