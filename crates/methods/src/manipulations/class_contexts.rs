//! Several learned contexts in front of the names of classes: each class has as many texts.
//!
//! The n-th text of class c is `[start] Vⁿ₁ … Vⁿ_M [name of c] . [end]`; V `[contexts, tokens, dim]` for all classes.
//!
//! # Reference
//! Chen et al., ICLR 2023, arXiv 2210.01253 (PLOT), §3.2.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, PromptInit, Setup};

/// `part = "class-contexts"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassContextsSpec {
    /// Number of contexts.
    pub contexts: usize,
    /// Tokens of each.
    pub tokens: usize,
    /// Where they start.
    pub init: PromptInit,
}

/// The contexts.
#[derive(Module, Debug)]
pub struct ClassContexts {
    /// `[contexts, tokens, dim]`
    tokens: Param<Tensor<3>>,
}

impl Part for ClassContextsSpec {
    type Coordinates = Site;
    type Module = ClassContexts;

    fn coordinates(&self) -> Site {
        let (modality, operator, tower) = (Modality::Text, Operator::Concatenative, Some(Tower::Text));
        let site = SiteSpec { modality, format: Format::Learnable, location: Location::Embedding, operator, layers: None, tower };
        Site::new(site).expect("a part's own site is coherent")
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ClassContexts, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), self.tokens)?;
        let data = self.init.draw_in(Tower::Text, self.contexts * self.tokens, setup, "class-contexts")?;
        let dim = data.shape()[1];
        let flat: Tensor<2> = Tensor::from_data(data, in_f32(setup.device));
        Ok(ClassContexts { tokens: Param::from_tensor(flat.reshape([self.contexts, self.tokens, dim])) })
    }
}

impl Manipulate for ClassContexts {
    fn class_texts(&self, texts: ClassTexts) -> ClassTexts {
        texts.rewritten(|text| vec![text.to_owned(); self.tokens.dims()[0]])
    }

    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        check_texts(setup, texts, self.tokens.dims()[1])
    }

    fn embedding(&self, stream: Stream) -> Stream {
        let ([contexts, n, dim], rows) = (self.tokens.dims(), stream.spans().len());
        // The texts of a class stand together, one for each context.
        let of_each = self.tokens.val().reshape([1, contexts, n, dim]).expand([rows / contexts, contexts, n, dim]);
        stream.insert_prompt(of_each.reshape([rows, n, dim]))
    }

    fn is_uniform(&self) -> bool {
        false
    }
}
