//! Learned tokens in front of the names of classes.
//!
//! The text of class c is `[start] V₁ … V_M [name of c] . [end]`; V `[tokens, dim]` for all classes, or `[class, tokens, dim]`, one
//! context a class.
//!
//! # Reference
//! Zhou et al., IJCV 2022, arXiv 2109.01134, eq. 2 and 3 (the name at the end; "unified" and "class-specific" contexts).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, PromptInit, Setup};

/// `part = "class-context"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassContextSpec {
    /// Number of tokens.
    pub tokens: usize,
    /// Where they start.
    #[serde(default = "narrow")]
    pub init: PromptInit,
    /// Whose they are.
    #[serde(default)]
    pub of: ContextOf,
}

/// Whose context it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextOf {
    /// One for all classes.
    #[default]
    All,
    /// One for each class.
    Each,
}

const fn narrow() -> PromptInit {
    PromptInit::Normal { std: 0.02 }
}

/// The context.
#[derive(Module, Debug)]
pub struct ClassContext {
    /// `[1 | class, tokens, dim]`
    tokens: Param<Tensor<3>>,
}

impl Part for ClassContextSpec {
    type Coordinates = Site;
    type Module = ClassContext;

    fn coordinates(&self) -> Site {
        let (modality, operator, tower) = (Modality::Text, Operator::Concatenative, Some(Tower::Text));
        let site = SiteSpec { modality, format: Format::Learnable, location: Location::Embedding, operator, layers: None, tower };
        Site::new(site).expect("a part's own site is coherent")
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ClassContext, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), self.tokens)?;
        let n_contexts = match self.of {
            ContextOf::All => 1,
            ContextOf::Each => setup.target.n_classes(),
        };
        let data = self.init.draw_in(Tower::Text, n_contexts * self.tokens, setup, "class-context")?;
        let [rows, dim] = [n_contexts * self.tokens, data.shape()[1]];
        let flat: Tensor<2> = Tensor::from_data(data, in_f32(setup.device));
        Ok(ClassContext { tokens: Param::from_tensor(flat.reshape([n_contexts, rows / n_contexts, dim])) })
    }
}

impl Manipulate for ClassContext {
    fn embedding(&self, stream: Stream) -> Stream {
        stream.insert_prompt(self.tokens.val())
    }

    fn is_uniform(&self) -> bool {
        self.tokens.dims()[0] == 1
    }
}
