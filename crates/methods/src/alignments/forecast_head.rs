//! A forecast from the last tokens of a series: `ŷ = (u W + b) σ + μ`, u the first numbers of each token, side by side; σ and μ
//! are the window's own.
//!
//! # Reference
//! Jin et al., ICLR 2024, arXiv 2310.01728, §3 (Time-LLM's output projection: the first 128 numbers of each patch's token).

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::own_scale;
use crate::affine::Affine;
use crate::series::horizon;
use crate::{Align, Part, Patches, Reads, Setup};

/// `part = "forecast-head"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ForecastHeadSpec {
    /// How the series was cut: as many tokens are read.
    pub patches: Patches,
    /// Numbers of a token that are read, or all where it has fewer.
    pub width: usize,
}

impl Default for ForecastHeadSpec {
    fn default() -> Self {
        Self { patches: Patches::default(), width: 128 }
    }
}

/// W and b.
#[derive(Module, Debug)]
pub struct ForecastHead {
    map: Affine,
    #[module(skip)]
    reads: Reads,
}

impl Part for ForecastHeadSpec {
    type Coordinates = Alignment;
    type Module = ForecastHead;

    fn coordinates(&self) -> Alignment {
        Alignment::Linear
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ForecastHead, Misfit> {
        let (n, horizon) = (self.patches.of(setup, "forecast-head")?, horizon(setup, "forecast-head")?);
        let width = self.width.min(setup.backbone.card().main.dim);
        if width == 0 {
            return Err(Misfit::PartNeeds { part: "forecast-head".to_owned(), needs: "a `width` of at least 1".to_owned() });
        }
        let mut rng = setup.seed.fork("forecast-head").rng();
        let map = Affine::uniform(n * width, horizon, &mut rng, setup.device);
        Ok(ForecastHead { map, reads: Reads::Tokens { n, width } })
    }
}

impl Align for ForecastHead {
    fn reads(&self) -> Reads {
        self.reads
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        own_scale(scores, |tokens| self.map.forward(tokens))
    }
}
