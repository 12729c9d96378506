//! A direction that is added to every token, at the embedding or in front of blocks, and that nobody learns: a steering vector.
//!
//! `z' = z + s (μ⁺ − μ⁻)`, μ the mean content token of what points one way and of what points the other, as f alone has it at
//! that place: training items of two classes, or two texts. No gradient and no loss is asked.
//!
//! # Reference
//! Turner et al., arXiv 2308.10248 (activation addition: two texts); Rimsky et al., ACL 2024, arXiv 2312.06681 (means over
//! labelled items, added at every token); Subramani et al., Findings of ACL 2022, arXiv 2205.05124 (steering vectors, there
//! extracted by gradient). Deviation: means over all tokens of a text, not a difference token by token or at the last token.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::{Input, Stream, TokenBatch, in_f32};
use reprogram_taxonomy::{Format, Layers, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::{hidden_site, layers_within, same_classes, site};
use crate::family::is_default;
use crate::{Manipulate, Part, Setup, Shown};

/// `part = "steering"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SteeringSpec {
    /// The backbone's modality.
    pub modality: Modality,
    /// In front of which blocks; without it, at the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
    /// s.
    #[serde(default = "one")]
    pub scale: f32,
    /// What points which way.
    #[serde(default, skip_serializing_if = "is_default")]
    pub contrast: Contrast,
}

/// What points which way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Contrast {
    /// Training items of two classes, counted from zero.
    Classes {
        /// +
        toward: usize,
        /// −
        from: usize,
    },
    /// Two texts. Language models.
    Texts {
        /// +
        toward: String,
        /// −
        from: String,
    },
}

impl Default for Contrast {
    fn default() -> Self {
        Self::Classes { toward: 1, from: 0 }
    }
}

const fn one() -> f32 {
    1.0
}

/// The directions.
#[derive(Module, Debug)]
pub struct Steering {
    /// `[blocks, 1, dim]`, one row at the embedding; zero until it is made.
    direction: Param<Tensor<3>>,
    /// Blocks; nothing at the embedding.
    #[module(skip)]
    blocks: Option<[usize; 2]>,
    /// + and −, where training items point.
    #[module(skip)]
    classes: Option<[usize; 2]>,
    #[module(skip)]
    scale: f32,
}

impl Part for SteeringSpec {
    type Coordinates = Site;
    type Module = Steering;

    fn coordinates(&self) -> Site {
        match self.layers {
            None => site(self.modality, Format::Fixed, Location::Embedding, Operator::Additive),
            Some(layers) => hidden_site(self.modality, Format::Fixed, Operator::Additive, layers),
        }
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Steering, Misfit> {
        let needs = |needs: String| Misfit::PartNeeds { part: "steering".to_owned(), needs };
        let blocks = self.layers.map(|layers| layers_within(layers, setup));
        let places = blocks.clone().map_or(1, |blocks| blocks.len());
        let zero = vec![vec![0.0; setup.backbone.card().main.dim]; places];
        let own = Steering {
            direction: directions(&zero, setup.device),
            blocks: blocks.map(|blocks| [blocks.start, blocks.end]),
            classes: None,
            scale: self.scale,
        };
        match &self.contrast {
            &Contrast::Classes { toward, from } => {
                same_classes(setup, "steering")?;
                let n = setup.target.n_classes();
                if toward == from || toward.max(from) >= n {
                    return Err(needs(format!("two different classes of {n}, counted from zero, but got {toward} and {from}")));
                }
                Ok(Steering { classes: Some([toward, from]), ..own })
            }
            Contrast::Texts { toward, from } => {
                let tokenizer = setup.backbone.tokenizer().ok_or_else(|| needs("a language model, to read two texts".to_owned()))?;
                let rows: Vec<Vec<u32>> = [toward, from].map(|text| tokenizer.encode(text)).to_vec();
                if rows.iter().any(Vec::is_empty) {
                    return Err(needs("two texts of at least one token each".to_owned()));
                }
                let inputs = [Input::Tokens(TokenBatch::new(rows))];
                let shown = Shown { backbone: setup.backbone, inputs: &inputs, labels: &[0, 1], n_classes: 2 };
                Ok(own.between(&shown, [0, 1]))
            }
        }
    }
}

/// `[place, 1, dim]`
fn directions(values: &[Vec<f32>], device: &Device) -> Param<Tensor<3>> {
    let data = TensorData::new(values.concat(), [values.len(), 1, values[0].len()]);
    Param::initialized(ParamId::new(), Tensor::from_data(data, in_f32(device))).set_require_grad(false)
}

impl Steering {
    fn between(self, shown: &Shown<'_>, [toward, from]: [usize; 2]) -> Self {
        let means = shown.class_means(self.blocks.map(|[first, end]| first..end));
        let direction = |classes: &Vec<Vec<f32>>| -> Vec<f32> {
            classes[toward].iter().zip(&classes[from]).map(|(toward, from)| self.scale * (toward - from)).collect()
        };
        let values: Vec<Vec<f32>> = means.iter().map(direction).collect();
        let device = self.direction.val().device();
        Self { direction: directions(&values, &device), ..self }
    }
}

impl Manipulate for Steering {
    fn is_made_of_items(&self) -> bool {
        self.classes.is_some()
    }

    fn make(&mut self, shown: &Shown<'_>) -> Result<(), Misfit> {
        if let Some(classes) = self.classes {
            *self = self.clone().between(shown, classes);
        }
        Ok(())
    }

    fn embedding(&self, stream: Stream) -> Stream {
        match self.blocks {
            None => stream.plus(self.direction.val()),
            Some(_) => stream,
        }
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        match self.blocks {
            Some([first, end]) if (first..end).contains(&layer) => stream.plus(self.direction.val().narrow(0, layer - first, 1)),
            Some(_) | None => stream,
        }
    }
}
